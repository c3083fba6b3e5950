/** The files of vectors, as `scripts/wycheproof.ts` takes them out of the source of NSS 3.87.1. */
export const VECTOR_FILES = [
  "aes_gcm_test.json",
  "hmac-sha256-vectors.h",
  "hkdf-sha256-vectors.h",
  "p256ecdsa-sha256-vectors.h",
] as const;
export type VectorFile = (typeof VECTOR_FILES)[number];
