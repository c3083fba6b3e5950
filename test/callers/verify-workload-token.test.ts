import { exportSPKI, importJWK, type JWK, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { selectKey } from "../../src/callers/jwks-keys.ts";
import { decodeUnverified } from "../../src/callers/unverified-token.ts";
import { verifyWorkloadToken } from "../../src/callers/verify-workload-token.ts";
import { base64url, utf8 } from "../../src/crypto/bytes.ts";
import { fail, ok } from "../../src/errors.ts";
import { AUDIENCE, goodClaims, NOW_MS, segment, signer, without } from "./support.ts";

const ISS = "https://idp.example.com";
const honest = await signer("ES256", "honest");
const rsa = await signer("RS256", "rsa");

async function verify(
  token: string,
  options: {
    algorithms?: string[];
    keys?: JWK[];
    nowMs?: number;
    typ?: string | null;
    maxTokenAgeMs?: number;
    selectorClaim?: string;
  } = {},
) {
  const decoded = decodeUnverified(token);
  if (!decoded.ok) return decoded;
  const issuer = {
    issuer: ISS,
    audience: AUDIENCE,
    selectorClaim: options.selectorClaim ?? "sub",
    algorithms: options.algorithms ?? ["ES256", "RS256"],
    maxTokenAgeMs: options.maxTokenAgeMs ?? 15 * 60_000,
  };
  return verifyWorkloadToken(decoded.value, issuer, {
    now: () => options.nowMs ?? NOW_MS,
    typ: options.typ ?? null,
    findKey: async (alg, kid) => {
      const selected = selectKey({ keys: options.keys ?? [honest.publicJwk, rsa.publicJwk] }, alg, kid);
      return selected.kind === "key" ? ok(selected.key) : fail("token_key_unknown");
    },
  });
}

async function code(token: string, options?: Parameters<typeof verify>[1]): Promise<string> {
  const result = await verify(token, options);
  return result.ok ? "ok" : result.failure.code;
}

const claims = (overrides: Record<string, unknown> = {}) => goodClaims(ISS, overrides);

describe("what passes", () => {
  test.each(["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"])(
    "a token signed with %s",
    async (alg) => {
      const { sign, publicJwk } = await signer(alg);
      const result = await verify(await sign(claims({ jti: "t1" })), { algorithms: [alg], keys: [publicJwk] });
      expect(result).toMatchObject({ ok: true, value: { issuer: ISS, subject: "workload-1", tokenId: "t1" } });
      expect(result.ok && result.value.expiresAtMs).toBe(NOW_MS + 300_000);
    },
  );

  test("a token without typ or kid, when the set has one fitting key", async () => {
    expect(await code(await honest.sign(claims(), { typ: undefined, kid: undefined }))).toBe("ok");
  });

  test.each(["JWT", "jwt", "application/jwt", "Application/JWT"])("a token of type %s", async (typ) => {
    expect(await code(await honest.sign(claims(), { typ }))).toBe("ok");
  });

  test("an audience list of exactly our audience", async () => {
    expect(await code(await honest.sign(claims({ aud: [AUDIENCE] })))).toBe("ok");
  });
});

describe("the header", () => {
  test.each(["none", "None", "NONE", "nOnE", "HS256", "hs256", "es256", "ES256K", "RS256 ", "", "constructor"])(
    "B-01 alg %j is refused",
    async (alg) => {
      expect(await code(`${segment({ alg, kid: "honest" })}.${segment(claims())}.AAAA`)).toBe("token_alg_not_allowed");
    },
  );

  test("B-01 a public key is not accepted as an HMAC secret, not even if HS256 were registered", async () => {
    const spki = await exportSPKI((await importJWK({ ...rsa.publicJwk, ext: true }, "RS256")) as CryptoKey);
    const token = await new SignJWT(claims()).setProtectedHeader({ alg: "HS256", kid: "rsa" }).sign(utf8(spki));
    expect(await code(token)).toBe("token_alg_not_allowed");
    expect(await code(token, { algorithms: ["HS256"] })).toBe("token_alg_not_allowed");
  });

  test("B-01 an algorithm that the issuer is not registered for is refused though the key would fit", async () => {
    expect(await code(await rsa.sign(claims()), { algorithms: ["ES256"] })).toBe("token_alg_not_allowed");
  });

  test("B-02 keys that the token brings along or points to are never used", async () => {
    const mallory = await signer("ES256", "honest");
    for (const header of [
      { jwk: mallory.publicJwk },
      { jku: "https://evil.example.net/jwks" },
      { x5u: "https://evil.example.net/cert" },
      { x5c: ["MIIB"] },
    ]) {
      expect(await code(await mallory.sign(claims(), header))).toBe("token_signature_invalid");
      expect(await code(await mallory.sign(claims(), { ...header, kid: "evil" }))).toBe("token_key_unknown");
    }
  });

  test.each([
    "../../etc/passwd",
    "x' OR '1'='1",
    "__proto__",
    "k".repeat(129),
    "tab\tkid",
    "käse",
    "",
    7,
    null,
    ["honest"],
  ])("B-02 kid %j names no key", async (kid) => {
    expect(await code(await honest.sign(claims(), { kid }))).toBe("token_key_unknown");
  });

  test.each([{ crit: ["exp"] }, { crit: [] }, { crit: ["b64"], b64: false }, { b64: true }])(
    "B-02 header %j asks for what we do not do",
    async (extra) => {
      const header = { alg: "ES256", kid: "honest", ...extra };
      expect(await code(`${segment(header)}.${segment(claims())}.AAAA`)).toBe("token_signature_invalid");
    },
  );

  test("B-02 a good signature does not help a header that asks for what we do not do", async () => {
    const key = await importJWK(honest.privateJwk, "ES256");
    const signed = async (extra: object) => {
      const input = `${segment({ alg: "ES256", kid: "honest", ...extra })}.${segment(claims())}`;
      const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key as CryptoKey, utf8(input));
      return `${input}.${base64url(new Uint8Array(signature))}`;
    };
    expect(await code(await signed({}))).toBe("ok");
    for (const extra of [{ crit: ["exp"] }, { crit: [] }, { b64: true }]) {
      expect(await code(await signed(extra))).toBe("token_signature_invalid");
    }
  });

  test.each([
    "at+jwt",
    "application/at+jwt",
    "connect-webhook+jwt",
    "connect-authorization+jwt",
    "workload+jwt",
    "logout+jwt",
    "dpop+jwt",
    "JOSE",
    "jwapplication/t",
    "",
    1,
  ])("B-17 typ %j is refused though signature and claims are good", async (typ) => {
    expect(await code(await honest.sign(claims(), { typ }))).toBe("token_type_not_allowed");
  });

  test("B-17 where a type is required, a plain JWT is refused", async () => {
    expect(await code(await honest.sign(claims(), { typ: "JWT" }), { typ: "workload+jwt" })).toBe(
      "token_type_not_allowed",
    );
    expect(await code(await honest.sign(claims(), { typ: undefined }), { typ: "workload+jwt" })).toBe(
      "token_type_not_allowed",
    );
    expect(await code(await honest.sign(claims(), { typ: "workload+jwt" }), { typ: "workload+jwt" })).toBe("ok");
  });
});

