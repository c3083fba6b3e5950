import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type RevocationReach, reaches, scopesAbove } from "../../src/grants/reach.ts";

describe("C-09 a revocation means", () => {
  const token = { revokedBeforeMs: 5, linkId: "lnk_1" };

  test.for<[reach: RevocationReach, expected: boolean]>([
    [{ revokedBeforeMs: null, linkId: null }, true],
    [{ revokedBeforeMs: 6, linkId: null }, true],
    [{ revokedBeforeMs: 5, linkId: null }, false],
    [{ revokedBeforeMs: null, linkId: "lnk_1" }, true],
    [{ revokedBeforeMs: null, linkId: "lnk_2" }, false],
    [{ revokedBeforeMs: 6, linkId: "lnk_2" }, false],
    [{ revokedBeforeMs: 5, linkId: "lnk_1" }, false],
  ])("with the reach %j, a token of value 5 and the first link: %s", ([reach, expected]) => {
    expect(reaches(reach, token)).toBe(expected);
  });

  test("a token whose link is not known, whoever revokes", () => {
    const unknown = { revokedBeforeMs: 5, linkId: null };
    expect(reaches({ revokedBeforeMs: null, linkId: "lnk_2" }, unknown)).toBe(true);
    expect(reaches({ revokedBeforeMs: 5, linkId: "lnk_2" }, unknown)).toBe(false);
  });
});

test("the scopes above a ceiling are exactly those that it lacks; without one there are none", () => {
  const scopes = fc.array(fc.constantFrom("a", "A", "ab", "b", "a:b"), { maxLength: 5 });
  fc.assert(
    fc.property(scopes, scopes, (granted, ceiling) => {
      const above = scopesAbove(granted, ceiling);
      expect(above).toEqual(granted.filter((scope) => ceiling.indexOf(scope) < 0));
      expect(scopesAbove(granted, null)).toEqual([]);
    }),
  );
});
