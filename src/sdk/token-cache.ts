import type { ConnectTokenResponse } from "./types.ts";

interface Entry {
  /** Every name that the connector is known by: as asked for, id and uid. */
  names: readonly string[];
  paramsKey: string;
  response: ConnectTokenResponse;
  /** What was left of the token's life when it arrived. */
  lifetimeMs: number;
}

/** A token serves while it outlives the buffer; the buffer never exceeds half of what the token had left on arrival. */
export function outlivesBuffer(
  token: { expiresAt: number; lifetimeMs: number },
  bufferMs: number,
  nowMs: number,
): boolean {
  return token.expiresAt - nowMs > Math.min(bufferMs, token.lifetimeMs / 2);
}

/** Tokens in memory, at most `capacity`, least recently used first out. */
export class TokenCache {
  /** In order of use: a Map iterates in order of insertion. */
  readonly #entries = new Map<string, Entry>();
  /** Connector name → time until which an edge of the deployment may still serve what was revoked. */
  readonly #distrustedUntilMs = new Map<string, number>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(
    key: string,
    want: { bufferMs: number; rejectedTokenId: string | undefined },
    nowMs: number,
  ): ConnectTokenResponse | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const { response, lifetimeMs } = entry;
    if (response.tokenId === want.rejectedTokenId || response.expiresAt <= nowMs) {
      this.#entries.delete(key);
      return undefined;
    }
    if (!outlivesBuffer({ expiresAt: response.expiresAt, lifetimeMs }, want.bufferMs, nowMs)) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return response;
  }

  put(
    key: string,
    asked: { connector: string; paramsKey: string },
    response: ConnectTokenResponse,
    nowMs: number,
  ): void {
    const lifetimeMs = response.expiresAt - nowMs;
    if (lifetimeMs <= 0 || this.#capacity <= 0) return;
    this.#entries.delete(key);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < this.#capacity) break;
      this.#entries.delete(oldest);
    }
    const names = [asked.connector, response.connector.id, response.connector.uid];
    this.#entries.set(key, { names, paramsKey: asked.paramsKey, response, lifetimeMs });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets the connector's tokens, of all callers, or only those for `paramsKey`. Returns every name it met. */
  evict(connector: string, paramsKey?: string): Set<string> {
    const names = new Set([connector]);
    for (const [key, entry] of this.#entries) {
      if (!entry.names.includes(connector)) continue;
      for (const name of entry.names) names.add(name);
      if (paramsKey === undefined || paramsKey === entry.paramsKey) this.#entries.delete(key);
    }
    return names;
  }

  /** Until then, answers for these names count only if they come from the deployment's authority. */
  distrust(names: Iterable<string>, untilMs: number): void {
    for (const name of names) {
      this.#distrustedUntilMs.set(name, Math.max(untilMs, this.#distrustedUntilMs.get(name) ?? 0));
    }
  }

  distrusts(names: readonly string[], nowMs: number): boolean {
    for (const [name, untilMs] of this.#distrustedUntilMs) if (untilMs <= nowMs) this.#distrustedUntilMs.delete(name);
    return names.some((name) => this.#distrustedUntilMs.has(name));
  }
}
