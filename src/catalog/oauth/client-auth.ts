import {
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  modifyAssertion,
  None,
  PrivateKeyJwt,
} from "oauth4webapi";
import type { Secret } from "../../crypto/secret.ts";
import { importSigningKey, type SigningAlg } from "../../crypto/signing-key.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { ClientAuthMethod, OAuthConfig, OAuthSettings } from "./config.ts";
import type { ServerMetadata } from "./server-metadata.ts";

const DEFAULT_ASSERTION_TTL_S = 60;

/**
 * How the connector authenticates to the token endpoint: as configured, else what the server advertises and the
 * credentials allow, else `client_secret_post`. Of the two secret methods, the one that RFC 6749 §2.3.1 obliges
 * servers to support wins. A client without a secret that is told nothing else is public.
 */
export function chooseClientAuthMethod(
  settings: OAuthSettings,
  server: ServerMetadata,
  hasSecret: boolean,
): ClientAuthMethod {
  const { tokenEndpointAuthMethod: configured } = settings;
  if (configured !== undefined && configured !== "") return configured;
  const advertised = server.token_endpoint_auth_methods_supported ?? [];
  if (hasSecret) return advertised.includes("client_secret_basic") ? "client_secret_basic" : "client_secret_post";
  // A public client cannot have tokens of its own (RFC 6749 §4.4).
  const mayBePublic = settings.clientCredentials?.enabled !== true && advertised.includes("none");
  return advertised.includes("private_key_jwt") && !mayBePublic ? "private_key_jwt" : "none";
}

/** ES256 where the server says that it verifies it, else RS256, which OpenID Connect makes the default. */
export function chooseAssertionAlg(server: ServerMetadata): SigningAlg {
  return server.token_endpoint_auth_signing_alg_values_supported?.includes("ES256") ? "ES256" : "RS256";
}

/**
 * The connector's credentials as oauth4webapi sends them (RFC 6749 §2.3.1, RFC 7523 §2.2). An assertion's `aud` is
 * the issuer and nothing else, whatever endpoint it goes to, so that it is worth nothing elsewhere. Fails with
 * `no_token` where a credential that the method needs is not stored.
 */
export async function clientAuthentication(
  { settings, clientAuth }: OAuthConfig,
  secrets: Record<string, Secret>,
  now: () => number,
): Promise<Result<ClientAuth>> {
  const { clientSecret, clientPrivateKey } = secrets;
  switch (clientAuth.method) {
    case "none":
      return ok(None());
    case "client_secret_basic":
      return clientSecret === undefined ? missing("clientSecret") : ok(ClientSecretBasic(clientSecret.expose()));
    case "client_secret_post":
      return clientSecret === undefined ? missing("clientSecret") : ok(ClientSecretPost(clientSecret.expose()));
    case "private_key_jwt": {
      const { key } = clientAuth;
      if (clientPrivateKey === undefined || key === null) return missing("clientPrivateKey");
      const signingKey = await importSigningKey(clientPrivateKey, key.alg);
      return ok(assertion({ key: signingKey, kid: key.kid }, settings, now));
    }
  }
}

function assertion(
  key: { key: CryptoKey; kid: string },
  { clientAssertion: options }: OAuthSettings,
  now: () => number,
): ClientAuth {
  const authenticate = PrivateKeyJwt(key, {
    // Not to weaken anything: sets our own clock and lifetime, and adds claims that cannot be protocol claims.
    [modifyAssertion](_header, payload) {
      const issuedAt = Math.floor(now() / 1000);
      Object.assign(payload, options?.claims, {
        iat: issuedAt,
        nbf: issuedAt,
        exp: issuedAt + (options?.ttl ?? DEFAULT_ASSERTION_TTL_S),
      });
    },
  });
  return async (server, client, body, headers) => {
    await authenticate(server, client, body, headers);
    if (options?.type !== undefined) body.set("client_assertion_type", options.type);
  };
}

function missing(secretName: string): Result<never> {
  return fail("no_token", { reason: `connector secret ${secretName} is not stored` });
}
