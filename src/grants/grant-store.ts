import * as z from "zod";
import type { GrantDatabase } from "./grant-database.ts";
import type { PendingRevocations } from "./pending-revocations.ts";
import type { GrantIdentity } from "./protocol.ts";
import { type RevocationReach, reaches } from "./reach.ts";
import { type StoredToken, storedToken, type TokenRow } from "./stored-token.ts";
import { type SupersededToken, SupersededTokens } from "./superseded-tokens.ts";

/** At most this many token groups a grant; the longest unused goes first. */
export const MAX_TOKEN_GROUPS = 500;

export interface GrantRow {
  identity: GrantIdentity;
  teamId: string;
  region: string | null;
  authorizationId: string;
}

export interface Attempt {
  id: string;
  kind: "mint" | "refresh";
  groupId: string;
  fingerprint: string;
  startedAtMs: number;
  deadlineMs: number;
}

const optionalText = z.string().nullable();
const subject = z.discriminatedUnion("type", [
  z.object({ type: z.literal("app") }),
  z.object({ type: z.literal("user"), namespace: optionalText, issuer: optionalText, id: z.string() }),
]);
const identity = z.object({ connectorId: z.string(), installationId: optionalText, subject, partition: z.string() });

/** Who the grant is for, its tokens by group, and the journal of its attempts. */
export class GrantStore {
  readonly #db: GrantDatabase;
  readonly #revocations: PendingRevocations;
  readonly #superseded: SupersededTokens;
  /** Never changes once it is there, and every answer needs it. */
  #identity: GrantRow | null = null;

  constructor(db: GrantDatabase, revocations: PendingRevocations) {
    this.#db = db;
    this.#revocations = revocations;
    this.#superseded = new SupersededTokens(db);
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
    this.#identity ??= this.#readIdentity();
    return this.#identity;
  }

  #readIdentity(): GrantRow | null {
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

  /**
   * The commit of a mint: the new token in its group's place, and the end of its journal entry, together. Returns how
   * many superseded tokens had to be forgotten, and can be revoked by nobody now.
   */
  commit(attemptId: string, token: StoredToken): number {
    let forgotten = 0;
    const nowMs = token.mintedAtMs;
    this.#db.transaction(() => {
      this.purge(nowMs);
      const replaced = this.token(token.groupId);
      if (replaced !== null) forgotten += this.#supersede(replaced, token.revokedBeforeMs, nowMs);
      this.#db.run(
        `INSERT OR REPLACE INTO tokens (group_id, token_id, token_sealed, generation, minted_at_ms, expires_at_ms,
           static, revoked_before_ms, granted, asked_at_ms, keep_until_ms, link_id, provider)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
        token.keepUntilMs,
        token.linkId,
        token.provider,
      );
      this.endAttempt(attemptId);
      const surplus = this.#tokens(
        "SELECT * FROM tokens ORDER BY asked_at_ms DESC LIMIT -1 OFFSET ?",
        MAX_TOKEN_GROUPS,
      );
      for (const evicted of surplus) {
        this.#db.run("DELETE FROM tokens WHERE group_id = ?", evicted.groupId);
        forgotten += this.#supersede(evicted, evicted.revokedBeforeMs, nowMs);
      }
    });
    return forgotten;
  }

  /** The end of a mint whose token may not be kept: it is only owed to the provider. */
  discard(attemptId: string, token: StoredToken, nowMs: number): void {
    this.#db.transaction(() => {
      this.endAttempt(attemptId);
      this.#oweRevocation(token, nowMs);
    });
  }

  /** Drop all tokens that a revocation means; those that mean something upstream are owed to the provider. */
  dropTokens(reach: RevocationReach, nowMs: number): { current: StoredToken[]; superseded: SupersededToken[] } {
    const current = this.#tokens("SELECT * FROM tokens").filter((token) => reaches(reach, token));
    let superseded: SupersededToken[] = [];
    this.#db.transaction(() => {
      for (const token of current) {
        this.#db.run("DELETE FROM tokens WHERE group_id = ?", token.groupId);
        this.#oweRevocation(token, nowMs);
      }
      superseded = this.#superseded.take(reach, nowMs);
      for (const token of superseded) this.#revocations.add(token, nowMs);
    });
    return { current, superseded };
  }

  /** Forget what has expired. */
  purge(nowMs: number): void {
    this.#db.run("DELETE FROM tokens WHERE keep_until_ms <= ?", nowMs);
    this.#superseded.purge(nowMs);
  }

  /** When all that is here now will have expired (ms); null when there is nothing. */
  latestExpiryMs(): number | null {
    const [row] = this.#db.rows<{ latest: number | null }>("SELECT max(keep_until_ms) AS latest FROM tokens");
    const latestMs = Math.max(row?.latest ?? 0, this.#superseded.latestExpiryMs() ?? 0);
    return latestMs === 0 ? null : latestMs;
  }

  /** A token gives way. One from before a revocation is owed to the provider; any other can still be revoked later. */
  #supersede(token: StoredToken, revokedBeforeMs: number, nowMs: number): number {
    if (token.static || token.expiresAtMs <= nowMs) return 0;
    if (token.revokedBeforeMs >= revokedBeforeMs) return this.#superseded.add(token);
    this.#oweRevocation(token, nowMs);
    return 0;
  }

  #oweRevocation(token: StoredToken, nowMs: number): void {
    if (!token.static && token.expiresAtMs > nowMs) this.#revocations.add(token, nowMs);
  }

  #tokens(query: string, ...values: SqlStorageValue[]): StoredToken[] {
    return this.#db.rows<TokenRow>(query, ...values).map(storedToken);
  }
}
