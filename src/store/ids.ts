const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz".slice(0, 32).toLowerCase();

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
  | "rtk"
  | "pfl"
  | "sec"
  | "dst"
  | "rpl";

/** An opaque identifier: prefix, underscore, 100 random bits in Crockford's base 32, lower case. */
export function newId(prefix: IdPrefix, randomBytes: (length: number) => Uint8Array): string {
  let text = "";
  for (const byte of randomBytes(20)) text += ALPHABET[byte & 31];
  return `${prefix}_${text}`;
}
