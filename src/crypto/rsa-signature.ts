const MIN_MODULUS_BITS = 2048;

/**
 * The public key for RSASSA-PKCS1-v1_5 signatures (RFC 8017 §8.2), or null when the DER is no RSA key of 2048 bits or
 * more.
 */
export async function importRsaKey(
  spki: Uint8Array<ArrayBuffer>,
  hash: "SHA-1" | "SHA-256",
): Promise<CryptoKey | null> {
  try {
    const key = await crypto.subtle.importKey("spki", spki, { name: "RSASSA-PKCS1-v1_5", hash }, false, ["verify"]);
    const { algorithm } = key;
    return "modulusLength" in algorithm && Number(algorithm.modulusLength) >= MIN_MODULUS_BITS ? key : null;
  } catch {
    return null;
  }
}

/** Whether the signature is the key's over the data. A signature of another length is none. */
export async function verifyRsa(
  key: CryptoKey,
  data: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  try {
    return await crypto.subtle.verify("RSASSA-PKCS1-v1_5", key, signature, data);
  } catch {
    return false;
  }
}
