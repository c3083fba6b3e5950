/** Crockford's base 32 in lower case: no i, l, o or u. Its characters sort as their values do. */
export const BASE32 = "0123456789abcdefghjkmnpqrstvwxyz";

/** A character for the low five bits of each byte. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += BASE32[byte & 31];
  return text;
}

export type IdPrefix =
  | "team"
  | "prj"
  | "env"
  | "scl"
  | "lnk"
  | "stk"
  | "iss"
  | "idn"
  | "aut"
  | "att"
  | "req"
  | "prm"
  | "sca"
  | "sci"
  | "rtk"
  | "pfl"
  | "sec"
  | "dst"
  | "rpl"
  | "ins";

/** An opaque identifier: prefix, underscore, 100 random bits in Crockford's base 32, lower case. */
export function newId(prefix: IdPrefix, randomBytes: (length: number) => Uint8Array): string {
  return `${prefix}_${base32(randomBytes(20))}`;
}
