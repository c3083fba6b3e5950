/** What is kept in KV: sealed text that is worthless after its lease. A failing store is an empty store. */
export interface LeaseStore {
  /** Values in the order of the keys; null = absent or unreadable. One KV operation, at most 100 keys. */
  get(keys: string[]): Promise<(string | null)[]>;
  /** Best effort: a refused write is logged, never thrown. */
  put(key: string, value: string, ttlSeconds: number): Promise<void>;
}
