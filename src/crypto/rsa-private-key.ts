import { concat } from "./bytes.ts";
import type { Secret } from "./secret.ts";

const MIN_MODULUS_BITS = 2048;
const MAX_PEM_CHARS = 16 * 1024;
const BLOCK = /^\s*-----BEGIN (RSA )?PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END \1?PRIVATE KEY-----\s*$/;

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
/** INTEGER 0, and the AlgorithmIdentifier of rsaEncryption with NULL (RFC 5208 §5, RFC 8017 §A.1). */
const RSA_ENCRYPTION = Uint8Array.of(2, 1, 0, 48, 13, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 1, 5, 0);

/**
 * The private key of a PEM text for RS256, not extractable: PKCS#8, or PKCS#1 ("RSA PRIVATE KEY", RFC 8017 §A.1.2), whose
 * line breaks may be written as \n. Null when it is neither, or has less than 2048 bits.
 */
export async function importRsaPrivateKey(pem: Secret): Promise<CryptoKey | null> {
  const text = pem.expose().replaceAll("\\n", "\n");
  const [, kind, encoded] = (text.length > MAX_PEM_CHARS ? null : BLOCK.exec(text)) ?? [];
  if (encoded === undefined) return null;
  try {
    const der = Uint8Array.fromBase64(encoded, { lastChunkHandling: "strict" });
    const pkcs8 = kind === undefined ? der : element(SEQUENCE, concat(RSA_ENCRYPTION, element(OCTET_STRING, der)));
    const parameters = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, parameters, false, ["sign"]);
    const { algorithm } = key;
    return "modulusLength" in algorithm && Number(algorithm.modulusLength) >= MIN_MODULUS_BITS ? key : null;
  } catch {
    return null;
  }
}

/** X.690 §8.1: tag, length in its long form of two bytes, content. A key of 2048 bits or more needs that many. */
function element(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(Uint8Array.of(tag, 0x82, content.length >> 8, content.length & 0xff), content);
}
