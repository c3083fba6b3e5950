import { ApiError, messageOf } from "../errors.ts";

/** Large things by key. What is stored under a key never changes: keys hold a digest or an id of its own. */
export interface BlobStore {
  /** The bytes, or null. */
  get(key: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** At most `length` bytes from `offset` on, fewer where it ends; null = there is no such blob. */
  range(key: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer> | null>;
  has(key: string): Promise<boolean>;
  put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** At most 1,000; those that are not there are as good as deleted. */
  delete(keys: string[]): Promise<void>;
  /** Up to `limit` keys that start with `prefix` and come after `after`, in the order of their bytes. */
  list(prefix: string, after: string | null, limit: number): Promise<string[]>;
  /** A blob that is written in parts, all but the last equally long and of at least `MIN_PART_BYTES`. */
  startUpload(key: string): Promise<BlobUpload>;
}

/** It is there once completed, and never in part. */
export interface BlobUpload {
  /** The next part. */
  write(part: Uint8Array<ArrayBuffer>): Promise<void>;
  complete(): Promise<void>;
  abort(): Promise<void>;
}

/** https://developers.cloudflare.com/r2/objects/upload-objects/#multipart-upload */
export const MIN_PART_BYTES = 5 * 1024 * 1024;

/** R2 behind that port; whatever it says surfaces as `storage_unavailable`. */
export function r2BlobStore(bucket: R2Bucket): BlobStore {
  return {
    async get(key) {
      return translated(async () => {
        const found = await bucket.get(key);
        return found === null ? null : new Uint8Array(await found.arrayBuffer());
      });
    },
    async range(key, offset, length) {
      return translated(async () => {
        const found = await bucket.get(key, { range: { offset, length } });
        return found === null ? null : new Uint8Array(await found.arrayBuffer());
      });
    },
    async has(key) {
      return translated(async () => (await bucket.head(key)) !== null);
    },
    async put(key, bytes) {
      await translated(() => bucket.put(key, bytes));
    },
    async delete(keys) {
      if (keys.length > 0) await translated(() => bucket.delete(keys));
    },
    async list(prefix, after, limit) {
      return translated(async () => {
        const { objects } = await bucket.list({ prefix, limit, ...(after !== null && { startAfter: after }) });
        return objects.map(({ key }) => key);
      });
    },
    async startUpload(key) {
      const upload = await translated(() => bucket.createMultipartUpload(key));
      const parts: R2UploadedPart[] = [];
      return {
        async write(part) {
          parts.push(await translated(() => upload.uploadPart(parts.length + 1, part)));
        },
        async complete() {
          await translated(() => upload.complete(parts));
        },
        async abort() {
          await translated(() => upload.abort());
        },
      };
    },
  };
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const text = messageOf(error);
    throw new ApiError("storage_unavailable", { reason: `r2: ${text.slice(0, 200)}`, retryAfterMs: 1000 });
  }
}
