import { type ErrorCode, fail, ok, type Result } from "../errors.ts";
import type { IdentifyDeps } from "./authenticate.ts";
import type { IssuerAndRules } from "./caller-caches.ts";
import type { LookUpOptions } from "./caller-directory.ts";
import type { Leased } from "./caller-leases.ts";
import { selectorValueOf } from "./claim-path.ts";
import { type Identified, workloadCaller } from "./identified.ts";
import { matchRules } from "./identity-rules.ts";
import type { IdentityRule } from "./issuer-record.ts";
import { findIssuerKey } from "./jwks-cache.ts";
import type { VerifiedClaims } from "./registered-claims.ts";
import type { UnverifiedToken } from "./unverified-token.ts";
import { verifyWorkloadToken } from "./verify-workload-token.ts";

/** Tokens are accepted this long after `exp`, so the id of a one-time token is kept that much longer. */
const CLOCK_TOLERANCE_MS = 30_000;

type Deps = Pick<IdentifyDeps, "now" | "fetch" | "log" | "callerCaches" | "directory" | "defer" | "sleep">;

/**
 * Whom a registered issuer's token stands for. A refusal that rests on leased records may be out of date, and a rule
 * that was just created must work at once; so it is decided again from the database. That costs a read per refused
 * request, but only for tokens whose signature is good: garbage causes none.
 */
export async function identifyTrusted(token: UnverifiedToken, deps: Deps): Promise<Result<Identified>> {
  const leased = await identifyFrom(token, { current: false }, deps);
  if (leased.result.ok || leased.current || !GENUINE_BUT_REFUSED.has(leased.result.failure.code)) return leased.result;
  const { result } = await identifyFrom(token, { current: true }, deps);
  // Without the database, the lease still holds.
  return !result.ok && result.failure.code === "storage_unavailable" ? leased.result : result;
}

const GENUINE_BUT_REFUSED: ReadonlySet<ErrorCode> = new Set(["audience_mismatch", "forbidden", "ambiguous_identity"]);

/** `current`: decided from the database's own answers. */
interface Decision {
  result: Result<Identified>;
  current: boolean;
}

async function identifyFrom(token: UnverifiedToken, options: LookUpOptions, deps: Deps): Promise<Decision> {
  // Before any fetch: an issuer that nobody registered must not make us talk to anyone.
  const issuer = await deps.directory.issuer(token.claims.iss, options);
  if (!issuer.ok) return { result: issuer, current: true };
  if (issuer.value === null) return { result: fail("issuer_not_trusted"), current: true };
  const { record } = issuer.value.value;

  const verified = await verifyWorkloadToken(token, record, {
    now: deps.now,
    typ: null,
    findKey: (alg, kid) => findIssuerKey(record, alg, kid, jwksDeps(deps)),
  });
  if (!verified.ok) return { result: verified, current: issuer.value.current };

  const rules = await rulesFor(issuer.value, verified.value, options, deps);
  if (!rules.ok) return { result: rules, current: true };
  const current = issuer.value.current && rules.value.current;
  const identity = matchRules(rules.value.value, verified.value.all);
  if (!identity.ok) return { result: identity, current };

  const caller = workloadCaller(identity.value, verified.value);
  if (record.oneTimeTokens) {
    const spent = await spend(record.id, verified.value, deps);
    return { result: spent.ok ? ok({ caller, rememberUntilMs: 0 }) : spent, current: true };
  }
  const rememberUntilMs = Math.min(verified.value.expiresAtMs, issuer.value.holdUntilMs, rules.value.holdUntilMs);
  return { result: ok({ caller, rememberUntilMs }), current };
}

async function rulesFor(
  issuer: Leased<IssuerAndRules>,
  verified: VerifiedClaims,
  options: LookUpOptions,
  deps: Deps,
): Promise<Result<Leased<IdentityRule[]>>> {
  const { record, rules } = issuer.value;
  if (rules !== null) return ok({ ...issuer, value: rules });
  const selectorValue = selectorValueOf(verified.all, record.selectorClaim);
  // Every rule pins the selector claim, so a token without it matches none.
  if (selectorValue === null) return ok({ ...issuer, value: [] });
  return deps.directory.rules(record, selectorValue, options);
}

/** The id, not the text, is what a one-time token is known by: a signature can have several spellings. */
async function spend(issuerId: string, verified: VerifiedClaims, deps: Deps): Promise<Result<null>> {
  if (verified.tokenId === null) return fail("token_claims_invalid", { reason: "claim=jti missing" });
  const first = await deps.directory.useTokenId(issuerId, verified.tokenId, verified.expiresAtMs + CLOCK_TOLERANCE_MS);
  if (!first.ok) return first;
  return first.value ? ok(null) : fail("token_replayed");
}

function jwksDeps(deps: Deps) {
  return {
    now: deps.now,
    fetch: deps.fetch,
    log: deps.log,
    states: deps.callerCaches.jwks,
    defer: deps.defer,
    saveJwks: deps.directory.saveJwks,
    sleep: deps.sleep ?? ((ms: number) => scheduler.wait(ms)),
  };
}
