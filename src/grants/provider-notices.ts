import { causeOf } from "../errors.ts";
import type { GrantDeps } from "./deps.ts";
import type { GrantRow, GrantStore } from "./grant-store.ts";
import type { PendingRevocation, PendingRevocations } from "./pending-revocations.ts";
import type { TokenVault } from "./token-vault.ts";
import { nextTryAtMs, revokeUpstream } from "./upstream-revocation.ts";

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
type Sent = "revoked" | "unsupported" | "failed" | "expired";

/** Tells the provider of revoked tokens, now and, where that fails, from the object's alarm until it works or they expire. */
export class ProviderNotices {
  readonly #storage: Pick<DurableObjectStorage, "setAlarm">;
  readonly #revocations: PendingRevocations;
  readonly #store: Pick<GrantStore, "purge" | "latestExpiryMs">;
  readonly #vault: TokenVault;
  readonly #deps: GrantDeps;
  /** Notices that some call is sending: a walk and an operator may both come at once. */
  readonly #inHand = new Set<string>();

  constructor(
    storage: Pick<DurableObjectStorage, "setAlarm">,
    revocations: PendingRevocations,
    store: Pick<GrantStore, "purge" | "latestExpiryMs">,
    vault: TokenVault,
    deps: GrantDeps,
  ) {
    this.#storage = storage;
    this.#revocations = revocations;
    this.#store = store;
    this.#vault = vault;
    this.#deps = deps;
  }

  /** Send what is due and schedule the rest. A grant that was never written to has nothing to send. */
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
        if (outcome !== "expired") counts[outcome]++;
      }
    } finally {
      for (const { tokenId } of mine) this.#inHand.delete(tokenId);
    }
    await this.schedule();
    counts.pending = this.#revocations.summary().count;
    return counts;
  }

  /**
   * The same for an alarm, which also clears away what has expired. It must not throw: a failing one would be retried a
   * few times and then forgotten.
   */
  async sendFromAlarm(grant: GrantRow | null): Promise<void> {
    try {
      this.#store.purge(this.#deps.now());
      await this.send(grant);
    } catch (error) {
      const reason = causeOf(error);
      this.#deps.log.error("grant.alarm_failed", { reason });
      await this.#storage.setAlarm(nextTryAtMs(1, this.#deps.now()));
    }
  }

  /**
   * Arm the alarm: for the earliest notice, or for when the last token will have expired, which nobody may come to see.
   * A Grant that is in use clears away as it goes.
   */
  async schedule(): Promise<void> {
    const nextAtMs = this.#revocations.summary().nextDueAtMs ?? this.#store.latestExpiryMs();
    if (nextAtMs === null) return;
    // Who is sending schedules anew at its end; until then an alarm is only for the case that it dies.
    const earliestMs = this.#inHand.size > 0 ? this.#deps.now() + 2 * SENDING_MS : 0;
    await this.#storage.setAlarm(Math.max(nextAtMs, earliestMs));
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

  async #sendOne(
    grant: GrantRow,
    { tokenId, generation, sealed, expiresAtMs, provider, tries }: PendingRevocation,
  ): Promise<Sent> {
    const { now, keys } = this.#deps;
    if (expiresAtMs <= now()) {
      this.#revocations.end(tokenId);
      return "expired";
    }
    const token = await this.#vault.open({ teamId: grant.teamId, tokenId, generation }, sealed);
    this.#vault.forget(tokenId);
    const outcome = await revokeUpstream(grant, { token, provider }, await keys(), this.#deps);
    if (outcome === "retry") {
      this.#revocations.postpone(tokenId, nextTryAtMs(tries, now()));
      return "failed";
    }
    this.#revocations.end(tokenId);
    return outcome;
  }
}
