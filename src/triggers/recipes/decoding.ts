import { utf8 } from "../../crypto/bytes.ts";
import type { Algorithm, Encoding } from "./spec.ts";

const SIGNATURE_BYTES: Readonly<Record<Exclude<Algorithm, "equality">, number>> = {
  "hmac-sha1": 20,
  "hmac-sha256": 32,
  "hmac-sha512": 64,
  ed25519: 64,
  "ecdsa-p256": 64,
};

/** A signature's bytes; null unless it is exactly as long as the algorithm makes it, and strictly encoded. */
export function decodeSignature(
  text: string,
  algorithm: Algorithm,
  encoding: Encoding,
): Uint8Array<ArrayBuffer> | null {
  const bytes = decodeStrictly(text, encoding);
  if (bytes === null) return null;
  if (algorithm === "equality") return bytes.length === 0 ? null : bytes;
  const fixed = algorithm === "ecdsa-p256" && bytes[0] === DER_SEQUENCE ? fromDer(bytes) : bytes;
  return fixed?.length === SIGNATURE_BYTES[algorithm] ? fixed : null;
}

/** The bytes that a text stands for: hex of either case, or padded base64 of the usual alphabet, and nothing between. */
export function decodeStrictly(text: string, encoding: Encoding): Uint8Array<ArrayBuffer> | null {
  if (encoding === "utf8") return utf8(text);
  try {
    if (encoding === "hex") return Uint8Array.fromHex(text);
    const bytes = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    // The decoder skips white space: then there are more characters than the bytes make.
    return text.length === Math.ceil(bytes.length / 3) * 4 ? bytes : null;
  } catch {
    return null;
  }
}

const DER_SEQUENCE = 0x30;
const DER_INTEGER = 0x02;
const HALF = 32;

/** r and s, 32 bytes each, of an ECDSA signature in DER (RFC 3279 §2.2.3); null when it is not exactly that. */
function fromDer(bytes: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const fixed = new Uint8Array(2 * HALF);
  let at = 2;
  for (const end of [HALF, 2 * HALF]) {
    const length = bytes[at + 1] ?? 0;
    const integer = bytes.subarray(at + 2, at + 2 + length);
    const digits = integer[0] === 0 ? integer.subarray(1) : integer;
    if (bytes[at] !== DER_INTEGER || length === 0 || integer.length < length || digits.length > HALF) return null;
    fixed.set(digits, end - digits.length);
    at += 2 + length;
  }
  return at === bytes.length && bytes[1] === at - 2 ? fixed : null;
}
