import { base64url, hex } from "./bytes.ts";

const encoder = new TextEncoder();

/** The 32 bytes of SHA-256 over the data, or over the UTF-8 bytes of a text (FIPS 180-4). */
export async function sha256(data: string | Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", typeof data === "string" ? encoder.encode(data) : data));
}

/**
 * SHA-1 in lower-case hex, for addresses that a foreign protocol computes so. It does not resist collisions: nothing
 * may rely on two different contents having different addresses.
 */
export async function sha1Hex(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-1", data)));
}

/** SHA-256 as 43 characters of base64url. */
export async function sha256Base64url(data: string | Uint8Array): Promise<string> {
  return base64url(await sha256(data));
}

/** What becomes of bytes that come in pieces, of which none is kept. */
export interface RunningDigest {
  write(bytes: Uint8Array): Promise<void>;
  /** The result; nothing can be written afterwards. */
  finish(): Promise<Uint8Array<ArrayBuffer>>;
}

/** The hash of what is written. */
export function startDigest(hash: "SHA-1" | "SHA-256" | "SHA-512"): RunningDigest {
  const stream = new crypto.DigestStream(hash);
  const writer = stream.getWriter();
  return {
    write: (bytes) => writer.write(bytes),
    async finish() {
      await writer.close();
      return new Uint8Array(await stream.digest);
    },
  };
}
