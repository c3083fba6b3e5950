import { describe, expect, test } from "vitest";
import { checkRegisteredClaims, MAX_LIFETIME_SECONDS } from "../../src/callers/registered-claims.ts";
import { AUDIENCE, goodClaims, NOW_MS } from "./support.ts";

const ISS = "https://idp.example.com";
const now = NOW_MS / 1000;
const MAX_AGE_SECONDS = 900;
const issuer = { issuer: ISS, audience: AUDIENCE, selectorClaim: "sub", maxTokenAgeMs: MAX_AGE_SECONDS * 1000 };

const claims = (changes: Record<string, unknown> = {}) => ({ ...goodClaims(ISS), ...changes });

/** "ok", or what the log is told. */
function verdict(changes: Record<string, unknown>, nowMs = NOW_MS) {
  const result = checkRegisteredClaims(claims(changes), issuer, nowMs);
  return result.ok ? "ok" : `${result.failure.code} ${result.failure.reason}`;
}

test("what passes is handed on whole, and a token without an id has none", () => {
  const all = claims({ ref: "main" });
  expect(checkRegisteredClaims(all, issuer, NOW_MS)).toEqual({
    ok: true,
    value: { issuer: ISS, subject: "workload-1", tokenId: null, expiresAtMs: NOW_MS + 300_000, all },
  });
});

test("B-07 what a claim set inherits is nobody's claim", () => {
  const inherited = Object.create(claims());
  expect(checkRegisteredClaims(inherited, issuer, NOW_MS)).toMatchObject({ failure: { code: "issuer_not_trusted" } });
});

describe("B-06 of the tolerance of half a minute the last second", () => {
  test.each<[string, Record<string, unknown>, string]>([
    ["is over for exp", { iat: now - 60, exp: now - 30 }, "token_expired claim=exp"],
    ["counts for nbf", { nbf: now + 30 }, "ok"],
    ["counts for iat", { iat: now + 30 }, "ok"],
    ["counts for the age", { iat: now - MAX_AGE_SECONDS - 30 }, "ok"],
    ["and no more for the age", { iat: now - MAX_AGE_SECONDS - 31 }, "token_expired claim=iat"],
  ])("%s", (_, changes, expected) => {
    expect(verdict(changes)).toBe(expected);
  });

  test("does not begin with a part of it", () => {
    expect(verdict({ nbf: now + 31 }, NOW_MS + 999)).toBe("token_expired claim=nbf");
    expect(verdict({ nbf: now + 31 }, NOW_MS + 1000)).toBe("ok");
    expect(verdict({ iat: now - 60, exp: now - 29 }, NOW_MS + 999)).toBe("ok");
  });
});

test("B-06 a lifetime is of one second at least, and of a day at most", () => {
  expect(verdict({ exp: now + 1 })).toBe("ok");
  expect(verdict({ exp: now })).toBe("token_claims_invalid lifetime_seconds=0");
  expect(verdict({ exp: now + MAX_LIFETIME_SECONDS })).toBe("ok");
  expect(verdict({ exp: now + MAX_LIFETIME_SECONDS + 1 })).toBe("token_claims_invalid lifetime_seconds=86401");
});

describe("B-06 a time is a number that the calendar has", () => {
  test.each(["iat", "exp", "nbf"])("%s: no text, no null, no infinity", (claim) => {
    for (const value of ["1", null, true, [now], Number.POSITIVE_INFINITY, Number.NaN]) {
      expect(verdict({ [claim]: value })).toBe(`token_claims_invalid claim=${claim} invalid`);
    }
  });

  test("the epoch is long ago, and what is before it is none", () => {
    expect(verdict({ exp: 0 })).toBe("token_expired claim=exp");
    expect(verdict({ iat: 0 })).toBe("token_expired claim=iat");
    for (const claim of ["iat", "exp"]) {
      expect(verdict({ [claim]: -1 })).toBe(`token_claims_invalid claim=${claim} invalid`);
    }
  });

  test("the times that must be there are missed by their names", () => {
    for (const claim of ["iat", "exp"]) {
      expect(verdict({ [claim]: undefined })).toBe(`token_claims_invalid claim=${claim} missing`);
    }
  });
});

describe("B-07 names", () => {
  test("of a subject have up to 2048 characters, of a token up to 255", () => {
    expect(verdict({ sub: "s".repeat(2048) })).toBe("ok");
    expect(verdict({ sub: "s".repeat(2049) })).toBe("token_claims_invalid claim=sub invalid");
    expect(verdict({ jti: "j".repeat(255) })).toBe("ok");
    expect(verdict({ jti: "j".repeat(256) })).toBe("token_claims_invalid claim=jti invalid");
  });

  test("are texts: null is neither a token's id nor the lack of one", () => {
    for (const value of [null, 7, ["j"], {}]) {
      expect(verdict({ jti: value })).toBe("token_claims_invalid claim=jti invalid");
      expect(verdict({ sub: value })).toBe("token_claims_invalid claim=sub invalid");
    }
  });
});
