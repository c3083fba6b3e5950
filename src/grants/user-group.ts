import * as z from "zod/mini";
import type { TokenGroup } from "../catalog/driver.ts";
import { fail, ok, type Result } from "../errors.ts";
import { canonicalJson } from "../tokens/canonical.ts";
import type { Authorization } from "./authorization-store.ts";
import type { GrantTokenRequest } from "./protocol.ts";
import { scopesAbove } from "./reach.ts";
import type { StoredToken } from "./stored-token.ts";

/**
 * Interchangeable tokens of one user. Unlike the group of a request it says what they are, so that the Grant can refresh
 * them when nobody asks.
 */
export interface UserGroup {
  /** Whose revocation means them; null = everybody's. */
  linkId: string | null;
  /** Less is asked for than was granted: the scopes are sent. Else they are all that was, whatever that comes to be. */
  narrow: boolean;
  group: TokenGroup;
}

/** Where a refresh ends the access token before it, there is one token for everybody. */
const ONLY_GROUP = "only";

const strings = z.array(z.string());
const keyShape = z.tuple([
  z.string(),
  z.boolean(),
  strings,
  strings,
  strings,
  z.array(z.looseObject({ type: z.string() })),
]);

/** The key of a group in the Grant's own table: canonical JSON, so equal exactly when the groups are. */
export function userGroupKey({ linkId, narrow, group }: UserGroup): string {
  if (linkId === null) return ONLY_GROUP;
  const { scopes, resources, audience, authorizationDetails } = group;
  const details = authorizationDetails.map((detail) => canonicalJson(detail) ?? "null").join(",");
  return `${JSON.stringify([linkId, narrow, narrow ? scopes : [], resources, audience]).slice(0, -1)},[${details}]]`;
}

/** The group of a key that this Grant wrote; the only one has what was authorized. */
export function groupOfKey(key: string, authorization: Pick<Authorization, "asked" | "granted">): UserGroup {
  if (key === ONLY_GROUP) return onlyGroup(authorization);
  const [linkId, narrow, narrowed, resources, audience, authorizationDetails] = keyShape.parse(JSON.parse(key));
  const scopes = narrow ? narrowed : authorization.granted.scopes;
  return { linkId, narrow, group: { scopes, resources, audience, authorizationDetails } };
}

/** Which group keeps the token that comes with the authorization itself. */
export function firstGroup(group: TokenGroup, linkId: string, single: boolean): UserGroup {
  return { linkId: single ? null : linkId, narrow: false, group };
}

/**
 * Which group answers a request under an authorization. `insufficient_scope` names what was asked for and not granted.
 * Without scopes in the request whatever was granted serves, within the link's ceiling.
 */
export function wantedGroup(
  { linkId, narrow, group, scopeCeiling }: Pick<GrantTokenRequest, "linkId" | "narrow" | "group" | "scopeCeiling">,
  authorization: Pick<Authorization, "granted" | "policy" | "asked">,
): Result<UserGroup> {
  const { granted, policy } = authorization;
  const missing = narrow ? group.scopes.filter((scope) => !granted.scopes.includes(scope)) : [];
  if (missing.length > 0) return fail("insufficient_scope", { message: notGranted(missing) });
  const above = scopesAbove(granted.scopes, scopeCeiling);
  if (policy?.oldAccessTokenDies) {
    return above.length > 0 ? aboveCeiling() : ok(onlyGroup(authorization));
  }
  if (above.length === 0) {
    const isLess = narrow && !sameSet(group.scopes, granted.scopes);
    return ok({ linkId, narrow: isLess, group: isLess ? group : { ...group, scopes: granted.scopes } });
  }
  const scopes = group.scopes.filter((scope) => granted.scopes.includes(scope));
  return scopes.length === 0 ? aboveCeiling() : ok({ linkId, narrow: true, group: { ...group, scopes } });
}

/** What a token lacks of what was asked for by name; none where the request left it to the provider. */
export function missingScopes(
  { narrow, group }: Pick<GrantTokenRequest, "narrow" | "group">,
  { granted }: Pick<StoredToken, "granted">,
): string[] {
  return narrow ? group.scopes.filter((scope) => !granted.scopes.includes(scope)) : [];
}

export function notGranted(missing: string[]): string {
  return `These scopes were not granted: ${missing.join(" ").slice(0, 500)}. Start an authorization that asks for them.`;
}

/** Whether a token of another group is just what this one asks for. */
export function isEqualGrant({ granted }: Pick<StoredToken, "granted">, { group }: UserGroup): boolean {
  return (
    sameSet(granted.scopes, group.scopes) &&
    sameSet(granted.resources, group.resources) &&
    sameSet(granted.audience ?? [], group.audience) &&
    sameSet(granted.authorizationDetails.map(canonicalText), group.authorizationDetails.map(canonicalText))
  );
}

function onlyGroup({ asked, granted }: Pick<Authorization, "asked" | "granted">): UserGroup {
  return { linkId: null, narrow: false, group: { ...asked, scopes: granted.scopes } };
}

function aboveCeiling() {
  return fail("insufficient_scope", {
    message: "What the user granted exceeds what the project's link allows, and this provider cannot narrow it.",
  });
}

function canonicalText(value: unknown): string {
  return canonicalJson(value) ?? "";
}

function sameSet(a: string[], b: string[]): boolean {
  const [one, two] = [new Set(a), new Set(b)];
  return one.size === two.size && [...one].every((value) => two.has(value));
}
