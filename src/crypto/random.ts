/** `length` bytes from the platform's cryptographic generator; at most 65,536 (Web Cryptography API §10.1.1). */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}
