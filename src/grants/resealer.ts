import { kidOf } from "../crypto/envelope.ts";
import { ApiError } from "../errors.ts";
import type { GrantDeps } from "./deps.ts";
import type { GrantDatabase } from "./grant-database.ts";
import type { GrantRow, GrantStore } from "./grant-store.ts";
import { needKey, needOnlyKey } from "./index-keys.ts";
import type { GrantReseal } from "./protocol.ts";
import type { TokenVault } from "./token-vault.ts";

type SealedToken = { token_id: string; token_sealed: string; generation: number };

/** Where a Grant keeps envelopes. */
const TABLES = ["tokens", "superseded_tokens", "upstream_revocations", "authorization_secrets"] as const;
/** A token that moves from one table to another while it is re-sealed is found in the next round. */
const MAX_ROUNDS = 3;

interface GrantParts {
  db: GrantDatabase;
  store: GrantStore;
  vault: TokenVault;
}

/** Brings everything that one Grant has sealed under one master key. */
export class Resealer {
  readonly #name: string;
  readonly #parts: GrantParts;
  readonly #deps: GrantDeps;

  constructor(name: string, parts: GrantParts, deps: GrantDeps) {
    this.#name = name;
    this.#parts = parts;
    this.#deps = deps;
  }

  /**
   * Re-seals what needs another key than this primary, and tells the index when nothing does. Not done where this
   * object has another ring than the asker, or holds an envelope that does not open.
   */
  async run(primaryKid: string, grant: GrantRow | null): Promise<GrantReseal> {
    const { primaryKid: own } = await this.#deps.keys();
    // What it mints next would need its own primary again.
    if (own !== primaryKid) return { done: false, reason: `its primary key is ${own}` };
    // Nothing needs a key for a token that is dead anyway, nor to tell the provider of one.
    this.#parts.store.purge(this.#deps.now());
    this.#parts.db.run("DELETE FROM upstream_revocations WHERE expires_at_ms <= ?", this.#deps.now());
    // Before the first envelope that needs it, as with a mint.
    if (this.#waiting(primaryKid).length > 0) await this.#deps.db.run(needKey(this.#name, primaryKid));
    for (let round = 0; grant !== null && round < MAX_ROUNDS; round++) {
      if (!(await this.#round(primaryKid, grant.teamId))) break;
    }
    if (this.#waiting(primaryKid).length > 0) return { done: false, reason: "it holds tokens that do not open" };
    await needOnlyKey(this.#deps.db, this.#name, primaryKid);
    return { done: true, reason: "" };
  }

  /** Whether anything was replaced. */
  async #round(primaryKid: string, teamId: string): Promise<boolean> {
    const { db, store, vault } = this.#parts;
    let replaced = false;
    for (const { token_id: tokenId, token_sealed: sealed, generation } of this.#waiting(primaryKid)) {
      try {
        const token = await vault.open({ teamId, tokenId, generation }, sealed);
        // Nobody has asked for it: it need not stay in memory.
        vault.forget(tokenId);
        const next = store.nextGeneration();
        const resealed = await vault.seal({ teamId, tokenId, generation: next }, token);
        for (const table of TABLES) {
          db.run(
            `UPDATE ${table} SET token_sealed = ?, generation = ? WHERE token_id = ? AND generation = ?`,
            resealed,
            next,
            tokenId,
            generation,
          );
        }
        replaced = true;
      } catch (error) {
        // The vault has logged which; the others need not wait for it.
        if (!(error instanceof ApiError)) throw error;
      }
    }
    return replaced;
  }

  #waiting(primaryKid: string): SealedToken[] {
    return TABLES.flatMap((table) =>
      this.#parts.db.rows<SealedToken>(`SELECT token_id, token_sealed, generation FROM ${table}`),
    ).filter((token) => kidOf(token.token_sealed) !== primaryKid);
  }
}
