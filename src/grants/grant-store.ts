import * as z from "zod";
import type { AuthorizationDetail } from "../catalog/driver.ts";
import type { StoredFacts } from "./freshness.ts";
import type { GrantIdentity } from "./protocol.ts";

/** At most this many token groups a grant; the longest unused goes first. */
export const MAX_TOKEN_GROUPS = 500;

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
    fingerprint TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    deadline_ms INTEGER NOT NULL,
    outcome TEXT CHECK (outcome IN ('ok', 'failed', 'unknown'))
  ) STRICT;
  CREATE TABLE IF NOT EXISTS upstream_revocations (
    token_id TEXT PRIMARY KEY,
    token_sealed TEXT NOT NULL,
    generation INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    due_at_ms INTEGER NOT NULL
  ) STRICT;
`;

export interface GrantRow {
  identity: GrantIdentity;
  teamId: string;
  region: string | null;
  authorizationId: string;
}

export interface Granted {
  scopes: string[];
  resources: string[];
  authorizationDetails: AuthorizationDetail[];
  metadata?: Record<string, string | number | boolean> | undefined;
}

export interface StoredToken extends StoredFacts {
  groupId: string;
  sealed: string;
  generation: number;
  static: boolean;
  granted: Granted;
}

export interface PendingRevocation {
  tokenId: string;
  sealed: string;
  generation: number;
  expiresAtMs: number;
  tries: number;
}

const granted = z.object({
  scopes: z.array(z.string()),
  resources: z.array(z.string()),
  authorizationDetails: z.array(z.looseObject({ type: z.string() })),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});

const subject = z.discriminatedUnion("type", [
  z.object({ type: z.literal("app") }),
  z.object({
    type: z.literal("user"),
    namespace: z.string().nullable(),
    issuer: z.string().nullable(),
    id: z.string(),
  }),
]);
const identity = z.object({
  connectorId: z.string(),
  installationId: z.string().nullable(),
  subject,
  partition: z.string(),
});

/**
 * A Grant's own database. Every method is synchronous, so statements between two awaits commit together.
 * Nothing is written, not even the tables, before `open`: asking about subjects that do not exist costs nothing.
 */
export class GrantStore {
  readonly #storage: DurableObjectStorage;
  #opened: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#opened = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'identity'").toArray().length > 0;
  }

  /** Create the tables and the identity on first use. */
  open(row: GrantRow): GrantRow {
    if (!this.#opened) {
      this.#storage.sql.exec(SCHEMA);
      this.#opened = true;
    }
    this.#storage.sql.exec(
      "INSERT INTO identity (id, identity, team_id, region, authorization_id) VALUES (1, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      JSON.stringify(row.identity),
      row.teamId,
      row.region,
      row.authorizationId,
    );
    return this.identity() ?? row;
  }

  identity(): GrantRow | null {
    const row = this.#rows<{ identity: string; team_id: string; region: string | null; authorization_id: string }>(
      "SELECT identity, team_id, region, authorization_id FROM identity",
    )[0];
    if (row === undefined) return null;
    return {
      identity: identity.parse(JSON.parse(row.identity)),
      teamId: row.team_id,
      region: row.region,
      authorizationId: row.authorization_id,
    };
  }

  /** The number of the next sealed write; part of its AAD, so that an older row put back does not open. */
  nextGeneration(): number {
    const row = this.#rows<{ generation: number }>(
      "UPDATE identity SET generation = generation + 1 RETURNING generation",
    )[0];
    if (row === undefined) throw new Error("grant store used before it was opened");
    return row.generation;
  }

  token(groupId: string): StoredToken | null {
    return this.#tokens("SELECT * FROM tokens WHERE group_id = ?", groupId)[0] ?? null;
  }

  allTokens(): StoredToken[] {
    return this.#tokens("SELECT * FROM tokens");
  }

  touch(groupId: string, nowMs: number): void {
    this.#storage.sql.exec("UPDATE tokens SET asked_at_ms = ? WHERE group_id = ?", nowMs, groupId);
  }

  /** The commit of a mint: the new token and the end of its journal entry, together. */
  commit(attemptId: string, token: StoredToken): void {
    this.#storage.transactionSync(() => {
      this.#storage.sql.exec(
        `INSERT OR REPLACE INTO tokens
           (group_id, token_id, token_sealed, generation, minted_at_ms, expires_at_ms, static, revoked_before_ms, granted, asked_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        token.groupId,
        token.tokenId,
        token.sealed,
        token.generation,
        token.mintedAtMs,
        token.expiresAtMs,
        token.static ? 1 : 0,
        token.revokedBeforeMs,
        JSON.stringify(token.granted),
        token.mintedAtMs,
      );
      this.#storage.sql.exec("DELETE FROM attempts WHERE id = ?", attemptId);
      this.#storage.sql.exec("DELETE FROM tokens WHERE expires_at_ms <= ?", token.mintedAtMs);
      this.#storage.sql.exec(
        "DELETE FROM tokens WHERE group_id IN (SELECT group_id FROM tokens ORDER BY asked_at_ms DESC LIMIT -1 OFFSET ?)",
        MAX_TOKEN_GROUPS,
      );
    });
  }

  /** Written before the provider is called: proves the store writable and lets a successor know. */
  beginAttempt(attempt: {
    id: string;
    kind: "mint" | "refresh";
    groupId: string;
    fingerprint: string;
    startedAtMs: number;
    deadlineMs: number;
  }): void {
    this.#storage.sql.exec(
      "INSERT INTO attempts (id, kind, group_id, fingerprint, started_at_ms, deadline_ms) VALUES (?, ?, ?, ?, ?, ?)",
      attempt.id,
      attempt.kind,
      attempt.groupId,
      attempt.fingerprint,
      attempt.startedAtMs,
      attempt.deadlineMs,
    );
  }

  endAttempt(id: string): void {
    if (!this.#opened) return;
    this.#storage.sql.exec("DELETE FROM attempts WHERE id = ?", id);
  }

  /** Attempts whose object died before it could say how they ended. */
  abandonedAttempts(): { id: string; kind: string; groupId: string; startedAtMs: number }[] {
    return this.#rows<{ id: string; kind: string; group_id: string; started_at_ms: number }>(
      "SELECT id, kind, group_id, started_at_ms FROM attempts WHERE outcome IS NULL",
    ).map((row) => ({ id: row.id, kind: row.kind, groupId: row.group_id, startedAtMs: row.started_at_ms }));
  }

  /** Drop every token; those that mean something upstream become pending revocations. Returns what was dropped. */
  dropTokens(which: (token: StoredToken) => boolean, nowMs: number): StoredToken[] {
    const dropped = this.allTokens().filter(which);
    if (dropped.length === 0) return dropped;
    this.#storage.transactionSync(() => {
      for (const token of dropped) {
        this.#storage.sql.exec("DELETE FROM tokens WHERE group_id = ?", token.groupId);
        if (!token.static && token.expiresAtMs > nowMs) this.addRevocation(token, nowMs);
      }
    });
    return dropped;
  }

  addRevocation(
    token: { tokenId: string; sealed: string; generation: number; expiresAtMs: number },
    nowMs: number,
  ): void {
    this.#storage.sql.exec(
      "INSERT OR IGNORE INTO upstream_revocations (token_id, token_sealed, generation, expires_at_ms, tries, due_at_ms) VALUES (?, ?, ?, ?, 0, ?)",
      token.tokenId,
      token.sealed,
      token.generation,
      token.expiresAtMs,
      nowMs,
    );
  }

  dueRevocations(nowMs: number): PendingRevocation[] {
    return this.#rows<{
      token_id: string;
      token_sealed: string;
      generation: number;
      expires_at_ms: number;
      tries: number;
    }>(
      "SELECT token_id, token_sealed, generation, expires_at_ms, tries FROM upstream_revocations WHERE due_at_ms <= ? ORDER BY due_at_ms LIMIT 50",
      nowMs,
    ).map((row) => ({
      tokenId: row.token_id,
      sealed: row.token_sealed,
      generation: row.generation,
      expiresAtMs: row.expires_at_ms,
      tries: row.tries,
    }));
  }

  endRevocation(tokenId: string): void {
    this.#storage.sql.exec("DELETE FROM upstream_revocations WHERE token_id = ?", tokenId);
  }

  postponeRevocation(tokenId: string, dueAtMs: number): void {
    this.#storage.sql.exec(
      "UPDATE upstream_revocations SET tries = tries + 1, due_at_ms = ? WHERE token_id = ?",
      dueAtMs,
      tokenId,
    );
  }

  pendingRevocations(): { count: number; nextDueAtMs: number | null } {
    const row = this.#rows<{ count: number; next: number | null }>(
      "SELECT count(*) AS count, min(due_at_ms) AS next FROM upstream_revocations",
    )[0];
    return { count: row?.count ?? 0, nextDueAtMs: row?.next ?? null };
  }

  #tokens(query: string, ...values: SqlStorageValue[]): StoredToken[] {
    type Row = {
      group_id: string;
      token_id: string;
      token_sealed: string;
      generation: number;
      minted_at_ms: number;
      expires_at_ms: number;
      static: number;
      revoked_before_ms: number;
      granted: string;
    };
    return this.#rows<Row>(query, ...values).map((row) => ({
      groupId: row.group_id,
      tokenId: row.token_id,
      sealed: row.token_sealed,
      generation: row.generation,
      mintedAtMs: row.minted_at_ms,
      expiresAtMs: row.expires_at_ms,
      lifetimeMs: row.expires_at_ms - row.minted_at_ms,
      static: row.static === 1,
      revokedBeforeMs: row.revoked_before_ms,
      granted: granted.parse(JSON.parse(row.granted)),
    }));
  }

  #rows<Row extends Record<string, SqlStorageValue>>(query: string, ...values: SqlStorageValue[]): Row[] {
    return this.#opened ? this.#storage.sql.exec<Row>(query, ...values).toArray() : [];
  }
}
