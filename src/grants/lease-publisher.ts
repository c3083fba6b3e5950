import { KV_TTL_SECONDS } from "../store/lease-store.ts";
import { sealLease } from "../tokens/lease-envelope.ts";
import type { GrantDeps } from "./deps.ts";
import type { LeasedToken } from "./protocol.ts";

/** Groups remembered at once; beyond it, the oldest only loses its count. */
const MAX_GROUPS = 1000;

interface Window {
  tokenId: string;
  untilMs: number;
  published: boolean;
}

/**
 * Decides which leases go to KV: those of groups asked for several times within one lease, once a lease. A token
 * that one caller wants once an hour is not worth a write.
 */
export class LeasePublisher {
  readonly #deps: Pick<GrantDeps, "keys" | "leases" | "randomBytes" | "log">;
  readonly #windows = new Map<string, Window>();

  constructor(deps: Pick<GrantDeps, "keys" | "leases" | "randomBytes" | "log">) {
    this.#deps = deps;
  }

  /** Count a request; true when its lease is the one to publish. */
  asked({ groupId, tokenId, leaseFromMs, leaseUntilMs }: LeasedToken): boolean {
    const current = this.#windows.get(groupId);
    if (current === undefined || current.tokenId !== tokenId || leaseFromMs >= current.untilMs) {
      // After a published lease the next ask publishes at once: the group has shown that it is hot.
      const hot = current?.published === true && current.tokenId === tokenId;
      this.#windows.delete(groupId);
      this.#windows.set(groupId, { tokenId, untilMs: leaseUntilMs, published: hot });
      for (const oldest of this.#windows.keys()) {
        if (this.#windows.size <= MAX_GROUPS) break;
        this.#windows.delete(oldest);
      }
      return hot;
    }
    if (current.published) return false;
    current.published = true;
    current.untilMs = leaseUntilMs;
    return true;
  }

  forget(groupId: string): void {
    this.#windows.delete(groupId);
  }

  async publish(key: string, leased: LeasedToken): Promise<void> {
    const sealed = await sealLease(await this.#deps.keys(), "token", key, leased, this.#deps.randomBytes);
    await this.#deps.leases.put(key, sealed, KV_TTL_SECONDS);
  }
}
