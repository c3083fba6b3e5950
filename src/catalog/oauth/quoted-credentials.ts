import { concat, utf8 } from "../../crypto/bytes.ts";

/** A signed client assertion has no fixed text, only this shape; so have many access tokens. */
const JWT = /eyJ[\w-]{6,}\.[\w-]+/;
/** Less of a base64 text than this would be found in many that quote nothing. */
const MIN_BASE64_LENGTH = 6;

/**
 * Whether the text quotes a JWT or one of the secrets, in any letter case: as it is, form-encoded as a body or
 * `client_secret_basic` has it (RFC 6749 §2.3.1), or within base64 text such as that of an `Authorization` header.
 */
export function quotesCredential(text: string, secrets: string[]): boolean {
  const lowerCase = text.toLowerCase();
  const spellings = secrets.flatMap(spellingsOf).filter((spelling) => spelling !== "");
  return JWT.test(text) || spellings.some((spelling) => lowerCase.includes(spelling.toLowerCase()));
}

function spellingsOf(secret: string): string[] {
  const plain = [secret, encodeURIComponent(secret), new URLSearchParams({ _: secret }).toString().slice(2)];
  return [...plain, ...[...new Set(plain)].flatMap(withinBase64)];
}

/** What of the base64 of any text around `part` depends on `part` alone: one for each place in a group of three bytes. */
function withinBase64(part: string): string[] {
  return [0, 1, 2]
    .flatMap((before) => {
      const bytes = concat(new Uint8Array(before), utf8(part));
      const text = btoa(String.fromCharCode(...bytes)).slice(
        Math.ceil((before * 8) / 6),
        Math.floor((bytes.length * 8) / 6),
      );
      return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
    })
    .filter((text) => text.length >= MIN_BASE64_LENGTH);
}
