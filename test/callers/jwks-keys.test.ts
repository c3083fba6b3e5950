import type { JWK } from "jose";
import { describe, expect, test } from "vitest";
import { parseJwks, SUPPORTED_ALGORITHMS, selectKey } from "../../src/callers/jwks-keys.ts";
import { base64url } from "../../src/crypto/bytes.ts";
import { signer } from "./support.ts";

const { publicJwk } = await signer("ES256", "ec");

/** A modulus of that many bytes, all of `rest` but the first ones. */
function modulus(length: number, first: number[], rest = 0xff): string {
  return base64url(Uint8Array.from({ length }, (_, index) => first[index] ?? rest));
}

const rsa = (changes: Partial<JWK> = {}): JWK => ({ kty: "RSA", kid: "r", n: modulus(256, []), e: "AQAB", ...changes });
const kindOf = (key: JWK, alg = "RS256") => selectKey({ keys: [key] }, alg, "r").kind;

describe("B-15 an RSA key", () => {
  test("is as long as its first bit that is set says, and not as its text", () => {
    expect(kindOf(rsa({ n: modulus(256, [0x80]) }))).toBe("key");
    expect(kindOf(rsa({ n: modulus(256, [0x7f]) }))).toBe("unusable");
    expect(kindOf(rsa({ n: modulus(258, [0, 0]) }))).toBe("key");
    expect(kindOf(rsa({ n: modulus(258, [0, 0, 0x7f]) }))).toBe("unusable");
    expect(kindOf(rsa({ n: modulus(1025, [1]) }))).toBe("unusable");
    expect(kindOf(rsa({ n: modulus(1025, [0]) }))).toBe("key");
  });

  test("whose modulus is nothing but zeros is none", () => {
    for (const length of [1, 255, 256, 512]) expect(kindOf(rsa({ n: modulus(length, [], 0) }))).toBe("unusable");
  });

  test.each<[string, number[], string]>([
    ["three", [3], "key"],
    ["one", [1], "unusable"],
    ["zero", [0], "unusable"],
    ["of no bytes", [], "unusable"],
    ["even", [1, 0, 0], "unusable"],
    ["odd, of four bytes", [0x80, 0, 0, 1], "key"],
    ["odd, of five bytes", [1, 0, 0, 0, 1], "unusable"],
  ])("whose exponent is %s: %s", (_, bytes, kind) => {
    expect(kindOf(rsa({ e: base64url(Uint8Array.from(bytes)) }))).toBe(kind);
  });

  test("is judged the same the second time", () => {
    const [sound, weak] = [rsa(), rsa({ e: "AQ" })];
    for (let round = 0; round < 2; round++) expect([kindOf(sound), kindOf(weak)]).toEqual(["key", "unusable"]);
  });
});

describe("B-15 a key is for what it says", () => {
  test("an operation that is not verifying is not ours, one of several may be", () => {
    expect(kindOf(rsa({ key_ops: ["verify"] }))).toBe("key");
    expect(kindOf(rsa({ key_ops: ["wrapKey", "verify"] }))).toBe("key");
    expect(kindOf(rsa({ key_ops: [] }))).toBe("unusable");
  });

  test("an algorithm that nobody may register finds none, with a key id or without", () => {
    for (const alg of ["HS256", "none", "constructor", "ES256K"]) {
      expect(selectKey({ keys: [publicJwk, rsa()] }, alg, null)).toEqual({ kind: "unknown" });
      expect(kindOf(rsa(), alg)).toBe("unusable");
    }
    expect(SUPPORTED_ALGORITHMS).toEqual(["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"]);
  });

  test("a curve of another name is another key", () => {
    expect(kindOf({ ...publicJwk, kid: "r", crv: "P-384" }, "ES256")).toBe("unusable");
    expect(kindOf({ kty: "OKP", kid: "r", crv: "Ed448", x: "AAAA" }, "EdDSA")).toBe("unusable");
  });
});

describe("B-15 of a key set", () => {
  const parsed = (...keys: unknown[]) => {
    const set = parseJwks({ keys });
    return set.ok ? set.value.keys : set.failure;
  };

  test.each(["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])(
    "a key with the private member %s is dropped, whatever is in it",
    (member) => {
      expect(parsed(publicJwk, { ...publicJwk, [member]: null })).toEqual([publicJwk]);
    },
  );

  test("nothing but public members stays, and none that was not there", () => {
    expect(parsed({ ...publicJwk, x5c: ["MIIB"], nbf: 1, alg: undefined, use: undefined })).toStrictEqual([
      { kty: "EC", kid: "ec", crv: "P-256", x: publicJwk.x, y: publicJwk.y },
    ]);
  });

  test("a SPIFFE bundle's key for JWTs is one for signatures, its key for certificates is not", () => {
    const [jwt, x509] = [
      { ...publicJwk, use: "jwt-svid" },
      { ...publicJwk, kid: "x509", use: "x509-svid" },
    ];
    expect(parsed(jwt, x509)).toEqual([{ ...publicJwk, use: "sig" }, x509]);
    expect(selectKey({ keys: [x509] }, "ES256", "x509").kind).toBe("unusable");
  });

  test("the Bot Framework's endorsements are kept, and cost no key where they are none", () => {
    expect(parsed({ ...publicJwk, endorsements: ["msteams"] })).toEqual([{ ...publicJwk, endorsements: ["msteams"] }]);
    for (const endorsements of ["msteams", [1], null]) {
      expect(parsed({ ...publicJwk, endorsements })).toStrictEqual([publicJwk]);
    }
  });

  test("a member of another type costs the key", () => {
    for (const [member, value] of Object.entries({ kid: 7, use: 1, key_ops: "verify", alg: [], crv: 1, x: 1, y: {} })) {
      expect(parsed({ ...publicJwk, [member]: value })).toEqual([]);
    }
    expect(parsed(rsa({ n: 1 as unknown as string }), { ...rsa(), e: 3 })).toEqual([]);
  });

  test("there are up to a hundred", () => {
    expect(parsed(...Array.from({ length: 100 }, () => publicJwk))).toHaveLength(100);
    expect(parsed(...Array.from({ length: 101 }, () => publicJwk))).toEqual({
      code: "upstream_invalid_response",
      reason: "not a JWK Set, or too many keys",
    });
  });
});
