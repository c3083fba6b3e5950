import { type Failure, fail, ok, type Result } from "../errors.ts";
import { openProfile } from "./authorization-seals.ts";
import type { Authorization } from "./authorization-store.ts";
import { configuredFor, PROVIDER_CHANGED } from "./configured-provider.ts";
import { decideFreshness, type Freshness } from "./freshness.ts";
import type { GrantParts } from "./parts.ts";
import type { GrantTokenAnswer, GrantTokenRequest } from "./protocol.ts";
import { providerOf } from "./provider-call.ts";
import { earlyByMs } from "./refresh-decisions.ts";
import type { Refreshing } from "./refreshing.ts";
import type { StoredToken } from "./stored-token.ts";
import { isEqualGrant, missingScopes, notGranted, type UserGroup, userGroupKey, wantedGroup } from "./user-group.ts";

/** How often a caller may find that what it waited for does not suit it. */
const MAX_ROUNDS = 8;

/** Tokens of a user, who has to have authorized them. */
export class UserTokens {
  readonly #parts: GrantParts;
  readonly #refreshing: Refreshing;
  /** One look at the connector for all who bring the news. */
  #rechecking: Promise<Result<void>> | null = null;

  constructor(parts: GrantParts, refreshing: Refreshing) {
    this.#parts = parts;
    this.#refreshing = refreshing;
  }

  async token(request: GrantTokenRequest): Promise<GrantTokenAnswer> {
    const { log, now } = this.#parts.deps;
    const leaseFromMs = now();
    for (let round = 0; ; round++) {
      const found = await this.#lookUp(request);
      if (!found.ok) return found;
      const { authorization, wanted, stored } = found.value;
      const answer = (minted: boolean) => this.#answer(request, stored, { authorization, leaseFromMs, minted });
      if (isFresh(found.value)) return answer(round > 0);
      if (round === MAX_ROUNDS) return stored === null ? fail("storage_unavailable", BUSY) : answer(true);

      const refreshed = await this.#refresh(request, authorization, wanted);
      if (refreshed.ok) continue;
      const still = await this.#lookUp(request);
      if (!still.ok) return still;
      if (still.value.stored === null) {
        const ended = endOf(still.value.authorization);
        return ended === null ? refreshed : { ok: false, failure: ended };
      }
      log.warn("grant.served_while_failing", { errorCode: refreshed.failure.code, reason: refreshed.failure.reason });
      return this.#answer(request, still.value.stored, { authorization, leaseFromMs, minted: false });
    }
  }

  /** What there is for a request: never a dead token. */
  async #lookUp(request: GrantTokenRequest): Promise<Result<Found>> {
    const current = await this.#current(request);
    if (!current.ok) return current;
    const authorization = current.value;
    const wanted = wantedGroup(request, authorization);
    if (!wanted.ok) return wanted;
    const candidates = this.#candidates(wanted.value, authorization)
      .map((stored) => ({ stored, freshness: judge(stored, request, authorization, this.#parts.deps.now()) }))
      .filter(({ stored, freshness }) => {
        // Nobody can replace it any more, so a rejection is its end.
        const isOver = authorization.state !== "active" && stored.tokenId === request.rejectedTokenId;
        return freshness !== "dead" && !isOver;
      });
    const best = candidates.find(({ freshness }) => freshness === "fresh") ?? candidates[0];
    return ok({
      authorization,
      wanted: wanted.value,
      stored: best?.stored ?? null,
      freshness: best?.freshness ?? "dead",
    });
  }

  /** The group's own token, and those of other groups that are just what it asks for. */
  #candidates(wanted: UserGroup, authorization: Authorization): StoredToken[] {
    const { store } = this.#parts;
    const key = userGroupKey(wanted);
    const own = store.token(key);
    // A pasted key is the same for everybody.
    if (authorization.policy === null) return store.tokens();
    const others = store
      .tokens()
      .filter((stored) => stored.groupId !== key && isEqualGrant(stored, wanted))
      // What cannot be replaced is shared among projects, rather than that the user is asked again.
      .filter(({ linkId }) => linkId === wanted.linkId || linkId === null || authorization.fingerprint === null);
    return own === null ? others : [own, ...others];
  }

  /** The authorization, if tokens may come from it. */
  async #current(request: GrantTokenRequest): Promise<Result<Authorization>> {
    const { authorizations } = this.#parts.store;
    const known = authorizations.read();
    if (known !== null && known.configRevision < request.connector.configRevision) {
      this.#rechecking ??= this.#recheck(request).finally(() => {
        this.#rechecking = null;
      });
      const checked = await this.#rechecking;
      if (!checked.ok) return checked;
    }
    const authorization = authorizations.read();
    const refusal = refusalOf(authorization, request);
    return authorization === null || refusal !== null
      ? { ok: false, failure: refusal ?? NEVER_AUTHORIZED }
      : ok(authorization);
  }

  /** The connector was changed since: whom does it name now? */
  async #recheck({ teamId, identity }: GrantTokenRequest): Promise<Result<void>> {
    const { store, deps } = this.#parts;
    const provider = await providerOf({ teamId, connectorId: identity.connectorId }, await deps.keys(), deps);
    if (!provider.ok) return provider;
    const authorization = store.authorizations.read();
    if (authorization === null) return ok(undefined);
    const configured = configuredFor(authorization, provider.value);
    if (configured !== authorization) store.authorizations.write(configured);
    return ok(undefined);
  }

  #refresh(request: GrantTokenRequest, authorization: Authorization, wanted: UserGroup): Promise<Result<void>> {
    const { store, deps } = this.#parts;
    const ended = endOf(authorization);
    if (ended !== null) return Promise.resolve({ ok: false, failure: ended });
    if (authorization.fingerprint === null) return Promise.resolve(fail("user_authorization_required", RAN_OUT));
    const { scopeCeiling } = request;
    const isServed = () => {
      const stored = store.token(userGroupKey(wanted));
      return stored !== null && judge(stored, request, authorization, deps.now()) === "fresh";
    };
    return this.#refreshing.refresh({
      group: wanted,
      permit: null,
      scopeCeiling,
      isServed,
    });
  }

  async #answer(
    request: GrantTokenRequest,
    stored: StoredToken | null,
    { authorization, leaseFromMs, minted }: { authorization: Authorization; leaseFromMs: number; minted: boolean },
  ): Promise<GrantTokenAnswer> {
    const { store, leasing, deps, schedule } = this.#parts;
    if (stored === null) return fail("storage_unavailable", BUSY);
    const missing = missingScopes(request, stored);
    if (missing.length > 0) return fail("insufficient_scope", { message: notGranted(missing) });
    const nowMs = deps.now();
    if (stored.linkId !== null && stored.linkId !== request.linkId) store.share(stored.groupId);
    if (stored.askedAtMs < stored.mintedAtMs) {
      store.touch(stored.groupId, Math.max(nowMs, stored.mintedAtMs));
      // From now on it is worth replacing before it ends.
      await schedule();
    }
    const terms = async () => {
      const { externalSubject, claims } = await openProfile(this.#parts);
      const { authorizationId } = authorization;
      const toldExpiryMs = authorization.policy?.oldAccessTokenDies ? toldEndMs(stored, nowMs) : null;
      return { authorizationId, leaseFromMs, claims, externalSubject: externalSubject?.subject ?? null, toldExpiryMs };
    };
    return leasing.lease(request, stored, terms, minted);
  }
}

