import { base64url } from "../../src/crypto/bytes.ts";
import { type KeyRing, loadKeyRing } from "../../src/crypto/key-ring.ts";
import { unwrap } from "../../src/errors.ts";

/** A ring entry whose key is the same in every run. */
export function entry(kid: string, firstByte: number): string {
  return `${kid}:${base64url(Uint8Array.from({ length: 32 }, (_, index) => (firstByte + index) % 256))}`;
}

export async function ring(...entries: string[]): Promise<KeyRing> {
  return unwrap(await loadKeyRing(entries.join(",")));
}
