import { shownLogin } from "./issuer-login.ts";
import type { RegisteredIssuer } from "./issuer-store.ts";

/** An issuer as the API shows it. */
export function issuerToWire(issuer: RegisteredIssuer) {
  return {
    id: issuer.id,
    issuer: issuer.issuer,
    audience: issuer.audience,
    preset: issuer.preset,
    selectorClaim: issuer.selectorClaim,
    algorithms: issuer.algorithms,
    maxTokenAgeSeconds: issuer.maxTokenAgeMs / 1000,
    oneTimeTokens: issuer.oneTimeTokens,
    jwksUri: issuer.jwksUri === "" ? null : issuer.jwksUri,
    keys: issuer.jwks.keys.map(({ kid, kty, alg }) => ({ kid, kty, alg })),
    keysFetchedAt: issuer.jwksFetchedAtMs,
    login: shownLogin(issuer.login),
    createdAt: issuer.createdAtMs,
  };
}
