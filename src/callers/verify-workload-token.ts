import type { JWK } from "jose";
import { verifyCompactJws } from "../crypto/jws.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { IssuerRecord } from "./issuer-record.ts";
import { SUPPORTED_ALGORITHMS } from "./jwks-keys.ts";
import { checkRegisteredClaims, type VerifiedClaims } from "./registered-claims.ts";
import type { UnverifiedHeader, UnverifiedToken } from "./unverified-token.ts";

export interface VerifyDeps {
  now: () => number;
  /** The issuer's own key of that id, from its registered set and nowhere else. */
  findKey: (alg: string, kid: string | null) => Promise<Result<JWK>>;
  /** The `typ` of the tokens that are accepted; null = plain JWTs, `typ` absent or `JWT`. */
  typ: string | null;
}

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
  const genuine = await isGenuine(token.text, alg, key.value);
  if (!genuine.ok) return genuine;
  // Read from the very text whose signature is good.
  return checkRegisteredClaims(token.claims, issuer, deps.now());
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

async function isGenuine(text: string, alg: string, key: JWK): Promise<Result<null>> {
  try {
    return (await verifyCompactJws(text, alg, key))
      ? ok(null)
      : fail("token_signature_invalid", { reason: "signature" });
  } catch {
    // The platform says of a key that it is none only when it is imported.
    return fail("token_signature_invalid", { reason: "key" });
  }
}
