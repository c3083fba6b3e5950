import { DurableObject } from "cloudflare:workers";
import type { KeyRing } from "../../crypto/key-ring.ts";
import type { Services } from "../../services.ts";
import { LaneStore } from "./lane-store.ts";
import type { LaneItem, LaneStatus, LaneStub } from "./protocol.ts";

/** What a lane needs of the deployment. The key ring is asked for per use: importing it is asynchronous. */
export interface LaneDeps
  extends Pick<Services, "db" | "events" | "blobs" | "fetch" | "now" | "random" | "randomBytes" | "settings" | "log"> {
  keys: () => Promise<KeyRing>;
}

/** One destination, or one shard of a busy one: what is due there, and the sending of it. */
export class DestinationLaneObject extends DurableObject<unknown> implements LaneStub {
  readonly #deps: LaneDeps;
  readonly #store: LaneStore;

  constructor(ctx: DurableObjectState, env: unknown, deps: LaneDeps) {
    super(ctx, env);
    this.#deps = deps;
    this.#store = new LaneStore(ctx.storage);
  }

  async enqueue(_destinationId: string, items: LaneItem[]): Promise<void> {
    this.#store.add(items, this.#deps.now());
  }

  async cancel(_deliveryIds: string[]): Promise<void> {}

  async refresh(): Promise<void> {}

  async status(): Promise<LaneStatus> {
    return { waiting: this.#store.count(), inFlight: 0, breaker: "closed", probeAtMs: null };
  }
}
