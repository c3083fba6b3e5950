const POOL_BYTES = 4096;
/** More than this is rarely asked for. */
const LONGEST_FROM_POOL = 64;

/** Drawn at once, since asking costs more than what is asked for. Every byte is given out once, and wiped here. */
let pool = new Uint8Array(0);
let used = 0;

/** `length` bytes from the platform's cryptographic generator; at most 65,536 (Web Cryptography API §10.1.1). */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  if (length > LONGEST_FROM_POOL) return crypto.getRandomValues(new Uint8Array(length));
  if (used + length > pool.length) {
    pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES));
    used = 0;
  }
  const given = pool.slice(used, used + length);
  pool.fill(0, used, used + length);
  used += length;
  return given;
}
