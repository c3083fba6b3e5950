import * as z from "zod";
import type { AuthorizationDetail } from "../catalog/driver.ts";
import type { StoredFacts } from "./freshness.ts";
import type { GrantDatabase } from "./grant-database.ts";
import type { PendingRevocations } from "./pending-revocations.ts";
import type { GrantIdentity } from "./protocol.ts";

/** At most this many token groups a grant; the longest unused goes first. */
export const MAX_TOKEN_GROUPS = 500;

export interface GrantRow {
  identity: GrantIdentity;
  teamId: string;
  region: string | null;
  authorizationId: string;
}

export interface StoredToken extends StoredFacts {
  groupId: string;
  sealed: string;
  generation: number;
  /** Its value never expires upstream: there is nothing to revoke there. */
  static: boolean;
  granted: {
    scopes: string[];
    resources: string[];
    authorizationDetails: AuthorizationDetail[];
    metadata?: Record<string, string | number | boolean> | undefined;
  };
}

export interface Attempt {
  id: string;
  kind: "mint" | "refresh";
  groupId: string;
  fingerprint: string;
  startedAtMs: number;
  deadlineMs: number;
}

const strings = z.array(z.string());
const granted = z.object({
  scopes: strings,
  resources: strings,
  authorizationDetails: z.array(z.looseObject({ type: z.string() })),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});
const optionalText = z.string().nullable();
const subject = z.discriminatedUnion("type", [
  z.object({ type: z.literal("app") }),
  z.object({ type: z.literal("user"), namespace: optionalText, issuer: optionalText, id: z.string() }),
]);
const identity = z.object({ connectorId: z.string(), installationId: optionalText, subject, partition: z.string() });

type TokenRow = {
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

/** Who the grant is for, its tokens by group, and the journal of its attempts. */
export class GrantStore {
  readonly #db: GrantDatabase;
  readonly #revocations: PendingRevocations;

  constructor(db: GrantDatabase, revocations: PendingRevocations) {
    this.#db = db;
    this.#revocations = revocations;
  }

  /** Create the tables and the identity on first use; what is there already stays. */
  open(row: GrantRow): void {
    this.#db.open();
    this.#db.run(
      `INSERT INTO identity (id, identity, team_id, region, authorization_id) VALUES (1, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      JSON.stringify(row.identity),
      row.teamId,
      row.region,
      row.authorizationId,
    );
  }

  identity(): GrantRow | null {
    type Row = { identity: string; team_id: string; region: string | null; authorization_id: string };
    const [row] = this.#db.rows<Row>("SELECT identity, team_id, region, authorization_id FROM identity");
    if (row === undefined) return null;
    const { team_id: teamId, region, authorization_id: authorizationId } = row;
    return { identity: identity.parse(JSON.parse(row.identity)), teamId, region, authorizationId };
  }

  /** The number of the next sealed write; part of its AAD. */
  nextGeneration(): number {
    const [row] = this.#db.rows<{ generation: number }>(
      "UPDATE identity SET generation = generation + 1 RETURNING generation",
    );
    if (row === undefined) throw new Error("the grant's store was used before it was opened");
    return row.generation;
  }

  token(groupId: string): StoredToken | null {
    return this.#tokens("SELECT * FROM tokens WHERE group_id = ?", groupId)[0] ?? null;
  }

  touch(groupId: string, nowMs: number): void {
    this.#db.run("UPDATE tokens SET asked_at_ms = ? WHERE group_id = ?", nowMs, groupId);
  }

  /** Written before the provider is called: proves the store writable, and lets a successor know. */
  beginAttempt({ id, kind, groupId, fingerprint, startedAtMs, deadlineMs }: Attempt): void {
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

  endAttempt(id: string): void {
    this.#db.run("DELETE FROM attempts WHERE id = ?", id);
  }

  /** Attempts without an end. In the constructor: those of an object that died. */
  openAttempts(): Pick<Attempt, "id" | "kind" | "startedAtMs">[] {
    type Row = { id: string; kind: Attempt["kind"]; started_at_ms: number };
    const rows = this.#db.rows<Row>("SELECT id, kind, started_at_ms FROM attempts");
    return rows.map(({ id, kind, started_at_ms: startedAtMs }) => ({ id, kind, startedAtMs }));
  }

  /** The commit of a mint: the new token in its group's place, and the end of its journal entry, together. */
  commit(attemptId: string, token: StoredToken): void {
    this.#db.transaction(() => {
      const replaced = this.token(token.groupId);
      // One from before a revocation is still owed to the provider, although nobody is given it any more.
      if (replaced !== null && replaced.revokedBeforeMs < token.revokedBeforeMs) {
        this.#oweRevocation(replaced, token.mintedAtMs);
      }
      this.#db.run(
        `INSERT OR REPLACE INTO tokens (group_id, token_id, token_sealed, generation, minted_at_ms, expires_at_ms,
           static, revoked_before_ms, granted, asked_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      this.endAttempt(attemptId);
      this.#db.run("DELETE FROM tokens WHERE expires_at_ms <= ?", token.mintedAtMs);
      this.#db.run(
        "DELETE FROM tokens WHERE group_id IN (SELECT group_id FROM tokens ORDER BY asked_at_ms DESC LIMIT -1 OFFSET ?)",
        MAX_TOKEN_GROUPS,
      );
    });
  }

  /** The end of a mint that a revocation overtook: its token is not stored, only owed to the provider. */
  discard(attemptId: string, token: StoredToken, nowMs: number): void {
    this.#db.transaction(() => {
      this.endAttempt(attemptId);
      this.#oweRevocation(token, nowMs);
    });
  }

  /** Drop tokens; those that mean something upstream are owed to the provider. Returns what was dropped. */
  dropTokens(which: (token: StoredToken) => boolean, nowMs: number): StoredToken[] {
    const dropped = this.#tokens("SELECT * FROM tokens").filter(which);
    this.#db.transaction(() => {
      for (const token of dropped) {
        this.#db.run("DELETE FROM tokens WHERE group_id = ?", token.groupId);
        this.#oweRevocation(token, nowMs);
      }
    });
    return dropped;
  }

  #oweRevocation(token: StoredToken, nowMs: number): void {
    if (!token.static && token.expiresAtMs > nowMs) this.#revocations.add(token, nowMs);
  }

  #tokens(query: string, ...values: SqlStorageValue[]): StoredToken[] {
    return this.#db.rows<TokenRow>(query, ...values).map((row) => ({
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
}
