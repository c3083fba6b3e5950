import type { JWK, JWTPayload } from "jose";
import { decodeUnverified } from "../../../callers/unverified-token.ts";
import { verifyCompactJws } from "../../../crypto/jws.ts";
import { wrongClaim } from "../../../crypto/jwt-claims.ts";
import type { RecipeDeps } from "../checked-recipe.ts";
import type { RefusalReason } from "../recipe.ts";
import { findProviderKey } from "./provider-keys.ts";

/** An issuer whose tokens a provider sends. Both addresses are constants, never read from a request. */
export interface TokenIssuer {
  issuer: string;
  jwksUri: string;
  algorithms: readonly string[];
  clockToleranceSeconds: number;
}

export type BearerResult = { ok: true; claims: JWTPayload; key: JWK } | { ok: false; reason: RefusalReason };

const MAX_HEADER_CHARS = 8 * 1024;
const BEARER = /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i;

/**
 * Claims of the request's bearer token if one of these issuers signed it for one of these audiences and it has not
 * expired (RFC 8725 §3). Keys that a token brings along or points to (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.
 */
export async function verifyBearer(
  headers: Headers,
  issuers: readonly TokenIssuer[],
  audiences: readonly string[],
  deps: RecipeDeps,
): Promise<BearerResult> {
  const authorization = headers.get("authorization");
  if (authorization === null) return refuse("signature_missing");
  const text = authorization.length > MAX_HEADER_CHARS ? undefined : BEARER.exec(authorization)?.[1];
  if (text === undefined) return refuse("signature_malformed");
  const token = decodeUnverified(text);
  if (!token.ok) return refuse("signature_malformed");
  const { claims, header } = token.value;
  const { alg, kid, typ, crit } = header;
  const issuer = issuers.find((candidate) => candidate.issuer === claims.iss);
  if (!issuer?.algorithms.includes(alg)) return refuse("token_invalid");
  if (typ !== undefined && (typeof typ !== "string" || typ.toUpperCase() !== "JWT")) return refuse("token_invalid");
  // RFC 7515 §4.1.11: what we would have to understand and do not.
  if (crit !== undefined) return refuse("token_invalid");
  if (typeof kid !== "string" || !/^[\x21-\x7e]{1,128}$/.test(kid)) return refuse("token_invalid");

  const found = await findProviderKey(issuer.jwksUri, alg, kid, deps);
  if (found.kind === "unavailable") return refuse("keys_unavailable");
  if (found.kind === "unknown") return refuse("token_invalid");
  const wrong = wrongClaim(claims, {
    issuer: issuer.issuer,
    audiences,
    required: ["exp"],
    toleranceSeconds: issuer.clockToleranceSeconds,
    nowMs: deps.now(),
  });
  try {
    const genuine = await verifyCompactJws(text, alg, found.key);
    return genuine && wrong === undefined ? { ok: true, claims, key: found.key } : refuse("token_invalid");
  } catch {
    return refuse("token_invalid");
  }
}

function refuse(reason: RefusalReason): BearerResult {
  return { ok: false, reason };
}
