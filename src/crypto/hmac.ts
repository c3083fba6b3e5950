import { concat } from "./bytes.ts";
import { sha256, startSha256 } from "./digest.ts";

/** SHA-256 takes its input in blocks of so many bytes. */
const BLOCK_BYTES = 64;

/** HMAC-SHA-256 over the parts, one after the other (RFC 2104). */
export async function hmacSha256(key: Uint8Array, ...parts: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, concat(...parts)));
}

/** The same over bytes that come in pieces, of which none is kept. */
export interface RunningHmac {
  write(bytes: Uint8Array): Promise<void>;
  /** The 32 bytes; nothing can be written afterwards. */
  finish(): Promise<Uint8Array<ArrayBuffer>>;
}

export async function startHmacSha256(key: Uint8Array): Promise<RunningHmac> {
  const block = concat(key.length > BLOCK_BYTES ? await sha256(key) : key, new Uint8Array(BLOCK_BYTES)).subarray(
    0,
    BLOCK_BYTES,
  );
  const inner = startSha256();
  await inner.write(block.map((byte) => byte ^ 0x36));
  return {
    write: inner.write,
    finish: async () =>
      sha256(
        concat(
          block.map((byte) => byte ^ 0x5c),
          await inner.finish(),
        ),
      ),
  };
}
