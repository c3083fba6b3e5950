import { utf8 } from "../../crypto/bytes.ts";

// The bytes that JSON is made of (RFC 8259 §2).
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;
export const LOWER_U = 0x75;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const BOM = [0xef, 0xbb, 0xbf];
export const TRUE = utf8("true");
export const NULL = utf8("null");
export const LITERALS = [TRUE, utf8("false"), NULL];
/** What may follow a backslash, but for `u`. */
export const ESCAPED = utf8('"\\/bfnrt');

/** Insignificant white space (RFC 8259 §2). */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export function isHexDigit(byte: number): boolean {
  return /[0-9a-f]/i.test(String.fromCharCode(byte));
}
