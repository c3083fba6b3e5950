/** A JSON Pointer (RFC 6901 §3). The empty one means the whole document. */
export const JSON_POINTER = /^(\/([^~/]|~[01])*)*$/;

/** The reference tokens of a JSON Pointer, their escapes resolved (RFC 6901 §4). */
export function pointerTokens(pointer: string): string[] {
  const tokens = pointer.split("/").slice(1);
  return tokens.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}
