import { errors, type JWK, type JWTPayload, jwtVerify } from "jose";
import * as z from "zod";
import { fail, ok, type Result } from "../errors.ts";
import { canonicalKey } from "./claim-path.ts";
import type { IssuerRecord } from "./issuer-record.ts";
import { SUPPORTED_ALGORITHMS } from "./jwks-keys.ts";
import type { UnverifiedHeader, UnverifiedToken } from "./unverified-token.ts";

const CLOCK_TOLERANCE_SECONDS = 30;
/** Longest accepted `exp` − `iat`. */
export const MAX_LIFETIME_SECONDS = 24 * 60 * 60;

/** Claims whose signature, issuer, audience and times have been checked. */
export interface VerifiedClaims {
  issuer: string;
  subject: string;
  /** Null when absent. */
  tokenId: string | null;
  expiresAtMs: number;
  /** The whole claim set, as signed. */
  all: Record<string, unknown>;
}

export interface VerifyDeps {
  now: () => number;
  /** The issuer's own key of that id, from its registered set and nowhere else. */
  findKey: (alg: string, kid: string | null) => Promise<Result<JWK>>;
  /** The `typ` of the tokens that are accepted; null = plain JWTs, `typ` absent or `JWT`. */
  typ: string | null;
}

/** `iss` is left out: the record was looked up by it. */
const claimsSchema = z.object({
  sub: z.string().max(2048),
  aud: z.union([z.string(), z.tuple([z.string()])]),
  exp: z.number(),
  iat: z.number().nonnegative(),
  jti: z.string().min(1).max(255).optional(),
});

/**
 * Checks a token against its registered issuer: algorithm, type and key first, then signature, then claims (RFC 8725
 * §3). Keys that the token brings along or points to (`jwk`, `jku`, `x5u`, `x5c`) are never looked at. Fails with the
 * 401 codes `token_…` and `audience_mismatch`.
 */
export async function verifyWorkloadToken(
  token: UnverifiedToken,
  issuer: Pick<IssuerRecord, "issuer" | "audience" | "selectorClaim" | "algorithms" | "maxTokenAgeMs">,
  deps: VerifyDeps,
): Promise<Result<VerifiedClaims>> {
  const header = checkHeader(token.header, issuer.algorithms, deps.typ);
  if (!header.ok) return header;
  const { alg, kid } = header.value;
  const key = await deps.findKey(alg, kid);
  if (!key.ok) return key;
  try {
    const { payload } = await jwtVerify(token.text, key.value, {
      algorithms: [alg],
      issuer: issuer.issuer,
      audience: issuer.audience,
      requiredClaims: ["exp", "iat", "sub"],
      maxTokenAge: issuer.maxTokenAgeMs / 1000,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(deps.now()),
    });
    return checkClaims(payload, issuer);
  } catch (error) {
    return joseFailure(error);
  }
}

function checkHeader(
  header: UnverifiedHeader,
  algorithms: readonly string[],
  typ: string | null,
): Result<{ alg: string; kid: string | null }> {
  const { alg, kid } = header;
  if (!algorithms.includes(alg) || !SUPPORTED_ALGORITHMS.includes(alg)) return fail("token_alg_not_allowed");
  if (!typAllowed(header.typ, typ)) return fail("token_type_not_allowed");
  // RFC 7515 §4.1.11: what we would have to understand and do not. `b64` changes what is signed (RFC 7797).
  if (Object.hasOwn(header, "crit") || Object.hasOwn(header, "b64")) {
    return fail("token_signature_invalid", { reason: "crit" });
  }
  if (kid === undefined) return ok({ alg, kid: null });
  if (typeof kid !== "string" || !/^[\x20-\x7e]{1,128}$/.test(kid)) return fail("token_key_unknown", { reason: "kid" });
  return ok({ alg, kid });
}

/** RFC 8725 §3.11: explicit types keep tokens made for other purposes, our own included, from passing as callers. */
function typAllowed(typ: unknown, wanted: string | null): boolean {
  if (typ === undefined) return wanted === null;
  if (typeof typ !== "string") return false;
  // RFC 7515 §4.1.9: the `application/` prefix may be left out, and media types ignore case.
  return typ.toLowerCase().replace(/^application\//, "") === (wanted ?? "jwt");
}

function checkClaims(
  payload: JWTPayload,
  issuer: Pick<IssuerRecord, "issuer" | "audience" | "selectorClaim">,
): Result<VerifiedClaims> {
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success) {
    // jose has found our audience in `aud`; what does not fit the schema there is a second audience.
    const first = parsed.error.issues[0]?.path[0];
    return fail(first === "aud" ? "audience_mismatch" : "token_claims_invalid", { reason: `claim=${String(first)}` });
  }
  const claims = parsed.data;
  // Some issuers leave it empty for machines. That names nobody, so the identity must rest on another claim.
  if (claims.sub === "" && canonicalKey(issuer.selectorClaim) === "/sub") {
    return fail("token_claims_invalid", { reason: "claim=sub empty" });
  }
  const lifetimeSeconds = claims.exp - claims.iat;
  if (lifetimeSeconds <= 0 || lifetimeSeconds > MAX_LIFETIME_SECONDS) {
    return fail("token_claims_invalid", { reason: `lifetime_seconds=${lifetimeSeconds}` });
  }
  return ok({
    issuer: issuer.issuer,
    subject: claims.sub,
    tokenId: claims.jti ?? null,
    expiresAtMs: claims.exp * 1000,
    all: payload,
  });
}

/** jose's errors by class and field, never by their text. Whatever else it throws came from a key that is none. */
function joseFailure(error: unknown): Result<never> {
  if (error instanceof errors.JWTExpired) return fail("token_expired", { reason: `claim=${error.claim}` });
  if (error instanceof errors.JWTClaimValidationFailed) {
    const reason = `claim=${error.claim} ${error.reason}`;
    if (error.claim === "aud") return fail("audience_mismatch", { reason });
    if (error.claim === "iss") return fail("issuer_not_trusted", { reason });
    const tooEarly = error.reason === "check_failed" && (error.claim === "nbf" || error.claim === "iat");
    return fail(tooEarly ? "token_expired" : "token_claims_invalid", { reason });
  }
  if (error instanceof errors.JWTInvalid) return fail("token_claims_invalid");
  if (error instanceof errors.JOSEAlgNotAllowed) return fail("token_alg_not_allowed");
  return fail("token_signature_invalid", { reason: error instanceof errors.JOSEError ? error.code : "key" });
}