interface Found {
  authorization: Authorization;
  wanted: UserGroup;
  stored: StoredToken | null;
  freshness: Freshness;
}

const BUSY = { reason: "refreshed again and again for others", retryAfterMs: 1000 };
const NEVER_AUTHORIZED: Failure = { code: "user_authorization_required" };
const RAN_OUT = {
  message:
    "The user's token has ended, and the provider gave no refresh token. Start a new authorization for this user.",
};
const ENDED = {
  lost_in_flight:
    "The answer to the last refresh was lost, and the provider no longer takes the refresh token from before it. Start a new authorization for this user.",
  refused_upstream:
    "The provider no longer accepts this user's authorization: it was withdrawn or has ended there. Start a new authorization for this user.",
  revoked: "This user's authorization was revoked here. Start a new authorization for this user.",
};

/** Why nothing can be refreshed any more; null = it can. */
function endOf({ state }: Authorization): Failure | null {
  return state === "active" ? null : { ...NEVER_AUTHORIZED, message: ENDED[state], reason: state };
}

/** Why no token may come from an authorization; null = they may. */
function refusalOf(
  authorization: Authorization | null,
  { revokedBeforeMs }: Pick<GrantTokenRequest, "revokedBeforeMs">,
): Failure | null {
  if (authorization === null) return NEVER_AUTHORIZED;
  // A provider that refuses the refresh token says nothing of the access token that it gave with it.
  if (authorization.state === "revoked") return endOf(authorization);
  if (authorization.revokedBeforeMs < revokedBeforeMs) {
    return { ...NEVER_AUTHORIZED, message: ENDED.revoked, reason: "revoked" };
  }
  if (authorization.configuredProvider === authorization.provider) return null;
  return { ...NEVER_AUTHORIZED, ...PROVIDER_CHANGED, reason: "provider changed" };
}

function isFresh(found: Found): found is Found & { stored: StoredToken } {
  return found.freshness === "fresh";
}

/** Where a refresh ends the token before it, only the told end counts, and no caller's buffer. */
function judge(stored: StoredToken, request: GrantTokenRequest, { policy }: Authorization, nowMs: number): Freshness {
  if (!policy?.oldAccessTokenDies) return decideFreshness(stored, request, nowMs);
  const freshness = decideFreshness(stored, { ...request, validityBufferMs: 0 }, nowMs);
  return freshness === "fresh" && nowMs >= stored.expiresAtMs - earlyByMs(stored.lifetimeMs) ? "renew" : freshness;
}

/** What a caller is told: earlier than the token ends, as long as that is still to come. */
function toldEndMs({ expiresAtMs, lifetimeMs }: StoredToken, nowMs: number): number {
  const earlyMs = expiresAtMs - earlyByMs(lifetimeMs);
  return nowMs < earlyMs ? earlyMs : expiresAtMs;
}
