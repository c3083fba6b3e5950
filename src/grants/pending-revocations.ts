import type { GrantPolicy } from "../catalog/driver.ts";
import type { GrantDatabase } from "./grant-database.ts";

/** A token as the provider will be told of it. */
export interface SealedToken {
  tokenId: string;
  sealed: string;
  generation: number;
  expiresAtMs: number;
  /** Who issued it (`Driver.provider`); null = unknown: stored by an older version. */
  provider: string | null;
}

/** What has to be known of a user's token before its provider is told. */
export interface NoticeFacts {
  hint: "access_token" | "refresh_token";
  /** What telling that provider ends (`GrantPolicy`); null = that token alone, as of the app's. */
  revocationScope: GrantPolicy["revocationScope"] | null;
  /** Whose it is at the provider, as the index has it; null = unknown. */
  subjectHash: string | null;
}

export interface PendingRevocation extends SealedToken, NoticeFacts {
  tries: number;
}

/** A token of the app itself. */
export const APP_TOKEN: NoticeFacts = { hint: "access_token", revocationScope: null, subjectHash: null };

/** Handled in one go; what is left is due at once in the next. */
const MAX_AT_ONCE = 50;

/** Tokens that are gone here and of which the provider has yet to be told. */
export class PendingRevocations {
  readonly #db: GrantDatabase;

  constructor(db: GrantDatabase) {
    this.#db = db;
  }

  add(token: SealedToken, dueAtMs: number, facts: NoticeFacts): void {
    this.#db.run(
      `INSERT OR IGNORE INTO upstream_revocations
         (token_id, token_sealed, generation, expires_at_ms, provider, tries, due_at_ms, hint, revocation_scope,
          subject_hash)
       VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?)`,
      token.tokenId,
      token.sealed,
      token.generation,
      token.expiresAtMs,
      token.provider,
      dueAtMs,
      facts.hint,
      facts.revocationScope,
      facts.subjectHash,
    );
  }

  /** Refresh tokens first: a provider may end the access tokens with them (RFC 7009 §2.1). */
  due(nowMs: number): PendingRevocation[] {
    type Row = {
      token_id: string;
      token_sealed: string;
      generation: number;
      expires_at_ms: number;
      provider: string | null;
      tries: number;
      hint: NoticeFacts["hint"];
      revocation_scope: NoticeFacts["revocationScope"];
      subject_hash: string | null;
    };
    const rows = this.#db.rows<Row>(
      `SELECT token_id, token_sealed, generation, expires_at_ms, provider, tries, hint, revocation_scope, subject_hash
       FROM upstream_revocations WHERE due_at_ms <= ? ORDER BY hint DESC, due_at_ms LIMIT ?`,
      nowMs,
      MAX_AT_ONCE,
    );
    return rows.map((row) => ({
      tokenId: row.token_id,
      sealed: row.token_sealed,
      generation: row.generation,
      expiresAtMs: row.expires_at_ms,
      provider: row.provider,
      tries: row.tries,
      hint: row.hint,
      revocationScope: row.revocation_scope,
      subjectHash: row.subject_hash,
    }));
  }

  end(tokenId: string): void {
    this.#db.run("DELETE FROM upstream_revocations WHERE token_id = ?", tokenId);
  }

  postpone(tokenId: string, dueAtMs: number): void {
    this.#db.run(
      "UPDATE upstream_revocations SET tries = tries + 1, due_at_ms = ? WHERE token_id = ?",
      dueAtMs,
      tokenId,
    );
  }

  summary(): { count: number; nextDueAtMs: number | null } {
    const [row] = this.#db.rows<{ count: number; next: number | null }>(
      "SELECT count(*) AS count, min(due_at_ms) AS next FROM upstream_revocations",
    );
    return { count: row?.count ?? 0, nextDueAtMs: row?.next ?? null };
  }
}
