import type { IssuedAuthorization } from "../catalog/driver.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type { Secret } from "../crypto/secret.ts";
import { type Failure, fail, ok, type Result } from "../errors.ts";
import {
  GENERATIONS_PER_ANSWER,
  openProfile,
  type Profile,
  type SealedAnswer,
  sealAnswer,
} from "./authorization-seals.ts";
import { type Authorization, noticeFacts } from "./authorization-store.ts";
import { configuredFor, PROVIDER_CHANGED } from "./configured-provider.ts";
import { externalSubjectHash } from "./external-subject.ts";
import type { MintUnderWay } from "./mints-under-way.ts";
import type { GrantParts } from "./parts.ts";
import { ATTEMPT_TIMEOUT_MS, type Provider } from "./provider-call.ts";
import { aboveCeilingMessage, scopesAbove } from "./reach.ts";
import { afterFailure, classifyRefreshFailure, UNTRIED } from "./refresh-decisions.ts";
import { replacementOf } from "./replacement.ts";
import { mintedToken, type StoredToken } from "./stored-token.ts";
import type { UserGroup } from "./user-group.ts";

export interface RefreshAttempt {
  id: string;
  key: string;
  group: UserGroup;
  scopeCeiling: string[] | null;
  startedAtMs: number;
  /** As it was when the attempt began; by the time that the provider answers it may be another. */
  authorization: Authorization;
  /** The first of the numbers that its writes will have; 0 = the provider was not asked. */
  generation: number;
  /** The provider has been asked, and what it did is not written down yet. */
  isOpen: boolean;
  /** Nobody waits for it any more: it must not begin. */
  isOver: boolean;
}

/** What the attempt spends, and the token that its own may turn out to be. */
export interface Spent {
  keys: KeyRing;
  refreshToken: Secret;
  previous: { tokenId: string; token: Secret } | null;
}

/** The writes of a refresh: its journal entry, and then its commit or what its failure says of the refresh token. */
export class RefreshCommit {
  readonly #parts: GrantParts;
  readonly #syncIndex: () => Promise<void>;

  constructor(parts: GrantParts, syncIndex: () => Promise<void>) {
    this.#parts = parts;
    this.#syncIndex = syncIndex;
  }

  /** `conflict` when the authorization is no longer the one that the attempt was made for. */
  begin(attempt: RefreshAttempt, provider: Provider): Result<void> {
    const { store, schedule, defer } = this.#parts;
    const current = attempt.isOver ? null : this.#current(attempt);
    if (current === null) return fail("conflict", { reason: "the authorization changed" });
    const configured = configuredFor(current, provider);
    if (configured.configRevision !== current.configRevision) store.authorizations.write(configured);
    if (configured.configuredProvider !== current.provider)
      return fail("user_authorization_required", PROVIDER_CHANGED);
    const { id, key: groupId, startedAtMs } = attempt;
    const deadlineMs = startedAtMs + ATTEMPT_TIMEOUT_MS;
    const fingerprint = current.fingerprint ?? "";
    store.journal.begin({ id, kind: "refresh", groupId, fingerprint, startedAtMs, deadlineMs });
    attempt.generation = store.reserveGenerations(GENERATIONS_PER_ANSWER);
    attempt.isOpen = true;
    // Should this object die now, the alarm brings the next one to look after it.
    defer(schedule());
    return ok(undefined);
  }

