import type { LaneItem } from "./protocol.ts";

const SCHEMA = `
  -- What is to be sent. A delivery in flight is due again when its lease ends.
  CREATE TABLE IF NOT EXISTS waiting (
    id TEXT PRIMARY KEY,
    -- Sorts by time of receipt.
    event_id TEXT NOT NULL,
    due_at_ms INTEGER NOT NULL,
    attempt_count INTEGER NOT NULL,
    -- What the last attempt was answered with; 410 counts when it comes twice.
    last_status INTEGER,
    enqueued_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS waiting_by_due ON waiting (due_at_ms, event_id, id);
  CREATE INDEX IF NOT EXISTS waiting_by_event ON waiting (event_id, id);
  -- What is over, for as long as somebody may ask for it again.
  CREATE TABLE IF NOT EXISTS settled (
    id TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS settled_by_time ON settled (at_ms);
  -- What the event log is still to be told (JSON).
  CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message TEXT NOT NULL
  ) STRICT;
  -- What must survive the object's memory, by name (JSON).
  CREATE TABLE IF NOT EXISTS lane (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** One delivery as its lane keeps it. */
export interface WaitingRow {
  id: string;
  eventId: string;
  dueAtMs: number;
  attemptCount: number;
  lastStatus: number | null;
  enqueuedAtMs: number;
}

const COLUMNS = `id, event_id AS eventId, due_at_ms AS dueAtMs, attempt_count AS attemptCount,
  last_status AS lastStatus, enqueued_at_ms AS enqueuedAtMs`;

/** A lane's own SQLite. Everything is synchronous: what stands between two awaits commits together. */
export class LaneStore {
  readonly #storage: DurableObjectStorage;
  #opened: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#opened = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'waiting'").toArray().length > 0;
  }

  /** What the lane holds already, or has settled lately, is left as it is. */
  add(items: readonly LaneItem[], nowMs: number): void {
    if (!this.#opened) this.#storage.sql.exec(SCHEMA);
    this.#opened = true;
    for (const { deliveryId, eventId, attemptCount, dueAtMs } of items) {
      this.#storage.sql.exec(
        `INSERT INTO waiting (id, event_id, due_at_ms, attempt_count, enqueued_at_ms)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM settled WHERE id = ?1)
         ON CONFLICT (id) DO NOTHING`,
        deliveryId,
        eventId,
        dueAtMs,
        attemptCount,
        nowMs,
      );
    }
  }

  count(): number {
    return this.#rows<{ n: number }>("SELECT count(*) AS n FROM waiting")[0]?.n ?? 0;
  }

  waiting(limit: number): WaitingRow[] {
    return this.#rows<WaitingRow>(`SELECT ${COLUMNS} FROM waiting ORDER BY due_at_ms, event_id, id LIMIT ?`, limit);
  }

  #rows<Row>(query: string, ...values: SqlStorageValue[]): Row[] {
    return this.#opened ? (this.#storage.sql.exec(query, ...values).toArray() as Row[]) : [];
  }
}
