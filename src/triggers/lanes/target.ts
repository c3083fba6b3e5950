import type { Services } from "../../services.ts";
import type { Destination, ForwardedConnector } from "../settings/destination.ts";
import { findDestination } from "../settings/destination-store.ts";

/** How old what is known of the destination may be when something is sent there. */
const TARGET_FRESH_MS = 5_000;
/** The same while the database cannot be asked. What was told to forget is not used even then. */
const TARGET_STALE_MS = 60_000;

/** Where a lane sends, and from whom. */
export interface Target {
  destination: Destination;
  connector: ForwardedConnector;
}

/** Where a lane sends to, read anew every few seconds. */
export class LaneTarget {
  readonly #deps: Pick<Services, "db" | "now">;
  readonly #destinationId: string;
  #known: { target: Target | null; readAtMs: number } | null = null;
  #version = 0;

  constructor(destinationId: string, deps: Pick<Services, "db" | "now">) {
    this.#destinationId = destinationId;
    this.#deps = deps;
  }

  /** Null = it has been removed. Throws when that cannot be found out. */
  async current(): Promise<Target | null> {
    const { db, now } = this.#deps;
    const readAtMs = now();
    if (this.#known !== null && readAtMs - this.#known.readAtMs < TARGET_FRESH_MS) return this.#known.target;
    const version = this.#version;
    try {
      const target = await findDestination(db, this.#destinationId);
      // What was read may be older than the change that it was forgotten for.
      if (version !== this.#version) return this.current();
      this.#known = { target, readAtMs };
      return target;
    } catch (error) {
      if (this.#known !== null && readAtMs - this.#known.readAtMs < TARGET_STALE_MS) return this.#known.target;
      throw error;
    }
  }

  /** The next read sees what is true now. */
  forget(): void {
    this.#known = null;
    this.#version++;
  }
}
