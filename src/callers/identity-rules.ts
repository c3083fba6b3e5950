import { fail, ok, type Result } from "../errors.ts";
import { canonicalKey, isComparable, scalarClaim } from "./claim-path.ts";
import type { ClaimValue, IdentityRule } from "./issuer-record.ts";

export const MAX_RULE_CLAIMS = 20;
export const MAX_CLAIM_KEY_CHARS = 200;
export const MAX_CLAIM_VALUE_CHARS = 1024;

/** What a rule stands for: the identity that its tokens get. */
export interface Identity {
  projectId: string;
  environment: string;
}

/**
 * The one identity that these verified claims map to. A rule matches when every listed claim is there with the same
 * type and value; nothing is coerced, and arrays and objects equal nothing. Fails with `forbidden` when no rule
 * matches and `ambiguous_identity` when rules of different identities do.
 */
export function matchRules(rules: readonly IdentityRule[], claims: Record<string, unknown>): Result<Identity> {
  const matches = rules.filter((rule) => ruleMatches(rule, claims));
  const [first] = matches;
  if (first === undefined) {
    return fail("forbidden", {
      message:
        "No identity rule matches this token's claims. Add one to the project and environment that it belongs to.",
      reason: `rules=${rules.length}`,
    });
  }
  if (matches.some((rule) => !sameIdentity(rule, first))) {
    return fail("ambiguous_identity", { reason: `rules=${matches.map((rule) => rule.id).join(",")}` });
  }
  return ok({ projectId: first.projectId, environment: first.environment });
}

function ruleMatches(rule: IdentityRule, claims: Record<string, unknown>): boolean {
  const wanted = Object.entries(rule.claims);
  // An empty rule would match every token of the issuer.
  return wanted.length > 0 && wanted.every(([key, value]) => isComparable(value) && scalarClaim(claims, key) === value);
}

/** Whether two rules lead to the same project and environment. */
export function sameIdentity(a: Identity, b: Identity): boolean {
  return a.projectId === b.projectId && a.environment === b.environment;
}

/** Whether some token could match both rules of one issuer: unless a claim that both list has different values. */
export function rulesOverlap(a: Pick<IdentityRule, "claims">, b: Pick<IdentityRule, "claims">): boolean {
  const wantedByA = new Map(Object.entries(a.claims).map(([key, value]) => [canonicalKey(key), value]));
  return Object.entries(b.claims).every(([key, value]) => {
    const other = wantedByA.get(canonicalKey(key));
    return other === undefined || other === value;
  });
}

/** The value that the rule pins the issuer's selector claim to, as JSON; null when it does not pin it. */
export function selectorValueOfRule(rule: Pick<IdentityRule, "claims">, selectorClaim: string): string | null {
  const selector = canonicalKey(selectorClaim);
  const pinned = Object.entries(rule.claims).find(([key]) => selector !== null && canonicalKey(key) === selector);
  return pinned === undefined ? null : JSON.stringify(pinned[1]);
}

/** Whether the rule lists the issuer's selector claim, under either of its spellings. */
export function pinsSelector(rule: Pick<IdentityRule, "claims">, selectorClaim: string): boolean {
  return selectorValueOfRule(rule, selectorClaim) !== null;
}

/** Checks a new rule's claims against the limits; fails with `bad_request` and a message that names the offending key. */
export function checkRuleClaims(claims: Record<string, unknown>): Result<Record<string, ClaimValue>> {
  const entries = Object.entries(claims);
  if (entries.length === 0) return refuse("claims must list at least one claim");
  if (entries.length > MAX_RULE_CLAIMS) return refuse(`claims must list at most ${MAX_RULE_CLAIMS} claims`);
  const checked: [string, ClaimValue][] = [];
  const seen = new Set<string>();
  for (const [key, value] of entries) {
    if (key === "" || key.length > MAX_CLAIM_KEY_CHARS) {
      return refuse(`a claim's name must have 1 to ${MAX_CLAIM_KEY_CHARS} characters`);
    }
    // Objects drop this member when they are copied, which would silently widen the rule.
    if (key === "__proto__") return refuse(`"${key}" cannot be compared`);
    const canonical = canonicalKey(key);
    if (canonical === null) return refuse(`"${key}" is not a JSON Pointer (RFC 6901)`);
    if (seen.has(canonical)) return refuse(`"${key}" is listed twice, as a name and as a JSON Pointer`);
    seen.add(canonical);
    if (!isComparable(value)) return refuse(`"${key}" must be a string, a boolean or a number up to 2^53`);
    if (typeof value === "string" && value.length > MAX_CLAIM_VALUE_CHARS) {
      return refuse(`"${key}" must have at most ${MAX_CLAIM_VALUE_CHARS} characters`);
    }
    checked.push([key, value]);
  }
  return ok(Object.fromEntries(checked));
}

function refuse(message: string): Result<never> {
  return fail("bad_request", { message: `The identity rule is not usable: ${message}.` });
}
