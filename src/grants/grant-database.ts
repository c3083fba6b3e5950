const SCHEMA = `
  CREATE TABLE IF NOT EXISTS identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    identity TEXT NOT NULL,
    team_id TEXT NOT NULL,
    region TEXT,
    authorization_id TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE IF NOT EXISTS tokens (
    group_id TEXT PRIMARY KEY,
    token_id TEXT NOT NULL,
    token_sealed TEXT NOT NULL,
    generation INTEGER NOT NULL,
    minted_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    static INTEGER NOT NULL,
    revoked_before_ms INTEGER NOT NULL,
    granted TEXT NOT NULL,
    asked_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS tokens_by_use ON tokens (asked_at_ms);
  CREATE TABLE IF NOT EXISTS attempts (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('mint', 'refresh')),
    group_id TEXT NOT NULL,
    -- Of the refresh token that the attempt spends; empty for a mint.
    fingerprint TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    deadline_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS upstream_revocations (
    token_id TEXT PRIMARY KEY,
    token_sealed TEXT NOT NULL,
    generation INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    due_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS upstream_revocations_by_due ON upstream_revocations (due_at_ms);
`;

/**
 * A Grant's own SQLite. Everything is synchronous, so statements between two awaits commit together. Nothing is
 * written, not even the tables, before `open`: asking about subjects that do not exist costs nothing.
 */
export class GrantDatabase {
  readonly #storage: DurableObjectStorage;
  #opened: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#opened = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'identity'").toArray().length > 0;
  }

  /** Create the tables, if this is the first time. */
  open(): void {
    if (this.#opened) return;
    this.#storage.sql.exec(SCHEMA);
    this.#opened = true;
  }

  /** Rows of a query; none before the first `open`. */
  rows<Row extends Record<string, SqlStorageValue>>(query: string, ...values: SqlStorageValue[]): Row[] {
    return this.#opened ? this.#storage.sql.exec<Row>(query, ...values).toArray() : [];
  }

  /** A write; nothing to do before the first `open`. */
  run(statement: string, ...values: SqlStorageValue[]): void {
    if (this.#opened) this.#storage.sql.exec(statement, ...values);
  }

  transaction(work: () => void): void {
    if (this.#opened) this.#storage.transactionSync(work);
  }
}
