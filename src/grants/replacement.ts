import type { Authorization } from "./authorization-store.ts";

/** What becomes of the tokens of an authorization that another one replaces. */
export interface Replacement {
  /** `owe`: the provider is told of each. `keep`: they run out by themselves, within reach of a revocation. */
  accessTokens: "owe" | "keep";
  /** `owe-later`: once no edge serves what it may take along. `forget`: telling of it could end the new one, too. */
  refreshToken: "owe" | "owe-later" | "forget";
}

/**
 * Another user at the provider: all that was theirs is told. The same one, or an unknown: where a revocation ends that
 * token alone, of the old refresh token; where it ends everything of that user, of nothing.
 */
export function replacementOf(
  before: Pick<Authorization, "subjectHash" | "policy">,
  after: Pick<Authorization, "subjectHash">,
): Replacement {
  const isKnown = before.subjectHash !== null && after.subjectHash !== null;
  if (isKnown && before.subjectHash !== after.subjectHash) return { accessTokens: "owe", refreshToken: "owe" };
  const endsOne = before.policy?.revocationScope === "token";
  return { accessTokens: "keep", refreshToken: endsOne ? "owe-later" : "forget" };
}
