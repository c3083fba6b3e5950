import { ApiError } from "../errors.ts";
import type { GrantStore } from "./grant-store.ts";
import type { LeasePublisher } from "./lease-publisher.ts";
import type { GrantTokenAnswer, GrantTokenRequest } from "./protocol.ts";
import { type LeaseTerms, leasedToken, type StoredToken } from "./stored-token.ts";
import type { TokenVault } from "./token-vault.ts";

/** How exactly the Grant knows when a token was last asked for (ms). */
const TOUCH_EVERY_MS = 60_000;

/** Hands stored tokens out, under a lease. */
export class Leasing {
  readonly #store: GrantStore;
  readonly #vault: TokenVault;
  readonly #publisher: LeasePublisher;
  readonly #defer: (work: Promise<unknown>) => void;

  constructor(
    { store, vault, publisher }: { store: GrantStore; vault: TokenVault; publisher: LeasePublisher },
    defer: (work: Promise<unknown>) => void,
  ) {
    this.#store = store;
    this.#vault = vault;
    this.#publisher = publisher;
    this.#defer = defer;
  }

  /** The answer; `terms` are looked up beside the token. What cannot be opened is a failure, as data. */
  async lease(
    request: GrantTokenRequest,
    stored: StoredToken,
    terms: () => Promise<Omit<LeaseTerms, "token">>,
    minted: boolean,
  ): Promise<GrantTokenAnswer> {
    const { teamId, leaseKey } = request;
    const { groupId, tokenId, generation, sealed } = stored;
    try {
      const token = await this.#vault.open({ teamId, tokenId, generation }, sealed);
      const leased = leasedToken(request, stored, { ...(await terms()), token: token.expose() });
      const isLeased = leased.leaseUntilMs > leased.leaseFromMs;
      const isPublished = leaseKey !== null && isLeased && this.#publisher.asked(leased);
      if (isPublished) this.#defer(this.#publisher.publish(leaseKey, leased));
      // What gives way first is what nobody asked for the longest, whether or not KV holds it.
      if (isPublished || leased.leaseFromMs - stored.askedAtMs >= TOUCH_EVERY_MS) {
        this.#store.touch(groupId, leased.leaseFromMs);
      }
      return { ok: true, value: leased, minted };
    } catch (error) {
      // Classes do not survive the way back to the caller; failures as data do.
      if (error instanceof ApiError) return { ok: false, failure: error.failure };
      throw error;
    }
  }
}
