import type { Database } from "../../store/database.ts";
import { eventsById, type StoredEvent } from "../events/event-store.ts";

/** How many deliveries ahead their events are read: one query for so many attempts. */
export const AHEAD = 50;

/** The events of the next deliveries. */
export class EventsAhead {
  readonly #db: Database;
  /** Null = it is not there any more. */
  #events = new Map<string, StoredEvent | null>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** Reads those that are not here, and forgets all others. */
  async load(ids: readonly string[]): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#events.has(id));
    if (missing.length === 0) return;
    const read = await eventsById(this.#db, missing);
    this.#events = new Map(ids.map((id) => [id, this.#events.get(id) ?? read.get(id) ?? null]));
  }

  /** Undefined = it was not read. */
  get(id: string): StoredEvent | null | undefined {
    return this.#events.get(id);
  }

  drop(id: string): void {
    this.#events.delete(id);
  }
}
