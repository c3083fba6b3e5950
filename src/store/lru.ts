/** A bound on what all entries weigh together, in whatever unit `of` counts. */
export interface WeightLimit<K, V> {
  max: number;
  of: (key: K, value: V) => number;
}

interface Entry<K, V> {
  key: K;
  value: V;
  weight: number;
}

/**
 * A map that forgets its least recently used entries when it grows beyond `maxEntries`, or beyond a weight. What alone
 * weighs more than that is not kept.
 */
export class LruMap<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>();
  readonly #maxEntries: number;
  readonly #limit: WeightLimit<K, V>;
  #weight = 0;
  /** The most recently used, which need not be moved when it is used again. */
  #newest: Entry<K, V> | undefined;

  constructor(maxEntries: number, limit: WeightLimit<K, V> = { max: 0, of: () => 0 }) {
    if (!Number.isInteger(maxEntries) || maxEntries < 1) throw new RangeError("maxEntries must be a positive integer");
    this.#maxEntries = maxEntries;
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, which becomes the most recently used. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // A Map iterates in insertion order, so re-inserting is what marks an entry as used. Under its first key, because an
    // equal text of this request would outlive it here and be copied by the collector.
    if (entry !== this.#newest && this.#entries.delete(entry.key)) this.#entries.set(entry.key, entry);
    this.#newest = entry;
    return entry.value;
  }

  set(key: K, value: V): void {
    this.delete(key);
    const weight = this.#limit.of(key, value);
    this.#newest = { key, value, weight };
    this.#entries.set(key, this.#newest);
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#weight <= this.#limit.max) break;
      this.delete(oldest);
    }
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    if (entry === this.#newest) this.#newest = undefined;
    this.#weight -= entry.weight;
    return this.#entries.delete(key);
  }

  deleteWhere(isMeant: (value: V) => boolean): void {
    for (const { key, value } of this.#entries.values()) if (isMeant(value)) this.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#newest = undefined;
    this.#weight = 0;
  }
}
