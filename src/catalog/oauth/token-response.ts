import * as z from "zod/mini";
import { Secret } from "../../crypto/secret.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { pointerTokens } from "../../json-pointer.ts";
import { type OutboundResponse, parseJson } from "../../outbound/guarded-fetch.ts";
import type { IssuedToken, TokenGroup } from "../driver.ts";
import type { ProviderPolicy } from "../provider-policy.ts";
import { parseScopeText } from "../scopes.ts";
import { tokenText } from "../token-text.ts";
import type { OAuthConfig } from "./config.ts";
import { policyOf } from "./grant-policy.ts";

const MAX_LIFETIME_S = 365 * 24 * 3600;

/** An int or its decimal digits; the standard says number, some providers send a string. */
const expiresIn = z.union([
  z.int().check(z.gte(0), z.lte(9_999_999_999)),
  z.pipe(z.string().check(z.regex(/^\d{1,10}$/)), z.transform(Number)),
]);

/** RFC 6749 §5.1 as far as we use it. Other members are dropped, never passed on. */
const tokenBody = z.object({
  access_token: tokenText,
  token_type: z.string().check(z.regex(/^bearer$/i)),
  expires_in: z.optional(expiresIn),
  scope: z.optional(z.string().check(z.maxLength(16_384))),
  // RFC 9396 §7: what was granted, which may be less than what was asked.
  authorization_details: z.optional(
    z.array(z.catchall(z.object({ type: z.string() }), z.json())).check(z.maxLength(20)),
  ),
});

/** The same where a user authorized. */
const userTokenBody = z.extend(tokenBody, {
  // RFC 6749 §A.17. It is sent in a form and never in a header. Some providers write null or nothing for none.
  refresh_token: z.pipe(
    z.nullish(z.string().check(z.regex(/^[\x20-\x7E]{0,8192}$/))),
    z.transform((text) => (text === undefined || text === null || text === "" ? null : Secret.of(text))),
  ),
  // Judged where it is verified: one that nobody asked for cannot spoil the answer.
  id_token: z.optional(z.unknown()),
});

/** A token answer that passed, in RFC 6749 §5.1 members. */
export type TokenBody = z.output<typeof tokenBody>;
export type UserTokenBody = z.output<typeof userTokenBody>;

/**
 * The body of a 200 answer of a token endpoint, judged before any library sees it, else
 * `upstream_invalid_response`: JSON by its content type, a printable bearer token, an `expires_in` that is a
 * non-negative integer (RFC 6749 §5.1). The reason names the members that are wrong and never quotes values.
 */
export function parseTokenBody(response: OutboundResponse, policy: Answers): Result<TokenBody> {
  return parseBody(tokenBody, response, policy);
}

/** The same of an answer that may carry a refresh token (at most 8,192 characters) and an id_token, unverified. */
export function parseUserTokenBody(response: OutboundResponse, policy: Answers): Result<UserTokenBody> {
  return parseBody(userTokenBody, response, policy);
}

type Answers = Pick<ProviderPolicy, "answerMembers">;

function parseBody<Body>(
  schema: z.ZodMiniType<Body>,
  response: OutboundResponse,
  { answerMembers }: Answers,
): Result<Body> {
  const json = parseJson(response);
  if (!json.ok) return json;
  const parsed = schema.safeParse(renamed(json.value, answerMembers));
  if (parsed.success) return ok(parsed.data);
  const members = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? "body")));
  return fail("upstream_invalid_response", { reason: `token response: bad ${[...members].join(", ")}` });
}

/** The answer with its members under the names of RFC 6749. */
function renamed(answer: unknown, members: ProviderPolicy["answerMembers"]): unknown {
  const found = Object.entries(members).map(([name, pointer]) => [name, valueAt(answer, pointer)] as const);
  return found.length === 0 ? answer : Object.assign({}, answer, Object.fromEntries(found));
}

function valueAt(document: unknown, pointer: string): unknown {
  return pointerTokens(pointer).reduce<unknown>(
    (value, token) => (isRecord(value) && Object.hasOwn(value, token) ? value[token] : undefined),
    document,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The token that an answer brought, when the connector asked for `group` at `askedAtMs` and has `scopes` now. */
export function issuedToken(
  body: TokenBody,
  asked: { askedAtMs: number; group: TokenGroup; scopes: string[]; config: OAuthConfig },
): IssuedToken {
  const { askedAtMs, group, scopes, config } = asked;
  const lifetimeUntold = config.settings.defaultTokenExpiresIn ?? policyOf(config).accessTokenLifetimeS;
  return {
    accessToken: Secret.of(body.access_token),
    expiresAtMs: askedAtMs + lifetimeSeconds(body.expires_in, lifetimeUntold) * 1000,
    scopes,
    resources: group.resources,
    authorizationDetails: body.authorization_details ?? group.authorizationDetails,
    static: false,
  };
}

/**
 * Seconds a token lives: what the provider said, between a second and a year; where it said nothing (or 0, which
 * some send for it), `untoldSeconds`.
 */
export function lifetimeSeconds(expiresInSeconds: number | undefined, untoldSeconds: number): number {
  const stated = expiresInSeconds === 0 ? undefined : expiresInSeconds;
  return Math.min(Math.max(stated ?? untoldSeconds, 1), MAX_LIFETIME_S);
}

/** The scopes in force after `scope` was answered to a request for `requested` (RFC 6749 §5.1: absent = as requested). */
export function scopesInForce(
  scope: string | undefined,
  requested: string[],
  { scopeSeparator }: Pick<ProviderPolicy, "scopeSeparator">,
): Result<string[]> {
  const granted = scope === undefined ? requested : parseScopeText(scope.replaceAll(scopeSeparator, " "));
  if (granted !== null) return ok(granted);
  return fail("upstream_invalid_response", { reason: "token response: bad scope" });
}

/** What was granted, if that is all that was requested; else 403 `insufficient_scope` naming what is missing. */
export function requireScopes(granted: string[], requested: string[]): Result<string[]> {
  const missing = requested.filter((wanted) => !granted.includes(wanted));
  if (missing.length === 0) return ok(granted);
  return fail("insufficient_scope", {
    message: `The provider did not grant these requested scopes: ${missing.join(" ")}.`,
    reason: `requested=${requested.length} missing=${missing.length}`,
  });
}