describe("the signature", () => {
  test("B-02 any changed character of it is noticed", async () => {
    const token = await honest.sign(claims());
    const [head, body, signature = ""] = token.split(".");
    for (const index of [0, 20, 43, 84]) {
      const other = signature[index] === "A" ? "B" : "A";
      const changed = `${head}.${body}.${signature.slice(0, index)}${other}${signature.slice(index + 1)}`;
      expect(await code(changed)).toBe("token_signature_invalid");
    }
    expect(await code(`${head}.${segment(claims({ sub: "admin" }))}.${signature}`)).toBe("token_signature_invalid");
    expect(await code(`${head}.${body}.AAAA`)).toBe("token_signature_invalid");
  });

  test("B-02 an all-zero ECDSA signature is refused", async () => {
    const [head, body] = (await honest.sign(claims())).split(".");
    expect(await code(`${head}.${body}.${"A".repeat(86)}`)).toBe("token_signature_invalid");
  });

  test("B-15 a key that cannot be imported is an invalid signature, never an exception", async () => {
    const token = await honest.sign(claims());
    for (const broken of [{ x: "AAAA" }, { x: "!!" }, { y: undefined }, { key_ops: ["verify", "verify"] }]) {
      const key = { ...honest.publicJwk, ...broken } as JWK;
      expect(await code(token, { keys: [key] })).toBe("token_signature_invalid");
    }
  });
});

