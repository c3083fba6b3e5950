import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isCompactJws, parseAuthorization } from "../../src/callers/bearer.ts";
import { decodeUnverified, nestingOf } from "../../src/callers/unverified-token.ts";
import { fromBase64url } from "../../src/crypto/bytes.ts";
import { segment } from "./support.ts";

const JWT = `${segment({ alg: "ES256" })}.${segment({ iss: "https://idp.example.com" })}.AAAA`;

function outcome(authorization: string | null): string {
  const headers = new Headers();
  if (authorization !== null) headers.set("authorization", authorization);
  const result = parseAuthorization(headers);
  if (!result.ok) return result.failure.code;
  const { kind, token } = result.value;
  return kind === "jwt" && !isCompactJws(token) ? "invalid_token_format" : kind;
}

describe("the Authorization header", () => {
  test.each(["Bearer", "bearer", "BEARER", "bEaReR"])("B-20 the scheme %s is accepted, whatever its case", (scheme) => {
    expect(outcome(`${scheme} ${JWT}`)).toBe("jwt");
  });

  test("B-20 two Authorization headers are refused, whichever of them is good", () => {
    const headers = new Headers();
    headers.append("authorization", `Bearer ${JWT}`);
    headers.append("authorization", "Basic Zm9vOmJhcg==");
    const result = parseAuthorization(headers);
    expect(result.ok ? "ok" : result.failure.code).toBe("bad_request");
    expect(outcome(`Basic Zm9v, Bearer ${JWT}`)).toBe("bad_request");
    expect(outcome(`Bearer ${JWT}, Bearer ${JWT}`)).toBe("bad_request");
  });

  test.each([
    ["nothing", null],
    ["Basic", "Basic Zm9vOmJhcg=="],
    ["another scheme", `DPoP ${JWT}`],
    ["a bare token", JWT],
  ])("B-20 %s is no credential", (_, value) => {
    expect(outcome(value)).toBe("unauthorized");
  });

  test("B-20 identity headers that a proxy forwards are ignored", () => {
    const headers = new Headers({ "x-vercel-oidc-token": JWT, "x-forwarded-authorization": `Bearer ${JWT}` });
    const result = parseAuthorization(headers);
    expect(result.ok ? "ok" : result.failure.code).toBe("unauthorized");
  });

  test("an access token is told by its prefix", () => {
    expect(outcome("Bearer vk_anything")).toBe("access-token");
  });

  test.each([
    ["no token", "Bearer"],
    ["two segments", "Bearer a.b"],
    ["four segments", "Bearer AAAA.AAAA.AAAA.AAAA"],
    ["an empty signature", `Bearer ${JWT.slice(0, JWT.lastIndexOf(".") + 1)}`],
    ["padding", `Bearer ${JWT}=`],
    ["standard base64", "Bearer AA+A.AAAA.AAAA"],
    ["a space inside", "Bearer AAAA.AAAA.AA AA"],
    ["a JWE", "Bearer AAAA.AAAA.AAAA.AAAA.AAAA"],
    ["an impossible length", "Bearer AAAA.AAAA.AAAAA"],
    ["bits that decode to nothing", "Bearer AAAA.AAAA.AB"],
    ["a value beyond 8 KiB", `Bearer ${"A".repeat(8192)}.AAAA.AAAA`],
  ])("B-16 %s is refused before any parsing", (_, value) => {
    expect(outcome(value)).toBe("invalid_token_format");
  });

  test("B-16 a segment passes exactly when it is the canonical spelling of some bytes", () => {
    const character = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    fc.assert(
      fc.property(fc.string({ unit: character, minLength: 1, maxLength: 12 }), (text) => {
        const expected = fromBase64url(text) === null ? "invalid_token_format" : "jwt";
        expect(outcome(`Bearer AAAA.AAAA.${text}`)).toBe(expected);
        expect(outcome(`Bearer ${text}.AAAA.AAAA`)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test("B-16 a value of exactly 8 KiB is still read, one character more is not", () => {
    // Spaces after the scheme count as well, and bring the value to the very length.
    const ofLength = (length: number) => {
      const token = `${JWT}${"A".repeat(7 * 1024)}`;
      return `Bearer${" ".repeat(length - "Bearer".length - token.length)}${token}`;
    };
    expect([ofLength(8192).length, outcome(ofLength(8192))]).toEqual([8192, "jwt"]);
    expect([ofLength(8193).length, outcome(ofLength(8193))]).toEqual([8193, "invalid_token_format"]);
  });

  test("and the log is told what was wrong with it, never what it was", () => {
    const reasonOf = (authorization: string | null) => {
      const result = parseAuthorization(new Headers(authorization === null ? {} : { authorization }));
      return result.ok ? "ok" : result.failure;
    };
    expect(reasonOf(null)).toEqual({ code: "unauthorized", reason: "no credentials" });
    expect(reasonOf("Basic YTpi")).toEqual({ code: "unauthorized", reason: "not a bearer credential" });
    expect(reasonOf("x".repeat(9000))).toEqual({ code: "invalid_token_format", reason: "authorization chars=9000" });
    expect(reasonOf("Bearer a, Bearer b")).toEqual({
      code: "bad_request",
      message: "Send exactly one Authorization header.",
    });
  });
});

describe("the unverified token", () => {
  function decode(header: unknown, claims: unknown): string {
    const result = decodeUnverified(`${segment(header)}.${segment(claims)}.AAAA`);
    return result.ok ? "ok" : result.failure.code;
  }
  test("without an algorithm or an issuer says what it lacks", () => {
    const reasonOf = (header: object, claims: object) => {
      const result = decodeUnverified(`${segment(header)}.${segment(claims)}.AAAA`);
      return result.ok ? "ok" : result.failure;
    };
    expect(reasonOf({}, { iss })).toEqual({ code: "token_alg_not_allowed", reason: "no alg" });
    expect(reasonOf({ alg: "ES256" }, {})).toEqual({ code: "token_claims_invalid", reason: "no iss" });
  });

  const iss = "https://idp.example.com";
  const nested = (levels: number) => `{"iss":"${iss}","a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;

  test("B-16 nesting is counted outside strings only", () => {
    expect(nestingOf('{"a":"[[[[\\"[[[","b":[{}]}')).toBe(3);
    expect(decode({ alg: "ES256" }, nested(8))).toBe("ok");
    expect(decode({ alg: "ES256" }, nested(9))).toBe("invalid_token_format");
    expect(decode(`{"alg":"ES256","x":${"[".repeat(3000)}${"]".repeat(3000)}}`, { iss })).toBe("invalid_token_format");
  });

  test("B-16 what lies side by side is not nested, however much of it there is", () => {
    const siblings = `{"iss":"${iss}","a":[${Array.from({ length: 50 }, () => '{"b":[]},{}').join(",")}]}`;
    expect(nestingOf(siblings)).toBe(4);
    expect(decode({ alg: "ES256" }, siblings)).toBe("ok");
  });

  test("B-16 an issuer of up to 2048 characters is a name, a longer one is none", () => {
    const named = (length: number) => decode({ alg: "ES256" }, { iss: "i".repeat(length) });
    expect([named(1), named(2048), named(2049)]).toEqual(["ok", "ok", "token_claims_invalid"]);
  });

  test.each([
    ["an array", "[]"],
    ["null", "null"],
    ["a string", '"x"'],
    ["cut JSON", '{"iss":"'],
    ["a byte order mark", '\uFEFF{"iss":"https://idp.example.com"}'],
    ["nothing but brackets", "[".repeat(5000)],
  ])("B-16 %s as claims is refused", (_, claims) => {
    expect(decode({ alg: "ES256" }, claims)).toBe("invalid_token_format");
  });

  test("B-16 bytes that are no UTF-8 are refused", () => {
    const broken = btoa(`{"iss":"${String.fromCharCode(0xff)}"}`).replaceAll("=", "");
    const result = decodeUnverified(`${segment({ alg: "ES256" })}.${broken}.AAAA`);
    expect(result.ok).toBe(false);
  });

  test("B-16 a claim written twice is read once, as its last value", () => {
    const result = decodeUnverified(`${segment({ alg: "ES256" })}.${segment(`{"iss":"a","iss":"b"}`)}.AAAA`);
    expect(result.ok && result.value.claims.iss).toBe("b");
  });

  test("a header is kept for the next token if it is as short as an honest one, and nobody can change it", () => {
    const headerOf = (chars: number) => {
      const padding = "x".repeat((chars * 3) / 4 - '{"alg":"ES256","x":""}'.length);
      const text = `${segment(`{"alg":"ES256","x":"${padding}"}`)}.${segment({ iss })}.AAAA`;
      const read = () => {
        const result = decodeUnverified(text);
        return result.ok ? result.value.header : null;
      };
      const [first, second] = [read(), read()];
      return [text.indexOf("."), first === second, Object.isFrozen(second)];
    };
    expect(headerOf(512)).toEqual([512, true, true]);
    expect(headerOf(516)).toEqual([516, false, false]);
  });

  test("B-16 a header is refused like claims are, the second time as the first", () => {
    for (let round = 0; round < 2; round++) {
      for (const header of ["[]", "null", '"ES256"', "{", nested(9)]) {
        expect(decode(header, { iss })).toBe("invalid_token_format");
      }
    }
    expect(decodeUnverified("no dots").ok).toBe(false);
  });

  test("B-01 an alg that is no string names no algorithm", () => {
    expect(decode({ alg: ["none"] }, { iss })).toBe("token_alg_not_allowed");
    expect(decode({}, { iss })).toBe("token_alg_not_allowed");
  });

  test.each([[{}], [{ iss: "" }], [{ iss: 1 }], [{ iss: ["https://idp.example.com"] }]])(
    "B-07 claims %j name no issuer",
    (claims) => {
      expect(decode({ alg: "ES256" }, claims)).toBe("token_claims_invalid");
    },
  );
});
