import { open, type Sealed, seal } from "../crypto/envelope.ts";
import type { Secret } from "../crypto/secret.ts";
import { ApiError } from "../errors.ts";
import { LruMap } from "../store/lru.ts";
import type { GrantDeps } from "./deps.ts";

/** Where a sealed token lies: its grant, its id, and the number of the write that sealed it. */
export interface TokenPlace {
  teamId: string;
  tokenId: string;
  generation: number;
}

/** Opened tokens that are remembered. Nobody says which were replaced, but those are not asked for any more. */
const MAX_OPENED = 500;

/** Seals and opens the tokens of one Grant, and remembers what it opened: a thousand waiting callers decrypt once. */
export class TokenVault {
  readonly #deps: Pick<GrantDeps, "keys" | "log" | "randomBytes">;
  readonly #grantName: string;
  readonly #opened = new LruMap<string, Secret>(MAX_OPENED);

  constructor(grantName: string, deps: Pick<GrantDeps, "keys" | "log" | "randomBytes">) {
    this.#grantName = grantName;
    this.#deps = deps;
  }

  /** Settles in microtasks once the key ring is loaded: nothing can come between a provider's answer and its commit. */
  async seal(place: TokenPlace, token: Secret): Promise<Sealed> {
    return seal(await this.#deps.keys(), this.#context(place), token, this.#deps.randomBytes);
  }

  /** Throws `key_missing` or `decryption_failed`, both of which an operator must see. */
  async open(place: TokenPlace, sealed: string): Promise<Secret> {
    const known = this.#opened.get(place.tokenId);
    if (known !== undefined) return known;
    const opened = await open(await this.#deps.keys(), this.#context(place), sealed);
    if (!opened.ok) {
      this.#deps.log.error("grant.token_unreadable", { errorCode: opened.failure.code, tokenId: place.tokenId });
      throw ApiError.from(opened.failure);
    }
    this.#opened.set(place.tokenId, opened.value);
    return opened.value;
  }

  forget(tokenId: string): void {
    this.#opened.delete(tokenId);
  }

  #context({ teamId, tokenId, generation }: TokenPlace) {
    return { team: teamId, table: "grant_tokens", column: "token", rowId: `${this.#grantName}/${tokenId}`, generation };
  }
}
