import { causeOf } from "../errors.ts";
import type { GrantDeps } from "./deps.ts";
import type { GrantRow, GrantStore } from "./grant-store.ts";
import type { PendingRevocation, PendingRevocations } from "./pending-revocations.ts";
import type { UpstreamRevocation } from "./protocol.ts";
import type { TokenVault } from "./token-vault.ts";
import { endsOwnGrant, nextTryAtMs, revokeUpstream } from "./upstream-revocation.ts";

export interface NoticeCounts {
  revoked: number;
  unsupported: number;
  failed: number;
  /** Still owed, due now or later. */
  pending: number;
}

/** A provider that is slow makes neither an operator nor a walk wait longer than this and one call; the alarm goes on. */
const SENDING_MS = 5_000;

/** What became of one notice; `expired`: there is nothing left to tell. */
type Sent = "revoked" | "unsupported" | "shared" | "failed" | "expired";

/** Tells the provider of revoked tokens, now and, where that fails, from the object's alarm until it works or they expire. */
export class ProviderNotices {
  readonly #grantName: string;
  readonly #revocations: PendingRevocations;
  readonly #store: GrantStore;
  readonly #vault: TokenVault;
  readonly #deps: GrantDeps;
  /** Notices that some call is sending: a walk and an operator may both come at once. */
  readonly #inHand = new Set<string>();

  constructor(
    grantName: string,
    parts: { revocations: PendingRevocations; store: GrantStore; vault: TokenVault },
    deps: GrantDeps,
  ) {
    this.#grantName = grantName;
    this.#revocations = parts.revocations;
    this.#store = parts.store;
    this.#vault = parts.vault;
    this.#deps = deps;
  }

  /** Send what is due. A grant that was never written to has nothing to send. */
  async send(grant: GrantRow | null): Promise<NoticeCounts> {
    const counts: NoticeCounts = { revoked: 0, unsupported: 0, failed: 0, pending: 0 };
    if (grant === null) return counts;
    const startedAtMs = this.#deps.now();
    const mine = this.#revocations.due(startedAtMs).filter(({ tokenId }) => !this.#inHand.has(tokenId));
    for (const { tokenId } of mine) this.#inHand.add(tokenId);
    try {
      for (const pending of mine) {
        if (this.#deps.now() - startedAtMs >= SENDING_MS) break;
        const outcome = await this.#trySend(grant, pending);
        if (outcome !== "expired") counts[outcome === "shared" ? "unsupported" : outcome]++;
      }
    } finally {
      for (const { tokenId } of mine) this.#inHand.delete(tokenId);
    }
    counts.pending = this.#revocations.summary().count;
    return counts;
  }

  /** When the next notice is due (ms); while some call is sending, that is only for the case that it dies. */
  nextDueMs(): number | null {
    const { nextDueAtMs } = this.#revocations.summary();
    if (nextDueAtMs === null || this.#inHand.size === 0) return nextDueAtMs;
    return Math.max(nextDueAtMs, this.#deps.now() + 2 * SENDING_MS);
  }

  /** What cannot even be attempted, an unreadable token say, is postponed: it must not hold up the others. */
  async #trySend(grant: GrantRow, pending: PendingRevocation): Promise<Sent> {
    try {
      return await this.#sendOne(grant, pending);
    } catch (error) {
      const reason = causeOf(error);
      this.#deps.log.error("grant.notice_failed", { tokenId: pending.tokenId, reason });
      this.#revocations.postpone(pending.tokenId, nextTryAtMs(pending.tries, this.#deps.now()));
      return "failed";
    }
  }

  async #sendOne(grant: GrantRow, pending: PendingRevocation): Promise<Sent> {
    const { now, keys } = this.#deps;
    const { tokenId, generation, sealed, expiresAtMs, tries } = pending;
    if (expiresAtMs <= now()) return this.#end(tokenId, "expired");
    const token = await this.#vault.open({ teamId: grant.teamId, tokenId, generation }, sealed);
    this.#vault.forget(tokenId);
    const isOwn = () => endsOwnGrant(pending, this.#store.authorizations.read());
    const told = { token, notice: pending, isOwn };
    const outcome = await revokeUpstream(grant, this.#grantName, told, await keys(), this.#deps);
    if (outcome !== "retry") return this.#end(tokenId, outcome);
    this.#revocations.postpone(tokenId, nextTryAtMs(tries, now()));
    return "failed";
  }

  /** The notice goes, and where it stood for an authorization, that keeps what became of it. */
  #end<Outcome extends Exclude<Sent, "failed">>(tokenId: string, outcome: Outcome): Outcome {
    this.#revocations.end(tokenId);
    const authorization = this.#store.authorizations.read();
    if (authorization?.notice?.tokenId === tokenId) {
      const notice = { tokenId, outcome: EVIDENCE[outcome], atMs: this.#deps.now() };
      this.#store.authorizations.write({ ...authorization, notice });
    }
    return outcome;
  }
}

const EVIDENCE: Record<Exclude<Sent, "failed">, UpstreamRevocation["outcome"]> = {
  revoked: "confirmed",
  unsupported: "unsupported",
  shared: "shared",
  expired: "given_up",
};
