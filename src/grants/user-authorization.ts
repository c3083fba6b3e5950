import { causeOf, ok } from "../errors.ts";
import { type Authorization, noticeFacts } from "./authorization-store.ts";
import { withBackgroundPermit } from "./background-permit.ts";
import { indexAuthorization } from "./external-subject.ts";
import type { GrantParts } from "./parts.ts";
import type { GrantDescription } from "./protocol.ts";
import { type RevocationReach, reaches } from "./reach.ts";
import { afterFailure, nextAheadAt, nextRefreshAt } from "./refresh-decisions.ts";
import type { Refreshing } from "./refreshing.ts";
import type { StoredToken } from "./stored-token.ts";
import { groupOfKey } from "./user-group.ts";

/** Refreshes that one alarm carries out; what is left is due at once in the next. */
const MAX_AT_ONCE = 20;
/** How long the alarm leaves a refresh alone that could not even be tried. */
const LATER_MS = 30_000;

interface Due {
  atMs: number;
  /** Before the gate had its say. */
  plannedAtMs: number;
  /** From then on there is nothing left to be refreshed ahead of. */
  endsAtMs: number;
  key: string;
}

/** The life of a user's authorization beside the questions: its end, its place in the index, and what the alarm does for it. */
export class UserAuthorization {
  readonly #parts: GrantParts;
  /** When this grant's turn comes, as far as it was told (ms). Lost with the object; the alarm is not. */
  #turnMs = 0;

  constructor(parts: GrantParts) {
    this.#parts = parts;
  }

  /** What an object that died had under way: nobody knows what the provider did. */
  adopt(): void {
    const { store, deps } = this.#parts;
    for (const { id, kind, fingerprint, startedAtMs } of store.journal.open()) {
      deps.log.warn("grant.attempt_abandoned", { kind, startedAtMs });
      store.transaction(() => {
        const authorization = store.authorizations.read();
        if (kind === "refresh" && authorization?.state === "active" && authorization.fingerprint === fingerprint) {
          const after = afterFailure(authorization, { code: "upstream_timeout" }, deps.now());
          store.authorizations.write({ ...authorization, ...after });
        }
        store.journal.end(id);
      });
    }
  }

  /** Whether a revocation means the authorization itself, and with it everything that came from it. */
  isMeant(reach: RevocationReach): boolean {
    const authorization = this.#parts.store.authorizations.read();
    return authorization !== null && authorization.state !== "revoked" && reaches(reach, authorization);
  }

  /** Ends it; `tokens` were dropped with it. True if a refresh token is now owed to the provider. */
  end(tokens: StoredToken[]): boolean {
    const { store, deps, vault } = this.#parts;
    const authorization = store.authorizations.read();
    if (authorization === null) return false;
    const nowMs = deps.now();
    const refresh = store.authorizations.secret("refresh_token");
    const profile = store.authorizations.secret("profile");
    // What stands for the whole at the provider.
    const proof = refresh ?? tokens.find((token) => !token.static && token.expiresAtMs > nowMs) ?? null;
    const notice: Authorization["notice"] =
      proof === null
        ? { tokenId: "", outcome: "unsupported", atMs: nowMs }
        : { tokenId: proof.tokenId, outcome: "pending", atMs: null };
    store.transaction(() => {
      if (refresh !== null) {
        store.oweRefreshToken(refresh, authorization.provider, nowMs, noticeFacts(authorization, "refresh_token"));
      }
      const ended = { state: "revoked", fingerprint: null, nextAttemptAtMs: null, indexed: false } as const;
      store.authorizations.write({ ...authorization, ...ended, notice });
      store.authorizations.setSecret("refresh_token", null);
      store.authorizations.setSecret("profile", null);
    });
    if (profile !== null) vault.forget(profile.tokenId);
    return refresh !== null;
  }

  /** Brings the index to what is true here. What fails is repeated by the alarm. */
  async syncIndex(): Promise<void> {
    const { name, store, deps, schedule } = this.#parts;
    const authorization = store.authorizations.read();
    if (authorization === null || authorization.indexed) return;
    try {
      await indexAuthorization(deps.db, name, authorization);
    } catch (error) {
      deps.log.warn("grant.index_behind", { reason: causeOf(error) });
      return;
    }
    const current = store.authorizations.read();
    if (current === null) return;
    // Of two writes that were under way at once nobody knows which came last.
    const indexed = current.state === authorization.state && current.subjectHash === authorization.subjectHash;
    store.authorizations.write({ ...current, indexed });
    await schedule();
  }

  /** When the alarm has something to do for it (ms). */
  nextDueMs(): number | null {
    const { store, deps } = this.#parts;
    const authorization = store.authorizations.read();
    if (authorization === null) return null;
    const behind = authorization.indexed ? null : deps.now() + LATER_MS;
    const refreshAtMs = this.nextRefreshMs();
    return refreshAtMs === null ? behind : Math.min(refreshAtMs, behind ?? refreshAtMs);
  }

