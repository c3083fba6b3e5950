import * as z from "zod/mini";
import { NEVER_MS } from "../tokens/lease.ts";
import { AttemptJournal } from "./attempt-journal.ts";
import { type AuthorizationSecret, AuthorizationStore, noticeFacts } from "./authorization-store.ts";
import type { GrantDatabase } from "./grant-database.ts";
import { APP_TOKEN, type NoticeFacts, type PendingRevocations } from "./pending-revocations.ts";
import type { GrantIdentity } from "./protocol.ts";
import { type RevocationReach, reaches } from "./reach.ts";
import { type StoredToken, storedToken, type TokenRow } from "./stored-token.ts";
import { type SupersededToken, SupersededTokens } from "./superseded-tokens.ts";

/** For so long a provider that does not confirm is told of a refresh token. */
const REFRESH_TOKEN_TOLD_FOR_MS = 7 * 24 * 60 * 60_000;

/** At most this many token groups a grant; the longest unused goes first. */
export const MAX_TOKEN_GROUPS = 500;

export interface GrantRow {
  identity: GrantIdentity;
  teamId: string;
  region: string | null;
  authorizationId: string;
}

const optionalText = z.nullable(z.string());
const subject = z.union([
  z.object({ type: z.literal("app") }),
  z.object({ type: z.literal("user"), namespace: optionalText, issuer: optionalText, id: z.string() }),
]);
const identity = z.object({ connectorId: z.string(), installationId: optionalText, subject, partition: z.string() });

/** Who the grant is for, its tokens by group, and the journal of its attempts. */
export class GrantStore {
  readonly journal: AttemptJournal;
  readonly authorizations: AuthorizationStore;
  readonly #db: GrantDatabase;
  readonly #revocations: PendingRevocations;
  readonly #superseded: SupersededTokens;
  /** Never changes once it is there, and every answer needs it. */
  #identity: GrantRow | null = null;

  constructor(db: GrantDatabase, revocations: PendingRevocations) {
    this.#db = db;
    this.#revocations = revocations;
    this.#superseded = new SupersededTokens(db);
    this.journal = new AttemptJournal(db);
    this.authorizations = new AuthorizationStore(db);
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

  /** The numbers of that many sealed writes to come, each part of its AAD: this one and those after it. */
  reserveGenerations(count: number): number {
    const [row] = this.#db.rows<{ generation: number }>(
      "UPDATE identity SET generation = generation + ? RETURNING generation",
      count,
    );
    if (row === undefined) throw new Error("the grant's store was used before it was opened");
    return row.generation - count + 1;
  }

  nextGeneration(): number {
    return this.reserveGenerations(1);
  }

  token(groupId: string): StoredToken | null {
    return this.#tokens("SELECT * FROM tokens WHERE group_id = ?", groupId)[0] ?? null;
  }

  tokens(): StoredToken[] {
    return this.#tokens("SELECT * FROM tokens");
  }

  /** From now on the token is several projects': whoever revokes, means it. */
  share(groupId: string): void {
    this.#db.run("UPDATE tokens SET link_id = NULL WHERE group_id = ? AND static = 0", groupId);
  }

  touch(groupId: string, nowMs: number): void {
    this.#db.run("UPDATE tokens SET asked_at_ms = ? WHERE group_id = ?", nowMs, groupId);
  }

