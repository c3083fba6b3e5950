import { fromBase64url } from "../crypto/bytes.ts";
import { fail, ok, type Result } from "../errors.ts";
import { LruMap } from "../store/lru.ts";

export const MAX_JSON_DEPTH = 8;

/** A JWT that anybody could have written: good for finding out whose keys to check it with, and nothing else. */
export interface UnverifiedToken {
  /** The exact compact serialization. */
  text: string;
  header: UnverifiedHeader;
  claims: UnverifiedClaims;
}

export interface UnverifiedHeader {
  readonly alg: string;
  readonly [parameter: string]: unknown;
}

export interface UnverifiedClaims {
  iss: string;
  [claim: string]: unknown;
}

const MAX_ISSUER_CHARS = 2048;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads header and claims without believing them, and without any cryptography. Fails with `invalid_token_format` on
 * anything that is not JSON objects of at most `MAX_JSON_DEPTH` levels, `token_alg_not_allowed` without a string
 * `alg`, `token_claims_invalid` without a string `iss`.
 */
export function decodeUnverified(text: string): Result<UnverifiedToken> {
  const headerEnd = text.indexOf(".");
  const header = headerOf(text.slice(0, headerEnd));
  const claims = jsonObjectOf(text.slice(headerEnd + 1, text.indexOf(".", headerEnd + 1)));
  if (header === null || claims === null) return fail("invalid_token_format");
  if (!isHeader(header)) return fail("token_alg_not_allowed", { reason: "no alg" });
  if (!isClaims(claims)) return fail("token_claims_invalid", { reason: "no iss" });
  return ok({ text, header, claims });
}

/** An issuer's tokens share one header, so that a text met before need not be read again. */
const headers = new LruMap<string, object>(100);
const MAX_KEPT_HEADER_CHARS = 512;

function headerOf(segment: string): object | null {
  const known = headers.get(segment);
  if (known !== undefined) return known;
  const header = jsonObjectOf(segment);
  if (header !== null && segment.length <= MAX_KEPT_HEADER_CHARS) headers.set(segment, Object.freeze(header));
  return header;
}

function isHeader(header: object): header is UnverifiedHeader {
  return "alg" in header && typeof header.alg === "string";
}

function isClaims(claims: object): claims is UnverifiedClaims {
  if (!("iss" in claims) || typeof claims.iss !== "string") return false;
  return claims.iss !== "" && claims.iss.length <= MAX_ISSUER_CHARS;
}

function jsonObjectOf(segment: string): object | null {
  const bytes = fromBase64url(segment);
  if (bytes === null) return null;
  try {
    const json = decoder.decode(bytes);
    // Most tokens open so few braces and brackets that nobody needs to see how they nest.
    const opened = json.match(/[{[]/g)?.length ?? 0;
    if (opened > MAX_JSON_DEPTH && nestingOf(json) > MAX_JSON_DEPTH) return null;
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** Deepest nesting of braces and brackets outside strings, counted before anything recursive sees the text. */
export function nestingOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    const character = json[index];
    if (inString) {
      if (character === "\\") index++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") deepest = Math.max(deepest, ++depth);
    else if (character === "}" || character === "]") depth--;
  }
  return deepest;
}
