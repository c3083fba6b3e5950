import { concat, constantTimeEqual } from "./bytes.ts";

/** SHA-1 only for providers that have nothing else: as a MAC it still holds, as a hash it does not. */
export type MacHash = "SHA-1" | "SHA-256" | "SHA-512";

/** The HMAC (RFC 2104) of the parts, one after the other. The key must not be empty. */
export async function webhookMac(key: CryptoKey, parts: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, concat(...parts)));
}

/** A key for `webhookMac`. */
export function macKey(bytes: Uint8Array<ArrayBuffer>, hash: MacHash): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash }, false, ["sign"]);
}

/** An HMAC of what comes in pieces. */
export interface MacStream {
  write(chunk: Uint8Array): Promise<void>;
  finish(): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * The HMAC (RFC 2104) of what is written, without holding it. Web Cryptography has no such thing, so it is made of the
 * two hashes that HMAC consists of; the inner one is the platform's digest of a stream.
 */
export async function startMac(bytes: Uint8Array<ArrayBuffer>, hash: MacHash): Promise<MacStream> {
  const blockBytes = hash === "SHA-512" ? 128 : 64;
  const block = new Uint8Array(blockBytes);
  block.set(bytes.length > blockBytes ? new Uint8Array(await crypto.subtle.digest(hash, bytes)) : bytes);
  const digest = new crypto.DigestStream(hash);
  const writer = digest.getWriter();
  await writer.write(block.map((byte) => byte ^ 0x36));
  return {
    write: (chunk) => writer.write(chunk),
    finish: async () => {
      await writer.close();
      const inner = new Uint8Array(await digest.digest);
      const outer = concat(
        block.map((byte) => byte ^ 0x5c),
        inner,
      );
      return new Uint8Array(await crypto.subtle.digest(hash, outer));
    },
  };
}

/** Whether any candidate is that MAC; looks at all of them, whichever matches. */
export function anyEquals(mac: Uint8Array, candidates: readonly Uint8Array[]): boolean {
  return candidates.map((candidate) => constantTimeEqual(mac, candidate)).includes(true);
}
