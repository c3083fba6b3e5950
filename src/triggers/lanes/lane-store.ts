import type { DeliveryUpdate } from "../events/delivery-store.ts";
import type { LaneItem } from "./protocol.ts";

const SCHEMA = `
  -- What is to be sent. A delivery in flight is due again when its lease ends.
  CREATE TABLE IF NOT EXISTS waiting (
    id TEXT PRIMARY KEY,
    -- Sorts by time of receipt.
    event_id TEXT NOT NULL,
    series INTEGER NOT NULL,
    due_at_ms INTEGER NOT NULL,
    attempt_count INTEGER NOT NULL,
    -- What the last attempt was answered with; 410 counts when it comes twice.
    last_status INTEGER,
    enqueued_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS waiting_by_due ON waiting (due_at_ms, event_id, id);
  CREATE INDEX IF NOT EXISTS waiting_by_event ON waiting (event_id, id);
  -- What is over, for as long as it may be brought here again.
  CREATE TABLE IF NOT EXISTS settled (
    id TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS settled_by_time ON settled (at_ms);
  -- What is still to be told (JSON).
  CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    report TEXT NOT NULL
  ) STRICT;
  -- What must outlive the object's memory (JSON).
  CREATE TABLE IF NOT EXISTS kept (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** For how long what is over is remembered. */
export const SETTLED_MS = 3_600_000;

/** One delivery as its lane keeps it. */
export interface WaitingRow {
  id: string;
  eventId: string;
  series: number;
  dueAtMs: number;
  attemptCount: number;
  lastStatus: number | null;
  enqueuedAtMs: number;
}

/** What the rest of the system is to be told. */
export interface Report {
  update: DeliveryUpdate;
  /** The destination wants nothing any more: disable it. */
  gone?: true;
}

const COLUMNS = `id, event_id AS eventId, series, due_at_ms AS dueAtMs, attempt_count AS attemptCount,
  last_status AS lastStatus, enqueued_at_ms AS enqueuedAtMs`;

/**
 * A lane's own SQLite. Everything is synchronous: what stands between two awaits commits together. Nothing is written,
 * not even the tables, before something is to be sent.
 */
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
    for (const { deliveryId, eventId, series, attemptCount, dueAtMs } of items) {
      this.#run(
        `INSERT INTO waiting (id, event_id, series, due_at_ms, attempt_count, enqueued_at_ms)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM settled WHERE id = ?1)
         ON CONFLICT (id) DO NOTHING`,
        deliveryId,
        eventId,
        series,
        dueAtMs,
        attemptCount,
        nowMs,
      );
    }
  }

  /** The next ones: by the order of their events, or by the time when they are due. */
  next(ordered: boolean, limit: number): WaitingRow[] {
    return ordered
      ? this.#rows<WaitingRow>(`SELECT ${COLUMNS} FROM waiting ORDER BY event_id, id LIMIT ?`, limit)
      : this.#rows<WaitingRow>(`SELECT ${COLUMNS} FROM waiting ORDER BY due_at_ms, event_id, id LIMIT ?`, limit);
  }

  find(id: string): WaitingRow | null {
    return this.#rows<WaitingRow>(`SELECT ${COLUMNS} FROM waiting WHERE id = ?`, id)[0] ?? null;
  }

  /** Those that came before then and are due. */
  dueSince(beforeMs: number, nowMs: number, limit: number): WaitingRow[] {
    const query = `SELECT ${COLUMNS} FROM waiting WHERE due_at_ms <= ? AND enqueued_at_ms < ? LIMIT ?`;
    return this.#rows<WaitingRow>(query, nowMs, beforeMs, limit);
  }

  /** It is due then; also the end of a lease. */
  postpone(id: string, dueAtMs: number): void {
    this.#run("UPDATE waiting SET due_at_ms = ? WHERE id = ?", dueAtMs, id);
  }

  /** One attempt is over and another follows. */
  repeat(id: string, lastStatus: number | null, report: Report): void {
    const { attemptCount, nextAttemptAtMs } = report.update;
    this.#run(
      "UPDATE waiting SET due_at_ms = ?, attempt_count = ?, last_status = ? WHERE id = ?",
      nextAttemptAtMs,
      attemptCount,
      lastStatus,
      id,
    );
    this.#report(report);
  }

  /** It is over. */
  settle(id: string, report: Report, nowMs: number): void {
    this.#run("DELETE FROM waiting WHERE id = ?", id);
    this.#run("INSERT INTO settled (id, at_ms) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", id, nowMs);
    this.#report(report);
  }

  reports(limit: number): { seq: number; report: Report }[] {
    const rows = this.#rows<{ seq: number; report: string }>(
      "SELECT seq, report FROM outbox ORDER BY seq LIMIT ?",
      limit,
    );
    return rows.map(({ seq, report }) => ({ seq, report: JSON.parse(report) }));
  }

  forgetReports(upTo: number): void {
    this.#run("DELETE FROM outbox WHERE seq <= ?", upTo);
  }

  forgetSettled(nowMs: number): void {
    this.#run("DELETE FROM settled WHERE at_ms <= ?", nowMs - SETTLED_MS);
  }

  hasWaiting(): boolean {
    return this.#rows("SELECT 1 FROM waiting LIMIT 1").length > 0;
  }

  hasReports(): boolean {
    return this.#rows("SELECT 1 FROM outbox LIMIT 1").length > 0;
  }

  hasSettled(): boolean {
    return this.#rows("SELECT 1 FROM settled LIMIT 1").length > 0;
  }

  count(): number {
    return this.#rows<{ n: number }>("SELECT count(*) AS n FROM waiting")[0]?.n ?? 0;
  }

  keep(name: string, value: unknown): void {
    const text = JSON.stringify(value);
    this.#run("INSERT INTO kept (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2", name, text);
  }

  kept<Value>(name: string): Value | null {
    const [row] = this.#rows<{ value: string }>("SELECT value FROM kept WHERE name = ?", name);
    return row === undefined ? null : JSON.parse(row.value);
  }

  #report(report: Report): void {
    this.#run("INSERT INTO outbox (report) VALUES (?)", JSON.stringify(report));
  }

  #rows<Row>(query: string, ...values: SqlStorageValue[]): Row[] {
    return this.#opened ? (this.#storage.sql.exec(query, ...values).toArray() as Row[]) : [];
  }

  #run(statement: string, ...values: SqlStorageValue[]): void {
    if (this.#opened) this.#storage.sql.exec(statement, ...values);
  }
}
