import { describe, expect, test } from "vitest";
import type { Authorization } from "../../src/grants/authorization-store.ts";
import { replacementOf } from "../../src/grants/replacement.ts";

const policy = (revocationScope: "token" | "grant"): Authorization["policy"] => ({
  rotation: "strict",
  oldAccessTokenDies: false,
  revocationScope,
  codeLifetimeMs: 60_000,
});
const replaced = (before: string | null, after: string | null, scope: "token" | "grant" | null) =>
  replacementOf({ subjectHash: before, policy: scope === null ? null : policy(scope) }, { subjectHash: after });

describe("an authorization that another one replaces", () => {
  test.each(["token", "grant", null] as const)(
    "of another user at the provider owes all that was theirs (a revocation there ends: %s)",
    (scope) => {
      expect(replaced("ada", "bob", scope)).toEqual({ accessTokens: "owe", refreshToken: "owe" });
    },
  );

  test.each([
    ["ada", "ada"],
    [null, "ada"],
    ["ada", null],
    [null, null],
  ])("of the same user, or of nobody known (%s, then %s), owes nothing that could end the new one", (before, after) => {
    expect(replaced(before, after, "token")).toEqual({ accessTokens: "keep", refreshToken: "owe-later" });
    for (const scope of ["grant", null] as const) {
      expect(replaced(before, after, scope)).toEqual({ accessTokens: "keep", refreshToken: "forget" });
    }
  });
});