  /** What came home, in one transaction. The refresh token is kept even where the access token may not be. */
  async commit(
    attempt: RefreshAttempt,
    mint: MintUnderWay,
    { issued, provider }: { issued: IssuedAuthorization; provider: Provider },
    spent: Spent,
  ): Promise<Result<void>> {
    const { store, deps, defer, schedule } = this.#parts;
    const grant = store.identity();
    if (grant === null) return fail("internal_error", { reason: "the grant was never opened" });
    const { connectorId } = grant.identity;
    const { previous, keys } = spent;
    const rotated = issued.refreshToken?.expose() === spent.refreshToken.expose() ? null : issued.refreshToken;
    const profile = await this.#mergedProfile(issued);
    const place = { teamId: grant.teamId, generation: attempt.generation, keys };
    const answer = { issued: { ...issued, refreshToken: rotated }, profile };
    const isSame = previous?.token.expose() === issued.accessToken.expose();
    const sealed = await sealAnswer(this.#parts, place, answer, isSame ? (previous?.tokenId ?? null) : null);
    const subjectHash = await externalSubjectHash(connectorId, profile?.externalSubject ?? null);
    const token = this.#token(attempt, { issued, provider }, sealed);

    // From here on nothing is awaited until all is written.
    const current = this.#current(attempt);
    if (current === null) return this.#tooLate(attempt, token, sealed, provider);
    const next = refreshed(current, attempt, { issued, sealed, subjectHash, nowMs: deps.now() });
    const alongside = () => {
      store.authorizations.write(next);
      if (sealed.refresh !== null) store.authorizations.setSecret("refresh_token", sealed.refresh);
      if (sealed.profile !== null) store.authorizations.setSecret("profile", sealed.profile);
    };
    const above = scopesAbove(issued.scopes, attempt.scopeCeiling);
    const facts = noticeFacts(next, "access_token");
    if (mint.revoked || above.length > 0) store.discard(attempt.id, token, deps.now(), facts, alongside);
    else {
      const forgotten = store.commit(attempt.id, token, alongside);
      if (forgotten > 0) deps.log.warn("grant.superseded_forgotten", { connectorId, forgotten });
    }
    attempt.isOpen = false;
    if (current.failures > 0) deps.log.info("grant.recovered", { connectorId, failures: current.failures });
    defer(schedule());
    if (!next.indexed) defer(this.#syncIndex());
    if (above.length === 0) return ok(undefined);
    deps.log.warn("grant.scopes_above_ceiling", { connectorId, scopes: above.length });
    return fail("insufficient_scope", { message: aboveCeilingMessage(above) });
  }

  /** What the provider did instead, and what that says of the refresh token. */
  fail(attempt: RefreshAttempt, failure: Failure): void {
    const { store, deps, defer, schedule } = this.#parts;
    if (!attempt.isOpen) return;
    attempt.isOpen = false;
    const current = this.#current(attempt);
    const connectorId = store.identity()?.identity.connectorId;
    const outcome = classifyRefreshFailure(failure);
    const next = current === null ? null : { ...current, ...afterFailure(current, failure, deps.now()) };
    store.transaction(() => {
      store.journal.end(attempt.id);
      if (next === null) return;
      const indexed = next.indexed && next.state === "active";
      store.authorizations.write({ ...next, lastGroup: attempt.key, indexed });
    });
    const fingerprint = attempt.authorization.fingerprint?.slice(0, 8);
    const { failures, state } = next ?? {};
    deps.log.warn("grant.refresh_failed", { connectorId, errorCode: failure.code, outcome, fingerprint, failures });
    if (state !== undefined && state !== "active") {
      deps.log.warn("grant.authorization_ended", { connectorId, state, fingerprint });
      defer(this.#syncIndex());
    }
    defer(schedule());
  }

  /** The authorization, if its refresh token is still the one that the attempt spends. */
  #current({ authorization }: RefreshAttempt): Authorization | null {
    const current = this.#parts.store.authorizations.read();
    if (current?.authorizationId !== authorization.authorizationId || current.state !== "active") return null;
    return current.fingerprint === authorization.fingerprint ? current : null;
  }

  /** What is not said again goes on; null = nothing is new. */
  async #mergedProfile({ externalSubject, claims }: IssuedAuthorization): Promise<Profile | null> {
    if (externalSubject === null && claims === null) return null;
    const known = await openProfile(this.#parts);
    return { externalSubject: known.externalSubject ?? externalSubject, claims: claims ?? known.claims };
  }

  #token(
    { key: groupId, group, startedAtMs: mintedAtMs, authorization }: RefreshAttempt,
    { issued, provider }: { issued: IssuedAuthorization; provider: Provider },
    { access }: SealedAnswer,
  ): StoredToken {
    const { revokedBeforeMs } = authorization;
    const facts = { groupId, linkId: group.linkId, revokedBeforeMs };
    const token = mintedToken(facts, { issued, provider: provider.name }, { ...access, mintedAtMs });
    // Who waits for it is about to ask; nobody may.
    const askedAtMs = Math.min(this.#parts.store.token(groupId)?.askedAtMs ?? 0, mintedAtMs - 1);
    return { ...token, granted: { ...token.granted, audience: group.group.audience }, askedAtMs };
  }

  /** The authorization ended, or was replaced, while the provider answered: what came home goes where that went. */
  #tooLate(attempt: RefreshAttempt, token: StoredToken, { refresh }: SealedAnswer, provider: Provider): Result<void> {
    const { store, deps, defer, schedule } = this.#parts;
    const nowMs = deps.now();
    const current = store.authorizations.read();
    const { authorization } = attempt;
    const isReplaced = current !== null && current.authorizationId !== authorization.authorizationId;
    // The same authorization with another refresh token: a late answer, to a token that was already spent.
    const isRevoked = current === null || current.state === "revoked";
    const how = isReplaced && current.state === "active" ? replacementOf(authorization, current).refreshToken : "owe";
    store.transaction(() => {
      store.journal.end(attempt.id);
      if (!isReplaced && !isRevoked) return;
      if (how === "forget") return;
      if (refresh !== null) {
        store.oweRefreshToken(refresh, provider.name, nowMs, noticeFacts(authorization, "refresh_token"));
      }
      if (how === "owe") store.owe(token, nowMs, noticeFacts(authorization, "access_token"));
    });
    defer(schedule());
    return fail("conflict", { reason: "the authorization changed during the refresh" });
  }
}

function refreshed(
  current: Authorization,
  { key, group }: RefreshAttempt,
  {
    issued,
    sealed,
    subjectHash,
    nowMs,
  }: {
    issued: IssuedAuthorization;
    sealed: SealedAnswer;
    subjectHash: string | null;
    nowMs: number;
  },
): Authorization {
  const { scopes } = issued;
  const learnt = current.subjectHash === null && subjectHash !== null;
  return {
    ...current,
    ...UNTRIED,
    lastAttemptAtMs: nowMs,
    lastOutcome: "ok",
    lastGroup: key,
    fingerprint: sealed.refresh?.fingerprint ?? current.fingerprint,
    granted: saysOfWhole(group, current) ? { ...current.granted, scopes } : current.granted,
    ...(learnt ? { subjectHash, indexed: false } : {}),
  };
}

/** Whether the scopes of a token are those of the authorization: not where less, or something else, was asked for. */
function saysOfWhole({ narrow, group }: UserGroup, { asked }: Authorization): boolean {
  const target = ({ resources, audience, authorizationDetails }: UserGroup["group"]) =>
    JSON.stringify([resources, audience, authorizationDetails]);
  return !narrow && target(group) === target(asked);
}
