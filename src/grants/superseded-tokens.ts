import type { GrantDatabase } from "./grant-database.ts";
import type { SealedToken } from "./pending-revocations.ts";
import { type RevocableFacts, type RevocationReach, reaches } from "./reach.ts";

/** At most this many; those that end first are forgotten first. */
export const MAX_SUPERSEDED_TOKENS = 1000;

export type SupersededToken = SealedToken & RevocableFacts;

/**
 * Tokens that nobody is given any more, because a newer one took their place, and that the provider still accepts from
 * whoever was given them. They are kept until they expire, so that a revocation reaches all that was issued.
 */
export class SupersededTokens {
  readonly #db: GrantDatabase;

  constructor(db: GrantDatabase) {
    this.#db = db;
  }

  /** How many others had to be forgotten for it. */
  add({ tokenId, sealed, generation, expiresAtMs, provider, revokedBeforeMs, linkId }: SupersededToken): number {
    this.#db.run(
      `INSERT OR REPLACE INTO superseded_tokens
         (token_id, token_sealed, generation, expires_at_ms, revoked_before_ms, link_id, provider)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      tokenId,
      sealed,
      generation,
      expiresAtMs,
      revokedBeforeMs,
      linkId,
      provider,
    );
    return this.#db.rows(
      `DELETE FROM superseded_tokens WHERE token_id IN
         (SELECT token_id FROM superseded_tokens ORDER BY expires_at_ms DESC LIMIT -1 OFFSET ?) RETURNING token_id`,
      MAX_SUPERSEDED_TOKENS,
    ).length;
  }

  /** Removes those that a revocation means, and returns the ones that are still valid. */
  take(reach: RevocationReach, nowMs: number): SupersededToken[] {
    this.purge(nowMs);
    const taken = this.#all().filter((token) => reaches(reach, token));
    for (const { tokenId } of taken) this.#db.run("DELETE FROM superseded_tokens WHERE token_id = ?", tokenId);
    return taken;
  }

  purge(nowMs: number): void {
    this.#db.run("DELETE FROM superseded_tokens WHERE expires_at_ms <= ?", nowMs);
  }

  /** When the last of them ends (ms); null when there is none. */
  latestExpiryMs(): number | null {
    const [row] = this.#db.rows<{ latest: number | null }>(
      "SELECT max(expires_at_ms) AS latest FROM superseded_tokens",
    );
    return row?.latest ?? null;
  }

  #all(): SupersededToken[] {
    type Row = {
      token_id: string;
      token_sealed: string;
      generation: number;
      expires_at_ms: number;
      revoked_before_ms: number;
      link_id: string | null;
      provider: string | null;
    };
    return this.#db.rows<Row>("SELECT * FROM superseded_tokens").map((row) => ({
      tokenId: row.token_id,
      sealed: row.token_sealed,
      generation: row.generation,
      expiresAtMs: row.expires_at_ms,
      revokedBeforeMs: row.revoked_before_ms,
      linkId: row.link_id,
      provider: row.provider,
    }));
  }
}
