/** The vector files that are run, and the commit of https://github.com/C2SP/wycheproof that their numbers are of. */
export const VECTOR_FILES = [
  "aes_gcm_test.json",
  "hmac_sha256_test.json",
  "hkdf_sha256_test.json",
  "ecdsa_secp256r1_sha256_p1363_test.json",
] as const;
export type VectorFile = (typeof VECTOR_FILES)[number];

export const VECTORS_COMMIT = "dac1dd4729fd1f8dd9e1e9f3dce51d783da6c166";