describe("the claims", () => {
  const other = "https://someone-else.example.com";
  test.each<[string, unknown]>([
    ["another service's", other],
    ["ours among others", [AUDIENCE, other]],
    ["ours twice", [AUDIENCE, AUDIENCE]],
    ["ours with a slash", `${AUDIENCE}/`],
    ["ours in capitals", AUDIENCE.toUpperCase()],
    ["an empty list", []],
    ["an object", { 0: AUDIENCE }],
    ["a number", 1],
  ])("B-05 the audience is %s: refused", async (_, aud) => {
    expect(await code(await honest.sign(claims({ aud })))).toBe("audience_mismatch");
  });

  test("B-05 a token without an audience is refused", async () => {
    expect(await code(await honest.sign(without(claims(), "aud")))).toBe("audience_mismatch");
  });

  test.each(["exp", "iat", "sub"])("B-06 a token without %s is refused", async (name) => {
    expect(await code(await honest.sign(without(claims(), name)))).toBe("token_claims_invalid");
  });

  const now = NOW_MS / 1000;
  test.each<[string, Record<string, unknown>, string]>([
    ["expired beyond the tolerance", { iat: now - 400, exp: now - 31 }, "token_expired"],
    ["expired within it", { iat: now - 400, exp: now - 29 }, "ok"],
    ["issued in the future beyond the tolerance", { iat: now + 31 }, "token_expired"],
    ["issued in the future within it", { iat: now + 29 }, "ok"],
    ["not yet valid", { nbf: now + 31 }, "token_expired"],
    ["valid since just now", { nbf: now + 29 }, "ok"],
    ["too old", { iat: now - 15 * 60 - 31 }, "token_expired"],
    ["just young enough", { iat: now - 15 * 60 - 29 }, "ok"],
    ["good for more than a day", { exp: now + 24 * 3600 + 1 }, "token_claims_invalid"],
    ["good for exactly a day", { exp: now + 24 * 3600 }, "ok"],
    ["good for ever", { exp: 1e300 }, "token_claims_invalid"],
    ["expiring when it was issued", { iat: now + 10, exp: now + 10 }, "token_claims_invalid"],
    ["expiring before it was issued", { iat: now + 20, exp: now + 10 }, "token_claims_invalid"],
    ["expiring at a string date", { exp: "2030-01-01T00:00:00Z" }, "token_claims_invalid"],
    ["expiring at a numeric string", { exp: String(now + 300) }, "token_claims_invalid"],
    ["expiring at null", { exp: null }, "token_claims_invalid"],
    ["issued at a string", { iat: String(now) }, "token_claims_invalid"],
    ["not before a string", { nbf: String(now) }, "token_claims_invalid"],
  ])("B-06 a token that is %s", async (_, overrides, expected) => {
    expect(await code(await honest.sign(claims(overrides)))).toBe(expected);
  });

  test("B-06 numbers that JSON cannot hold as finite are refused", async () => {
    const body = `{"iss":"${ISS}","aud":"${AUDIENCE}","sub":"x","iat":${now},"exp":1e999}`;
    const key = await importJWK(honest.privateJwk, "ES256");
    const head = segment({ alg: "ES256", kid: "honest" });
    const input = `${head}.${segment(body)}`;
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key as CryptoKey, utf8(input));
    const text = btoa(String.fromCharCode(...new Uint8Array(signature)));
    const token = `${input}.${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
    expect(await code(token)).toBe("token_claims_invalid");
  });

  test.each<[unknown]>([[""], [1], [["workload-1"]], [{ id: "workload-1" }], [null], [true], ["s".repeat(2049)]])(
    "B-07 sub %j is refused",
    async (sub) => {
      expect(await code(await honest.sign(claims({ sub })))).toBe("token_claims_invalid");
    },
  );

  test("B-07 an empty sub passes only where identity rests on another claim", async () => {
    const token = await honest.sign(claims({ sub: "", common_name: "x" }));
    expect(await code(token, { selectorClaim: "common_name" })).toBe("ok");
    expect(await code(token, { selectorClaim: "/sub" })).toBe("token_claims_invalid");
    expect(await code(await honest.sign(claims({ sub: 1 })), { selectorClaim: "common_name" })).toBe(
      "token_claims_invalid",
    );
  });

  test.each<[unknown]>([[""], [1], [["t"]], ["j".repeat(256)]])("B-07 jti %j is refused", async (jti) => {
    expect(await code(await honest.sign(claims({ jti })))).toBe("token_claims_invalid");
  });
});

describe("what the log is told of a refused token", () => {
  const failureOf = async (token: string, options?: Parameters<typeof verify>[1]) => {
    const result = await verify(token, options);
    return result.ok ? "ok" : result.failure;
  };
  const sign = (overrides: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
    honest.sign(claims(overrides), header);
  const seconds = NOW_MS / 1000;

  test("is the claim and what is wrong with it, never its value", async () => {
    const reasons = [
      [await failureOf(await sign({ exp: seconds - 100, iat: seconds - 200 })), "token_expired", "claim=exp"],
      [await failureOf(await sign({ aud: "https://other.example" })), "audience_mismatch", "claim=aud"],
      [await failureOf(await sign({ aud: [AUDIENCE, "https://other.example"] })), "audience_mismatch", "claim=aud"],
      [await failureOf(await sign({ iss: "https://other.example" })), "issuer_not_trusted", "claim=iss"],
      [await failureOf(await honest.sign(without(claims(), "sub"))), "token_claims_invalid", "claim=sub missing"],
      [await failureOf(await sign({ nbf: seconds + 100 })), "token_expired", "claim=nbf"],
      [await failureOf(await sign({ nbf: "soon" })), "token_claims_invalid", "claim=nbf invalid"],
      [await failureOf(await sign({ jti: "" })), "token_claims_invalid", "claim=jti empty"],
      [await failureOf(await sign({ sub: "" })), "token_claims_invalid", "claim=sub empty"],
      [await failureOf(await sign({ sub: "" }), { selectorClaim: "/sub" }), "token_claims_invalid", "claim=sub empty"],
      [await failureOf(await sign({ exp: seconds + 90_000 })), "token_claims_invalid", "lifetime_seconds=90000"],
    ] as const;
    for (const [failure, code, reason] of reasons) expect(failure).toEqual({ code, reason });
    expect(await failureOf(await sign({ sub: "" }), { selectorClaim: "repository" })).toBe("ok");
  });

  test("is the parameter of the header, or that the signature is not the key's, or that the key is none", async () => {
    expect(await failureOf(await sign({}, { b64: true }))).toEqual({ code: "token_signature_invalid", reason: "crit" });
    expect(await failureOf(await sign({}, { kid: "\u0000" }))).toEqual({ code: "token_key_unknown", reason: "kid" });
    const [head, body] = (await sign()).split(".");
    expect(await failureOf(`${head}.${body}.${"A".repeat(86)}`)).toEqual({
      code: "token_signature_invalid",
      reason: "signature",
    });
    const broken = { ...honest.publicJwk, x: "AAAA" };
    expect(await failureOf(await sign(), { keys: [broken] })).toEqual({
      code: "token_signature_invalid",
      reason: "key",
    });
  });

  test("a key id of printable characters passes up to 128 of them, and no shorter one than one", async () => {
    const key = (kid: string) => ({ keys: [{ ...honest.publicJwk, kid }] });
    for (const kid of [" ", "~", "k".repeat(128)])
      expect(await failureOf(await sign({}, { kid }), key(kid))).toBe("ok");
    for (const kid of ["", "\u007f", "k\n", "k".repeat(129)]) {
      expect(await failureOf(await sign({}, { kid }), key(kid))).toMatchObject({ code: "token_key_unknown" });
    }
  });
});
