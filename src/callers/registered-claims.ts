import { fail, ok, type Result } from "../errors.ts";
import { canonicalKey } from "./claim-path.ts";
import type { IssuerRecord } from "./issuer-record.ts";

const CLOCK_TOLERANCE_SECONDS = 30;
/** Longest accepted `exp` − `iat`. */
export const MAX_LIFETIME_SECONDS = 24 * 60 * 60;
const MAX_SUBJECT_CHARS = 2048;
const MAX_TOKEN_ID_CHARS = 255;

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

type Claims = Readonly<Record<string, unknown>>;

/**
 * Holds the registered claims (RFC 7519 §4.1) of a token with a good signature to what its issuer was registered for:
 * exactly that `iss`, one audience and it alone, a subject, and times that are now, with 30 s of tolerance. Fails with
 * `issuer_not_trusted`, `audience_mismatch`, `token_expired` (also for one from the future) or `token_claims_invalid`.
 * Stricter than `wrongClaim`, which judges tokens that are not made for us alone.
 */
export function checkRegisteredClaims(
  claims: Claims,
  issuer: Pick<IssuerRecord, "issuer" | "audience" | "selectorClaim" | "maxTokenAgeMs">,
  nowMs: number,
): Result<VerifiedClaims> {
  if (own(claims, "iss") !== issuer.issuer) return fail("issuer_not_trusted", { reason: "claim=iss" });
  // RFC 8725 §3.9. A second audience could present the token in our name, so it must be for us alone.
  const audience = own(claims, "aud");
  const only = Array.isArray(audience) && audience.length === 1 ? audience[0] : audience;
  if (only !== issuer.audience) return fail("audience_mismatch", { reason: "claim=aud" });

  const [issuedAt, expiresAt] = [own(claims, "iat"), own(claims, "exp")];
  if (!isTime(issuedAt)) return invalid("iat", issuedAt);
  if (!isTime(expiresAt)) return invalid("exp", expiresAt);
  const timing = checkTimes({ issuedAt, expiresAt, notBefore: own(claims, "nbf") }, issuer.maxTokenAgeMs, nowMs);
  if (!timing.ok) return timing;

  const [subject, tokenId] = [own(claims, "sub"), own(claims, "jti")];
  if (typeof subject !== "string" || subject.length > MAX_SUBJECT_CHARS) return invalid("sub", subject);
  // Some issuers leave it empty for machines. That names nobody, so the identity must rest on another claim.
  if (subject === "" && canonicalKey(issuer.selectorClaim) === "/sub") return invalid("sub", subject);
  if (tokenId !== undefined && !isTokenId(tokenId)) return invalid("jti", tokenId);
  return ok({
    issuer: issuer.issuer,
    subject,
    tokenId: tokenId ?? null,
    expiresAtMs: expiresAt * 1000,
    all: claims,
  });
}

/** In seconds, as RFC 7519 has them (NumericDate). */
function checkTimes(
  { issuedAt, expiresAt, notBefore }: { issuedAt: number; expiresAt: number; notBefore: unknown },
  maxTokenAgeMs: number,
  nowMs: number,
): Result<null> {
  const now = Math.floor(nowMs / 1000);
  if (notBefore !== undefined && !isNumber(notBefore)) return invalid("nbf", notBefore);
  if (notBefore !== undefined && notBefore > now + CLOCK_TOLERANCE_SECONDS) return untimely("nbf");
  if (expiresAt <= now - CLOCK_TOLERANCE_SECONDS) return untimely("exp");
  const age = now - issuedAt;
  if (age - CLOCK_TOLERANCE_SECONDS > maxTokenAgeMs / 1000 || age < -CLOCK_TOLERANCE_SECONDS) return untimely("iat");
  const lifetime = expiresAt - issuedAt;
  if (lifetime <= 0 || lifetime > MAX_LIFETIME_SECONDS) {
    return fail("token_claims_invalid", { reason: `lifetime_seconds=${lifetime}` });
  }
  return ok(null);
}

/** `constructor` and the like of the prototype are nobody's claims. */
function own(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function isNumber(value: unknown): value is number {
  // JSON's 1e999 is read as Infinity.
  return typeof value === "number" && Number.isFinite(value);
}

function isTime(value: unknown): value is number {
  return isNumber(value) && value >= 0;
}

function isTokenId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_TOKEN_ID_CHARS;
}

/** Says of the value only that it is not there, or says nothing. */
function invalid(claim: string, value: unknown): Result<never> {
  const wrong = value === undefined ? "missing" : value === "" ? "empty" : "invalid";
  return fail("token_claims_invalid", { reason: `claim=${claim} ${wrong}` });
}

function untimely(claim: string): Result<never> {
  return fail("token_expired", { reason: `claim=${claim}` });
}
