import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import type { DriverDeps, IssuedAuthorization } from "../../src/catalog/driver.ts";
import type { AuthorizationUrlRequest, ExchangeRequest, RefreshRequest } from "../../src/catalog/driver-requests.ts";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { Secret } from "../../src/crypto/secret.ts";
import type { Result } from "../../src/errors.ts";
import { createOAuth, DEFAULTS, deps, NOW, secretsOf, succeeded } from "./support.ts";

export const ISSUER = "https://as.example.com";
export const REDIRECT_URI = "https://connect.example.com/callback/scl_test";
export const SERVER = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
  jwks_uri: `${ISSUER}/jwks`,
};

/** What a driver is asked with: an `oauth` connector for users, its configuration having taken the way through storage. */
export async function userConnector(server: Record<string, unknown> = {}, data: Record<string, unknown> = {}) {
  const saved = succeeded(
    await createOAuth(
      { ...SERVER, ...server },
      { clientCredentials: { enabled: false }, userAuthorization: { enabled: true }, ...data },
    ),
  );
  const config: unknown = JSON.parse(JSON.stringify(saved.config));
  return { config, secrets: secretsOf(saved), connectorId: "scl_test" };
}

type Connector = Awaited<ReturnType<typeof userConnector>>;
type Asked<Request> = Partial<Omit<Request, keyof Connector>>;

export function urlOf(connector: Connector, asked: Asked<AuthorizationUrlRequest> = {}): Promise<Result<string>> {
  return oauthDriver.authorizationUrl(
    {
      ...connector,
      redirectUri: REDIRECT_URI,
      state: "state-1",
      codeChallenge: "challenge-1",
      nonce: "nonce-1",
      group: DEFAULTS,
      prompt: null,
      additionalParams: {},
      ...asked,
    },
    deps,
  );
}

/** The query that the user's browser would carry. */
export async function queryOf(connector: Connector, asked: Asked<AuthorizationUrlRequest> = {}) {
  return new URL(succeeded(await urlOf(connector, asked))).searchParams;
}

export function exchangeWith(
  connector: Connector,
  asked: Asked<ExchangeRequest> = {},
  withDeps: DriverDeps = deps,
): Promise<Result<IssuedAuthorization>> {
  return oauthDriver.exchange(
    {
      ...connector,
      code: Secret.of("the-code"),
      codeVerifier: Secret.of("the-verifier"),
      redirectUri: REDIRECT_URI,
      nonce: "nonce-1",
      group: DEFAULTS,
      ...asked,
    },
    withDeps,
  );
}

export function refreshWith(
  connector: Connector,
  asked: Asked<RefreshRequest> = {},
): Promise<Result<IssuedAuthorization>> {
  return oauthDriver.refresh(
    {
      ...connector,
      refreshToken: Secret.of("rt-old"),
      group: DEFAULTS,
      narrow: false,
      grantedScopes: [],
      externalSubject: null,
      ...asked,
    },
    deps,
  );
}

/** A provider's signing key: what it publishes, and id_tokens under it. A claim set to undefined is left out. */
export async function signer(alg = "ES256") {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid: "key-1", alg };
  const sign = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
    new SignJWT({
      iss: ISSUER,
      aud: "client",
      sub: "user-1",
      nonce: "nonce-1",
      iat: NOW / 1000,
      exp: NOW / 1000 + 300,
      ...claims,
    })
      .setProtectedHeader({ alg, kid: "key-1", ...header })
      .sign(privateKey);
  return { jwks: { keys: [jwk] }, sign };
}
