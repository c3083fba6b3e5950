import type { JWTPayload } from "jose";

/** What the registered claims of a JWT must be (RFC 7519 §4.1). */
export interface ExpectedClaims {
  /** Compared as text. */
  issuer: string;
  /** One of these must be among the token's. */
  audiences: readonly string[];
  /** Must be there, whatever they are; the earlier is told of first. */
  required: readonly string[];
  /** How long ago `iat` may be, and that it must be a time in the past; undefined = it is a number, or not there. */
  maxAgeSeconds?: number;
  /** By so much clocks may differ. */
  toleranceSeconds: number;
  nowMs: number;
}

/** The first claim that is not as expected; undefined = all are. Of a token whose signature is good. */
export function wrongClaim(claims: JWTPayload, expected: ExpectedClaims): string | undefined {
  const { iss, aud, iat, nbf, exp } = claims;
  const { issuer, audiences, maxAgeSeconds, toleranceSeconds, nowMs } = expected;
  const missing = expected.required.find((name) => claims[name] === undefined);
  if (missing !== undefined) return missing;
  if (iss !== issuer) return "iss";
  if (![aud].flat().some((audience) => audience !== undefined && audiences.includes(audience))) return "aud";
  const noNumber = Object.entries({ iat, nbf, exp }).find(
    ([, value]) => value !== undefined && typeof value !== "number",
  );
  if (noNumber !== undefined) return noNumber[0];
  const now = Math.floor(nowMs / 1000);
  if (nbf !== undefined && nbf > now + toleranceSeconds) return "nbf";
  if (exp !== undefined && exp <= now - toleranceSeconds) return "exp";
  if (maxAgeSeconds === undefined) return undefined;
  const age = now - (iat ?? Number.NaN);
  return age - toleranceSeconds <= maxAgeSeconds && age >= -toleranceSeconds ? undefined : "iat";
}
