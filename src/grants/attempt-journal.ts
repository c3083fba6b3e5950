import type { GrantDatabase } from "./grant-database.ts";

/** A call of the provider that is under way. */
export interface Attempt {
  id: string;
  kind: "mint" | "exchange" | "refresh";
  groupId: string;
  /** Of the refresh token that it spends; else empty. */
  fingerprint: string;
  startedAtMs: number;
  deadlineMs: number;
}

/** The calls of one Grant. A row without a call belongs to an object that died. */
export class AttemptJournal {
  readonly #db: GrantDatabase;

  constructor(db: GrantDatabase) {
    this.#db = db;
  }

  /** Written before the provider is called: proves the store writable, and lets a successor know. */
  begin({ id, kind, groupId, fingerprint, startedAtMs, deadlineMs }: Attempt): void {
    this.#db.run(
      "INSERT INTO attempts (id, kind, group_id, fingerprint, started_at_ms, deadline_ms) VALUES (?, ?, ?, ?, ?, ?)",
      id,
      kind,
      groupId,
      fingerprint,
      startedAtMs,
      deadlineMs,
    );
  }

  end(id: string): void {
    this.#db.run("DELETE FROM attempts WHERE id = ?", id);
  }

  /** Attempts without an end. In the constructor: those of an object that died. */
  open(): Attempt[] {
    type Row = {
      id: string;
      kind: Attempt["kind"];
      group_id: string;
      fingerprint: string;
      started_at_ms: number;
      deadline_ms: number;
    };
    return this.#db.rows<Row>("SELECT * FROM attempts").map((row) => ({
      id: row.id,
      kind: row.kind,
      groupId: row.group_id,
      fingerprint: row.fingerprint,
      startedAtMs: row.started_at_ms,
      deadlineMs: row.deadline_ms,
    }));
  }
}
