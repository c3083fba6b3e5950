import * as z from "zod/mini";
import { fail, ok, type Result } from "../errors.ts";

const MAX_SCOPES = 100;
/** RFC 6749 §3.3 (scope-token), bounded. */
const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]{1,256}$/;

/** One scope as a setting. `*` is what requests write for "the defaults", so it cannot be a scope itself. */
export const scopeToken = z.string().check(
  z.regex(SCOPE_TOKEN, 'must be 1 to 256 printable ASCII characters without space, " and \\'),
  z.refine((scope) => scope !== "*", 'must not be "*"'),
);

export const scopeList = z.array(scopeToken).check(z.maxLength(MAX_SCOPES));

/**
 * The scopes of a request in canonical form, sorted and unique; `[]` for `["*"]` and for none, which both mean the
 * defaults. Fails with `invalid_scope` (RFC 6749 §3.3 syntax, at most 100, `*` only by itself).
 */
export function requestedScopes(scopes: string[]): Result<string[]> {
  if (scopes.length === 1 && scopes[0] === "*") return ok([]);
  if (scopes.includes("*")) {
    return fail("invalid_scope", { message: 'The scope "*" means the defaults and cannot be mixed with others.' });
  }
  if (scopes.length > MAX_SCOPES) return fail("invalid_scope", { message: `Ask for at most ${MAX_SCOPES} scopes.` });
  if (!scopes.every((scope) => SCOPE_TOKEN.test(scope))) {
    return fail("invalid_scope", { message: "A scope has a character that scopes cannot have, or is too long." });
  }
  return ok(canonicalScopes(scopes));
}

export function canonicalScopes(scopes: string[]): string[] {
  return [...new Set(scopes)].sort();
}

/** A `scope` member of a response as a list (RFC 6749 §3.3); null when it is not one. */
export function parseScopeText(text: string): string[] | null {
  const scopes = text.split(" ").filter((scope) => scope !== "");
  return scopes.every((scope) => SCOPE_TOKEN.test(scope)) ? canonicalScopes(scopes) : null;
}
