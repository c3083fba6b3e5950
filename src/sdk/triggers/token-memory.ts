/** Which tokens were used. Share one store between all instances of a receiver to notice replays at any of them. */
export interface TokenMemory {
  /** False when this id was added before. It may be forgotten after `expiresAtMs`. */
  add(id: string, expiresAtMs: number): boolean | Promise<boolean>;
}

/** For a receiver of one process. Beyond `maxEntries`, the oldest ids are forgotten first. */
export function createTokenMemory({ maxEntries = 10_000, now = Date.now } = {}): TokenMemory {
  const expiries = new Map<string, number>();
  return {
    add(id, expiresAtMs) {
      const known = expiries.get(id);
      if (known !== undefined && now() < known) return false;
      // Ids come in about the order in which they expire, so the oldest entries are the ones to look at.
      for (const [oldest, expiry] of expiries) {
        if (expiries.size < maxEntries && now() < expiry) break;
        expiries.delete(oldest);
      }
      expiries.set(id, expiresAtMs);
      return true;
    },
  };
}
