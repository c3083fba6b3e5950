import { decodeJwt, decodeProtectedHeader, type JSONWebKeySet, type JWTPayload } from "jose";
import * as z from "zod/mini";
import { SUPPORTED_ALGORITHMS, selectKey } from "../../callers/jwks-keys.ts";
import { verifyCompactJws } from "../../crypto/jws.ts";
import { wrongClaim } from "../../crypto/jwt-claims.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Claims } from "../driver.ts";

const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const MAX_LENGTH = 32_768;
const CLOCK_TOLERANCE_S = 30;
const MAX_AGE_S = 3600;
/** All forwarded claims as JSON; they travel with every token. */
const MAX_CLAIMS_CHARACTERS = 4096;

const claimValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);
const idTokenClaims = z.looseObject({
  sub: z.string().check(z.minLength(1), z.maxLength(255)),
  azp: z.optional(z.string()),
});

interface IdTokenExpectation {
  /** Compared as text. */
  issuer: string;
  clientId: string;
  /** Null = none was sent: a refresh has none (OpenID Connect Core §12.2). */
  nonce: string | null;
  keys: JSONWebKeySet;
  /** As the server lists them; undefined = not told. Symmetric ones never count. */
  algorithms: string[] | undefined;
  nowMs: number;
}

export type IdTokenClaims = JWTPayload & { sub: string };

/**
 * The claims of an id_token that this issuer signed for this client and this request (OpenID Connect Core §3.1.3.7), at
 * most an hour ago; else `upstream_id_token_invalid`, whose reason names the check and quotes nothing. It only computes:
 * there is no I/O between a provider's answer and its end.
 */
export async function verifyIdToken(idToken: unknown, expected: IdTokenExpectation): Promise<Result<IdTokenClaims>> {
  if (typeof idToken !== "string" || idToken.length > MAX_LENGTH || !COMPACT_JWS.test(idToken)) {
    return invalid("not a compact JWS");
  }
  try {
    const { alg = "", kid, typ, crit } = decodeProtectedHeader(idToken);
    if (!SUPPORTED_ALGORITHMS.includes(alg) || expected.algorithms?.includes(alg) === false) return invalid("alg");
    // RFC 8725 §3.11: tokens of other kinds have the same issuer, audience and keys.
    if (typ !== undefined && typ.toUpperCase() !== "JWT") return invalid("typ");
    // RFC 7515 §4.1.11: what we would have to understand and do not.
    if (crit !== undefined) return invalid("crit");
    const key = selectKey(expected.keys, alg, kid ?? null);
    if (key.kind !== "key") return invalid(`key ${key.kind}`);
    if (!(await verifyCompactJws(idToken, alg, key.key))) return invalid("signature");
    const payload = decodeJwt(idToken);
    const wrong = wrongClaim(payload, {
      issuer: expected.issuer,
      audiences: [expected.clientId],
      required: ["iss", "aud", "iat", "sub", "exp"],
      maxAgeSeconds: MAX_AGE_S,
      toleranceSeconds: CLOCK_TOLERANCE_S,
      nowMs: expected.nowMs,
    });
    return wrong === undefined ? checkClaims(payload, expected) : invalid(`claim ${wrong}`);
  } catch {
    // Whatever is thrown came from a token or a key that is none.
    return invalid("key");
  }
}

function checkClaims(payload: JWTPayload, { clientId, nonce }: IdTokenExpectation): Result<IdTokenClaims> {
  const parsed = idTokenClaims.safeParse(payload);
  if (!parsed.success) return invalid(`claim ${String(parsed.error.issues[0]?.path[0])}`);
  const { azp } = parsed.data;
  const isForSeveral = Array.isArray(payload.aud) && payload.aud.length > 1;
  if (azp === undefined ? isForSeveral : azp !== clientId) return invalid("claim azp");
  if (nonce !== null && payload.nonce !== nonce) return invalid("claim nonce");
  return ok(parsed.data);
}

/**
 * Whether an id_token for this client names another user of the same issuer, which it must not at a refresh (OpenID
 * Connect Core §12.2). Its signature is not looked at: it came from the token endpoint itself (§3.1.3.7, number 6), and
 * it is only believed to somebody's disadvantage.
 */
export function namesAnother(idToken: unknown, known: { issuer: string; subject: string }, clientId: string): boolean {
  if (typeof idToken !== "string" || idToken.length > MAX_LENGTH) return false;
  try {
    const { iss, aud, sub } = decodeJwt(idToken);
    return iss === known.issuer && [aud].flat().includes(clientId) && sub !== known.subject;
  } catch {
    return false;
  }
}

/** Those of the claims whose names are on the list and whose values a token answer can carry, while there is room. */
export function forwardedClaims(claims: IdTokenClaims, names: string[]): Claims {
  const forwarded = new Map<string, Claims[string]>();
  let characters = 0;
  for (const name of names) {
    if (name === "__proto__" || !Object.hasOwn(claims, name)) continue;
    const value = claimValue.safeParse(claims[name]);
    if (!value.success) continue;
    characters += JSON.stringify([name, value.data]).length;
    if (characters > MAX_CLAIMS_CHARACTERS) break;
    forwarded.set(name, value.data);
  }
  return Object.fromEntries(forwarded);
}

function invalid(what: string): Result<never> {
  return fail("upstream_id_token_invalid", { reason: `id_token: ${what}` });
}
