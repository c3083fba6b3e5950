import { fail, ok, type Result } from "../errors.ts";

/** Longest accepted `Authorization` value (characters; header values are single bytes). */
export const MAX_AUTHORIZATION_CHARS = 8 * 1024;

export interface Bearer {
  kind: "jwt" | "access-token";
  token: string;
}

const COMPACT_JWS = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;
/** What canonical base64url can end with (RFC 4648 §3.5), by the characters beyond the last group of four. */
const LAST_CHARACTERS = ["", "", "AQgw", "AEIMQUYcgkosw048"];

/** Whether a text has the form of a JWS in its one canonical spelling (RFC 7515 §7.1). */
export function isCompactJws(text: string): boolean {
  return COMPACT_JWS.exec(text)?.slice(1).every(isCanonical) ?? false;
}

/** No bit of the last character decodes to nothing. */
function isCanonical(segment: string): boolean {
  const beyond = segment.length % 4;
  return beyond === 0 || LAST_CHARACTERS[beyond]?.includes(segment.slice(-1)) === true;
}

/**
 * The bearer credential of a request (RFC 6750 §2.1). Only `Authorization` is read: identity headers that proxies
 * forward can be set by anyone. What is no access token counts as a JWT, whose form is not looked at here. Fails with
 * 401 `unauthorized` when there is none, 400 `bad_request` when there are two, 400 `invalid_token_format` when it is
 * too long.
 */
export function parseAuthorization(headers: Headers): Result<Bearer> {
  const value = headers.get("authorization");
  if (value === null) return fail("unauthorized", { reason: "no credentials" });
  if (value.length > MAX_AUTHORIZATION_CHARS) {
    return fail("invalid_token_format", { reason: `authorization chars=${value.length}` });
  }
  // Two header lines arrive joined by a comma, which no bearer token contains.
  if (value.includes(",")) return fail("bad_request", { message: "Send exactly one Authorization header." });
  const schemeEnd = value.includes(" ") ? value.indexOf(" ") : value.length;
  if (value.slice(0, schemeEnd).toLowerCase() !== "bearer") {
    return fail("unauthorized", { reason: "not a bearer credential" });
  }
  const token = value.slice(schemeEnd).replace(/^ +/, "");
  return ok({ kind: token.startsWith("vk_") ? "access-token" : "jwt", token });
}
