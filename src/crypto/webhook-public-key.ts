import { hex } from "./bytes.ts";

export type PublicKeyAlgorithm = "ed25519" | "ecdsa-p256";

/**
 * A provider's public key: 32 raw bytes for Ed25519 (RFC 8032 §5.1.5), an SPKI or an uncompressed point for ECDSA on
 * P-256. Null when it is neither, or so weak that signatures prove nothing.
 */
export async function importPublicKey(
  bytes: Uint8Array<ArrayBuffer>,
  algorithm: PublicKeyAlgorithm,
): Promise<CryptoKey | null> {
  if (algorithm === "ed25519" && isSmallOrder(bytes)) return null;
  const format = algorithm === "ecdsa-p256" && bytes.length !== POINT_BYTES ? "spki" : "raw";
  const parameters = algorithm === "ed25519" ? { name: "Ed25519" } : { name: "ECDSA", namedCurve: "P-256" };
  try {
    return await crypto.subtle.importKey(format, bytes, parameters, false, ["verify"]);
  } catch {
    return null;
  }
}

/** Whether the signature (64 bytes: R and S, or r and s) over the data is the key's. */
export function verifySignature(
  key: CryptoKey,
  signature: Uint8Array<ArrayBuffer>,
  data: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const parameters = key.algorithm.name === "ECDSA" ? { name: "ECDSA", hash: "SHA-256" } : { name: "Ed25519" };
  return crypto.subtle.verify(parameters, key, signature, data);
}

const POINT_BYTES = 65;

/**
 * Whether a point is one of the eight of small order, in any of their encodings: for those, signatures exist that fit
 * every message (RFC 8032 §5.1.7 leaves them in; an all-zero key with an all-zero signature verifies).
 */
function isSmallOrder(point: Uint8Array): boolean {
  const y = point.slice();
  // The top bit is the sign of x.
  y[31] = (y[31] ?? 0) & 0x7f;
  const text = hex(y);
  return /^(0[01](00){31}|e[cde](ff){30}7f)$/.test(text) || ORDER_EIGHT.includes(text);
}

/** The two y coordinates of the four points of order eight. */
const ORDER_EIGHT = [
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];
