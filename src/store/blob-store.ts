import { ApiError } from "../errors.ts";

/** Large things by key. What is stored under a key never changes: keys hold a digest. */
export interface BlobStore {
  /** The bytes, or null. */
  get(key: string): Promise<Uint8Array<ArrayBuffer> | null>;
  has(key: string): Promise<boolean>;
  put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** R2 behind that port; whatever it says surfaces as `storage_unavailable`. */
export function r2BlobStore(bucket: R2Bucket): BlobStore {
  return {
    async get(key) {
      return translated(async () => {
        const found = await bucket.get(key);
        return found === null ? null : new Uint8Array(await found.arrayBuffer());
      });
    },
    async has(key) {
      return translated(async () => (await bucket.head(key)) !== null);
    },
    async put(key, bytes) {
      await translated(() => bucket.put(key, bytes));
    },
  };
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new ApiError("storage_unavailable", { reason: `r2: ${text.slice(0, 200)}`, retryAfterMs: 1000 });
  }
}