  /** When the next refresh is due (ms); while one is under way, that is only for the case that the object dies. */
  nextRefreshMs(): number | null {
    const underWay = this.#parts.store.journal.open().filter(({ kind }) => kind === "refresh");
    if (underWay.length > 0) return Math.min(...underWay.map(({ deadlineMs }) => deadlineMs));
    return this.#due()?.atMs ?? null;
  }

  /** What is due, one after the other, and in the background's share of the provider. */
  async refreshDue(refreshing: Refreshing): Promise<void> {
    const { store, deps } = this.#parts;
    for (let count = 0; count < MAX_AT_ONCE; count++) {
      const [due, nowMs] = [this.#due(), deps.now()];
      if (due === null || due.atMs > nowMs) return;
      this.#turnMs = 0;
      const before = store.authorizations.read()?.lastAttemptAtMs;
      const asker = { lateMs: nowMs - due.plannedAtMs, leftMs: due.endsAtMs - nowMs };
      const result = await withBackgroundPermit(this.#parts, asker, async (permit) => {
        const authorization = store.authorizations.read();
        // Somebody who could not wait for the permit may have had it done.
        if (authorization === null || !this.#isDue(due.key)) return ok(undefined);
        // Whether a project may have it is decided when it asks.
        const group = groupOfKey(due.key, authorization);
        return refreshing.refresh({ group, permit, scopeCeiling: null, isServed: () => !this.#isDue(due.key) });
      });
      const isTried = store.authorizations.read()?.lastAttemptAtMs !== before;
      if (result.ok && isTried) continue;
      const { retryAfterMs = LATER_MS } = result.ok ? {} : result.failure;
      // A refresh that failed has written down when the next may follow; anything else waits here.
      if (!isTried) this.#turnMs = deps.now() + retryAfterMs;
      return;
    }
  }

  describe(): GrantDescription | null {
    const { store, deps } = this.#parts;
    const authorization = store.authorizations.read();
    if (authorization === null) return null;
    const { authorizationId, state, granted, fingerprint, authorizedAtMs, lastAttemptAtMs, lastOutcome } =
      authorization;
    const ends = store
      .tokens()
      .filter((token) => !token.static && token.expiresAtMs > deps.now())
      .map(({ expiresAtMs }) => expiresAtMs);
    return {
      authorizationId,
      state,
      scopes: granted.scopes,
      refreshable: state === "active" && fingerprint !== null,
      authorizedAtMs,
      accessTokenExpiresAtMs: ends.length === 0 ? null : Math.max(...ends),
      lastRefresh:
        lastAttemptAtMs === null || lastOutcome === null ? null : { atMs: lastAttemptAtMs, outcome: lastOutcome },
      nextAttemptAtMs: this.nextRefreshMs(),
      upstreamRevocation:
        authorization.notice === null
          ? null
          : { outcome: authorization.notice.outcome, atMs: authorization.notice.atMs },
    };
  }

  #isDue(key: string): boolean {
    const due = this.#due();
    return due?.key === key && due.atMs <= this.#parts.deps.now();
  }

  #due(): Due | null {
    const { store } = this.#parts;
    const authorization = store.authorizations.read();
    if (authorization === null || authorization.fingerprint === null || authorization.policy === null) return null;
    const { policy, lastGroup } = authorization;
    const tokens = store.tokens();
    const candidates: Omit<Due, "atMs">[] = [];
    const last = tokens.find(({ groupId }) => groupId === lastGroup) ?? null;
    const retryAtMs = nextRefreshAt(authorization, policy, last);
    if (retryAtMs !== null && lastGroup !== null) {
      candidates.push({ plannedAtMs: retryAtMs, endsAtMs: Number.POSITIVE_INFINITY, key: lastGroup });
    }
    for (const { groupId: key, expiresAtMs, lifetimeMs, askedAtMs, mintedAtMs, tokenId } of tokens) {
      const wanted = askedAtMs >= mintedAtMs;
      const jitter = fractionOf(tokenId);
      const plannedAtMs = nextAheadAt(authorization, policy, { expiresAtMs, lifetimeMs, wanted, jitter });
      if (plannedAtMs !== null) candidates.push({ plannedAtMs, endsAtMs: expiresAtMs, key });
    }
    const [first] = candidates.toSorted((a, b) => a.plannedAtMs - b.plannedAtMs);
    return first === undefined ? null : { ...first, atMs: Math.max(first.plannedAtMs, this.#turnMs) };
  }
}

/** In [0, 1), the same for the same id: ids are random, so this is spread out. */
function fractionOf(id: string): number {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + character.charCodeAt(0)) % 65_521;
  return hash / 65_521;
}
