import { causeOf } from "../errors.ts";
import type { GrantDeps } from "./deps.ts";
import type { GrantStore } from "./grant-store.ts";
import type { ProviderNotices } from "./provider-notices.ts";
import type { Refreshing } from "./refreshing.ts";
import { nextTryAtMs } from "./upstream-revocation.ts";
import type { UserAuthorization } from "./user-authorization.ts";

/** All that a Grant does by itself, from the one alarm that it has. */
export class GrantAlarm {
  readonly #storage: Pick<DurableObjectStorage, "setAlarm">;
  readonly #deps: Pick<GrantDeps, "now" | "log">;
  readonly #work: {
    store: GrantStore;
    notices: ProviderNotices;
    authorization: UserAuthorization;
    refreshing: Refreshing;
  };

  constructor(
    storage: Pick<DurableObjectStorage, "setAlarm">,
    work: { store: GrantStore; notices: ProviderNotices; authorization: UserAuthorization; refreshing: Refreshing },
    deps: Pick<GrantDeps, "now" | "log">,
  ) {
    this.#storage = storage;
    this.#work = work;
    this.#deps = deps;
  }

  /**
   * Arms the alarm: for the earliest that is due, or for when the last token will have expired, which nobody may come to
   * see. A Grant that is in use clears away as it goes. Never rejects: what it is for has already happened.
   */
  async schedule(): Promise<void> {
    const { store, notices, authorization } = this.#work;
    const due = [notices.nextDueMs(), authorization.nextDueMs()].filter((atMs) => atMs !== null);
    const nextAtMs = due.length > 0 ? Math.min(...due) : store.latestExpiryMs();
    if (nextAtMs !== null) await this.#set(nextAtMs);
  }

  /** It must not throw: a failing alarm would be retried a few times and then forgotten. */
  async run(): Promise<void> {
    const { store, notices, authorization, refreshing } = this.#work;
    try {
      store.purge(this.#deps.now());
      await notices.send(store.identity());
      await authorization.refreshDue(refreshing);
      await authorization.syncIndex();
      await this.schedule();
    } catch (error) {
      this.#deps.log.error("grant.alarm_failed", { reason: causeOf(error) });
      await this.#set(nextTryAtMs(1, this.#deps.now()));
    }
  }

  async #set(atMs: number): Promise<void> {
    try {
      await this.#storage.setAlarm(atMs);
    } catch (error) {
      this.#deps.log.error("grant.alarm_failed", { reason: causeOf(error) });
    }
  }
}
