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
    asked_at_ms INTEGER NOT NULL,
    -- The row goes then. A static value may be valid for longer, but is read anew.
    keep_until_ms INTEGER,
    -- NULL in what an older version stored: unknown.
    link_id TEXT,
    provider TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS tokens_by_use ON tokens (asked_at_ms);
  CREATE TABLE IF NOT EXISTS superseded_tokens (
    token_id TEXT PRIMARY KEY,
    token_sealed TEXT NOT NULL,
    generation INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    revoked_before_ms INTEGER NOT NULL,
    link_id TEXT,
    provider TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS superseded_tokens_by_expiry ON superseded_tokens (expires_at_ms);
  CREATE TABLE IF NOT EXISTS attempts (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('mint', 'exchange', 'refresh')),
    group_id TEXT NOT NULL,
    -- Of the refresh token that the attempt spends; else empty.
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
    due_at_ms INTEGER NOT NULL,
    provider TEXT,
    hint TEXT NOT NULL DEFAULT 'access_token',
    -- Of a user's tokens: what a revocation ends at that provider, and whose they are.
    revocation_scope TEXT,
    subject_hash TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS upstream_revocations_by_due ON upstream_revocations (due_at_ms);
  CREATE TABLE IF NOT EXISTS authorization (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    authorization_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    link_id TEXT NOT NULL,
    revoked_before_ms INTEGER NOT NULL,
    authorized_at_ms INTEGER NOT NULL,
    -- Who issued it, and whom the connector names as of a revision of its configuration.
    provider TEXT NOT NULL,
    configured_provider TEXT NOT NULL,
    config_revision INTEGER NOT NULL,
    policy TEXT,
    asked TEXT NOT NULL,
    granted TEXT NOT NULL,
    subject_hash TEXT,
    -- Of the refresh token; NULL = there is none.
    fingerprint TEXT,
    state TEXT NOT NULL CHECK (state IN ('active', 'lost_in_flight', 'refused_upstream', 'revoked')),
    refusals INTEGER NOT NULL,
    first_refused_at_ms INTEGER,
    unknown_attempts INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    last_attempt_at_ms INTEGER,
    last_outcome TEXT,
    last_group TEXT,
    next_attempt_at_ms INTEGER,
    -- The revocation that the provider is asked to confirm, and what it said.
    notice_token_id TEXT,
    notice_outcome TEXT,
    notice_at_ms INTEGER,
    -- Whether the index of grants says what stands here.
    indexed INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS authorization_secrets (
    kind TEXT PRIMARY KEY CHECK (kind IN ('refresh_token', 'profile')),
    token_id TEXT NOT NULL,
    token_sealed TEXT NOT NULL,
    generation INTEGER NOT NULL
  ) STRICT;
`;

/** Brings tables of an earlier version to the present shape, one step a version, in order. */
const UPGRADES: { isOld: string; statements: string }[] = [
  {
    isOld: "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pragma_table_info('tokens') WHERE name = 'link_id')",
    statements: `
      ALTER TABLE tokens ADD COLUMN keep_until_ms INTEGER;
      UPDATE tokens SET keep_until_ms = expires_at_ms;
      ALTER TABLE tokens ADD COLUMN link_id TEXT;
      ALTER TABLE tokens ADD COLUMN provider TEXT;
      ALTER TABLE upstream_revocations ADD COLUMN provider TEXT;
    `,
  },
  {
    isOld: "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pragma_table_info('upstream_revocations') WHERE name = 'hint')",
    // A constraint is changed by making the table anew: the schema does, and the next step fills it.
    statements: `
      ALTER TABLE upstream_revocations ADD COLUMN hint TEXT NOT NULL DEFAULT 'access_token';
      ALTER TABLE upstream_revocations ADD COLUMN revocation_scope TEXT;
      ALTER TABLE upstream_revocations ADD COLUMN subject_hash TEXT;
      ALTER TABLE attempts RENAME TO old_attempts;
    `,
  },
  {
    isOld: "SELECT 1 FROM sqlite_master WHERE name = 'old_attempts'",
    statements: "INSERT INTO attempts SELECT * FROM old_attempts; DROP TABLE old_attempts;",
  },
];

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
    if (this.#opened) this.#upgrade();
  }

  /** Create the tables, if this is the first time. */
  open(): void {
    if (this.#opened) return;
    this.#storage.sql.exec(SCHEMA);
    this.#opened = true;
  }

  /** An object wakes up with the tables that it fell asleep with, however many versions ago. */
  #upgrade(): void {
    const { sql } = this.#storage;
    for (const { isOld, statements } of UPGRADES) {
      if (sql.exec(isOld).toArray().length === 0) continue;
      this.#storage.transactionSync(() => {
        sql.exec(statements);
        sql.exec(SCHEMA);
      });
    }
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
