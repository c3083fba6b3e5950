import { concat, constantTimeEqual } from "./bytes.ts";
import { type RunningDigest, startDigest } from "./digest.ts";

/** SHA-1 only for providers that have nothing else: as a MAC it still holds, as a hash it does not. */
export type MacHash = "SHA-1" | "SHA-256" | "SHA-512";

/** The HMAC (RFC 2104) of the parts, one after the other. */
export async function hmac(key: CryptoKey, parts: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, concat(...parts)));
}

/** A key for `hmac`, which must not be empty. */
export function hmacKey(bytes: Uint8Array<ArrayBuffer>, hash: MacHash): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash }, false, ["sign"]);
}

/**
 * The HMAC (RFC 2104) of what is written, without holding it. Web Cryptography has no such thing, so it is made of the
 * two hashes that HMAC consists of; the inner one is the platform's digest of a stream.
 */
export async function startHmac(bytes: Uint8Array<ArrayBuffer>, hash: MacHash): Promise<RunningDigest> {
  const blockBytes = hash === "SHA-512" ? 128 : 64;
  const block = new Uint8Array(blockBytes);
  block.set(bytes.length > blockBytes ? new Uint8Array(await crypto.subtle.digest(hash, bytes)) : bytes);
  const inner = startDigest(hash);
  await inner.write(block.map((byte) => byte ^ 0x36));
  return {
    write: inner.write,
    async finish() {
      const outer = concat(
        block.map((byte) => byte ^ 0x5c),
        await inner.finish(),
      );
      return new Uint8Array(await crypto.subtle.digest(hash, outer));
    },
  };
}

/** Whether any candidate is that MAC; looks at all of them, whichever matches. */
export function anyEquals(mac: Uint8Array, candidates: readonly Uint8Array[]): boolean {
  return candidates.map((candidate) => constantTimeEqual(mac, candidate)).includes(true);
}
