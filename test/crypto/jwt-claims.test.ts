import fc from "fast-check";
import { UnsecuredJWT } from "jose";
import { describe, expect, test } from "vitest";
import { type ExpectedClaims, wrongClaim } from "../../src/crypto/jwt-claims.ts";

const NOW_S = 1_800_000_000;
const EXPECTED: ExpectedClaims = {
  issuer: "https://issuer.example",
  audiences: ["client", "other-client"],
  required: ["exp", "iat", "sub"],
  maxAgeSeconds: 3600,
  toleranceSeconds: 30,
  nowMs: NOW_S * 1000 + 999,
};
const GOOD = { iss: EXPECTED.issuer, aud: "client", sub: "user-1", iat: NOW_S, exp: NOW_S + 60 };

/** Whether these claims pass, by JSON, as they would come. */
const wrong = (claims: object, expected: Partial<ExpectedClaims> = {}) =>
  wrongClaim(JSON.parse(JSON.stringify({ ...GOOD, ...claims })), { ...EXPECTED, ...expected });

/** The same by a library that reads claims. */
function passesElsewhere(claims: object, expected: ExpectedClaims): boolean {
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");
  try {
    UnsecuredJWT.decode(`${part({ alg: "none" })}.${part(claims)}.`, {
      issuer: expected.issuer,
      audience: [...expected.audiences],
      requiredClaims: [...expected.required],
      ...(expected.maxAgeSeconds === undefined ? {} : { maxTokenAge: expected.maxAgeSeconds }),
      clockTolerance: expected.toleranceSeconds,
      currentDate: new Date(expected.nowMs),
    });
    return true;
  } catch {
    return false;
  }
}

describe("the registered claims of a token", () => {
  test("pass at the very edge of each time, and not a second beyond it", () => {
    const edges: [claim: string, last: number, beyond: number][] = [
      ["exp", NOW_S - 29, NOW_S - 30],
      ["nbf", NOW_S + 30, NOW_S + 31],
      ["iat", NOW_S + 30, NOW_S + 31],
      ["iat", NOW_S - 3630, NOW_S - 3631],
    ];
    for (const [claim, last, beyond] of edges) {
      expect(wrong({ [claim]: last })).toBeUndefined();
      expect(wrong({ [claim]: beyond })).toBe(claim);
    }
  });

  test("must be there where they are required, and the first that is not is told", () => {
    for (const claim of ["iss", "aud", "sub", "iat", "exp"]) expect(wrong({ [claim]: undefined })).toBe(claim);
    expect(wrong({ sub: undefined, iat: undefined })).toBe("iat");
    expect(wrong({ iss: "https://evil.example", sub: undefined })).toBe("sub");
    // The age is asked for, whether or not the claim is.
    expect(wrong({ iat: undefined }, { required: [] })).toBe("iat");
    const { maxAgeSeconds, ...ageless } = EXPECTED;
    expect(wrongClaim({ ...GOOD, iat: 1 }, ageless)).toBeUndefined();
    expect(wrongClaim({ iss: GOOD.iss, aud: GOOD.aud }, { ...ageless, required: [] })).toBeUndefined();
  });

  test("that are no numbers are no times, and a list of audiences is no audience of lists", () => {
    for (const claim of ["iat", "nbf", "exp"]) {
      for (const value of ["1800000000", null, [NOW_S], {}, true]) expect(wrong({ [claim]: value })).toBe(claim);
    }
    for (const aud of ["Client", "client ", "", 7, null, {}, [], [["client"]], ["x", 7]])
      expect(wrong({ aud })).toBe("aud");
    for (const aud of ["other-client", ["x", "client"]]) expect(wrong({ aud })).toBeUndefined();
    for (const iss of [`${GOOD.iss}/`, [GOOD.iss], null]) expect(wrong({ iss })).toBe("iss");
  });

  test("are judged as a library for them does", () => {
    const time = fc.oneof(
      fc.constantFrom(...[-3632, -3631, -3630, -3600, -31, -30, -29, -1, 0, 1, 29, 30, 31].map((s) => NOW_S + s)),
      fc.constantFrom(NOW_S + 0.5, NOW_S - 30.5, 1e300, -1, "1800000000", null, undefined, true),
    );
    const audience = fc.constantFrom("client", "other-client", "x", 7, null);
    const claims = fc.record({
      iss: fc.oneof({ weight: 5, arbitrary: fc.constant(GOOD.iss) }, fc.constantFrom("x", null, undefined, [GOOD.iss])),
      aud: fc.oneof(audience, fc.array(audience, { maxLength: 3 }), fc.constantFrom(undefined, [["client"]], {})),
      sub: fc.constantFrom("user-1", "user-1", "user-1", undefined, null),
      iat: time,
      nbf: time,
      exp: fc.oneof(fc.constant(NOW_S + 60), time),
    });
    const expected = fc.record({
      maxAgeSeconds: fc.constantFrom(undefined, 0, 3600),
      toleranceSeconds: fc.constantFrom(0, 30),
      required: fc.constantFrom([], ["exp"], ["exp", "iat", "sub"]),
      nowMs: fc.constantFrom(NOW_S * 1000, NOW_S * 1000 + 999),
    });
    let passed = 0;
    fc.assert(
      fc.property(claims, expected, (some, { maxAgeSeconds, ...others }) => {
        const { maxAgeSeconds: _, ...ageless } = EXPECTED;
        const wanted = { ...ageless, ...others, ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }) };
        const passes = wrongClaim(JSON.parse(JSON.stringify(some)), wanted) === undefined;
        passed += passes ? 1 : 0;
        expect(passes).toBe(passesElsewhere(some, wanted));
      }),
      { numRuns: 5000 },
    );
    expect(passed).toBeGreaterThan(20);
  });
});