  /**
   * The commit of a call: the new token in its group's place, the end of its journal entry, and what comes with them,
   * together. Returns how many superseded tokens had to be forgotten, and can be revoked by nobody now.
   */
  commit(attemptId: string, token: StoredToken, alongside: () => void = () => {}): number {
    let forgotten = 0;
    const nowMs = token.mintedAtMs;
    this.#db.transaction(() => {
      alongside();
      this.purge(nowMs);
      const replaced = this.token(token.groupId);
      // A provider may repeat a token: it is then the same row with a new end.
      if (replaced !== null && replaced.tokenId !== token.tokenId) {
        forgotten += this.#supersede(replaced, token.revokedBeforeMs, nowMs);
      }
      this.#insert(token);
      this.journal.end(attemptId);
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

  /** The end of a call whose token may not be handed out: it is only owed to the provider. */
  discard(attemptId: string, token: StoredToken, nowMs: number, facts = this.#facts(), alongside = () => {}): void {
    this.#db.transaction(() => {
      alongside();
      this.journal.end(attemptId);
      this.#oweRevocation(token, nowMs, facts);
    });
  }

  /** A refresh token is owed to the provider. How long it is good for only the provider knows. */
  oweRefreshToken(secret: AuthorizationSecret, provider: string, dueAtMs: number, facts: NoticeFacts): void {
    const expiresAtMs = dueAtMs + REFRESH_TOKEN_TOLD_FOR_MS;
    this.#revocations.add({ ...secret, provider, expiresAtMs }, dueAtMs, facts);
  }

  owe(token: StoredToken, nowMs: number, facts: NoticeFacts): void {
    this.#oweRevocation(token, nowMs, facts);
  }

  transaction(work: () => void): void {
    this.#db.transaction(work);
  }

  /**
   * All tokens give way to those of another authorization: `owe` tells the provider of each, `keep` lets them run out,
   * within reach of a revocation. Belongs into the transaction that writes the other one.
   */
  retire(how: "owe" | "keep", nowMs: number): StoredToken[] {
    const current = this.tokens();
    for (const token of current) {
      this.#db.run("DELETE FROM tokens WHERE group_id = ?", token.groupId);
      if (how === "owe") this.#oweRevocation(token, nowMs, this.#facts());
      else this.#supersede(token, token.revokedBeforeMs, nowMs);
    }
    if (how === "owe") {
      const facts = this.#facts();
      const everything = { revokedBeforeMs: null, linkId: null };
      for (const token of this.#superseded.take(everything, nowMs)) this.#revocations.add(token, nowMs, facts);
    }
    return current;
  }

  /** Drop all tokens that a revocation means; those that mean something upstream are owed to the provider. */
  dropTokens(reach: RevocationReach, nowMs: number): { current: StoredToken[]; superseded: SupersededToken[] } {
    const current = this.#tokens("SELECT * FROM tokens").filter((token) => reaches(reach, token));
    let superseded: SupersededToken[] = [];
    this.#db.transaction(() => {
      for (const token of current) {
        this.#db.run("DELETE FROM tokens WHERE group_id = ?", token.groupId);
        this.#oweRevocation(token, nowMs, this.#facts());
      }
      superseded = this.#superseded.take(reach, nowMs);
      for (const token of superseded) this.#revocations.add(token, nowMs, this.#facts());
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
    const [row] = this.#db.rows<{ latest: number | null }>(
      "SELECT max(keep_until_ms) AS latest FROM tokens WHERE keep_until_ms < ?",
      NEVER_MS,
    );
    const latestMs = Math.max(row?.latest ?? 0, this.#superseded.latestExpiryMs() ?? 0);
    return latestMs === 0 ? null : latestMs;
  }

  /** A token gives way. One from before a revocation is owed to the provider; any other can still be revoked later. */
  #supersede(token: StoredToken, revokedBeforeMs: number, nowMs: number): number {
    if (token.static || token.expiresAtMs <= nowMs) return 0;
    if (token.revokedBeforeMs >= revokedBeforeMs) return this.#superseded.add(token);
    this.#oweRevocation(token, nowMs, this.#facts());
    return 0;
  }

  #oweRevocation(token: StoredToken, nowMs: number, facts: NoticeFacts): void {
    if (!token.static && token.expiresAtMs > nowMs) this.#revocations.add(token, nowMs, facts);
  }

  /** What is known of all tokens here: they are of one authorization, or of the app. */
  #facts(): NoticeFacts {
    const authorization = this.authorizations.read();
    return authorization === null ? APP_TOKEN : noticeFacts(authorization, "access_token");
  }

  #insert(token: StoredToken): void {
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
      token.askedAtMs,
      token.keepUntilMs,
      token.linkId,
      token.provider,
    );
  }

  #tokens(query: string, ...values: SqlStorageValue[]): StoredToken[] {
    return this.#db.rows<TokenRow>(query, ...values).map(storedToken);
  }
}
