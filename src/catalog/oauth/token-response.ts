import * as z from "zod";
import { fail, ok, type Result } from "../../errors.ts";
import { type OutboundResponse, parseJson } from "../../outbound/guarded-fetch.ts";
import { parseScopeText } from "../scopes.ts";

const MAX_LIFETIME_S = 365 * 24 * 3600;
const FALLBACK_LIFETIME_S = 3600;

/** An int or its decimal digits; the standard says number, some providers send a string. */
const expiresIn = z.union([
  z.int().min(0).max(9_999_999_999),
  z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number),
]);

/** RFC 6749 §5.1 as far as we use it. Other members are dropped, never passed on. */
const tokenBody = z.object({
  // Visible ASCII only, so that a token can never break out of a header (RFC 6750 §2.1).
  access_token: z.string().regex(/^[\x21-\x7E]{1,8192}$/),
  token_type: z.string().regex(/^bearer$/i),
  expires_in: expiresIn.optional(),
  scope: z.string().max(16_384).optional(),
  // RFC 9396 §7: what was granted, which may be less than what was asked.
  authorization_details: z
    .array(z.object({ type: z.string() }).catchall(z.json()))
    .max(20)
    .optional(),
});

/** A token answer that passed, in RFC 6749 §5.1 members. */
export type TokenBody = z.output<typeof tokenBody>;

/**
 * The body of a 200 answer of a token endpoint, judged before any library sees it, else
 * `upstream_invalid_response`: JSON by its content type, a printable bearer token, an `expires_in` that is a
 * non-negative integer (RFC 6749 §5.1). The reason names the members that are wrong and never quotes values.
 */
export function parseTokenBody(response: OutboundResponse): Result<TokenBody> {
  const json = parseJson(response);
  if (!json.ok) return json;
  const parsed = tokenBody.safeParse(json.value);
  if (parsed.success) return ok(parsed.data);
  const members = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? "body")));
  return fail("upstream_invalid_response", { reason: `token response: bad ${[...members].join(", ")}` });
}

/**
 * Seconds a token lives: what the provider said, between a second and a year; where it said nothing (or 0, which
 * some send for it), the connector's own default, else an hour.
 */
export function lifetimeSeconds(expiresInSeconds: number | undefined, defaultSeconds: number | undefined): number {
  const stated = expiresInSeconds === 0 ? undefined : expiresInSeconds;
  const seconds = stated ?? defaultSeconds ?? FALLBACK_LIFETIME_S;
  return Math.min(Math.max(seconds, 1), MAX_LIFETIME_S);
}

/**
 * The scopes in force after a grant of `requested` (RFC 6749 §5.1: absent = as requested), or 403
 * `insufficient_scope` naming the requested ones that were not granted.
 */
export function grantedScopes(requested: string[], scope: string | undefined): Result<string[]> {
  if (scope === undefined) return ok(requested);
  const granted = parseScopeText(scope);
  if (granted === null) return fail("upstream_invalid_response", { reason: "token response: bad scope" });
  const missing = requested.filter((wanted) => !granted.includes(wanted));
  if (missing.length === 0) return ok(granted);
  return fail("insufficient_scope", {
    message: `The provider did not grant these requested scopes: ${missing.join(" ")}.`,
    reason: `requested=${requested.length} missing=${missing.length}`,
  });
}
