import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import type { AdapterFactory, ClientMetadata, Configuration, JWKS, KoaContextWithOIDC } from "oidc-provider";
import { errorPage } from "./interaction-pages.ts";

/** Scopes of the demo API. */
export const SCOPES = ["reports:read", "reports:write"] as const;

/** The one client that may ask for workload tokens; it belongs to the issuer itself. */
export const WORKLOAD_CLIENT_ID = "workload-issuer";

/** Form fields of the workload issuer's token requests: claims as JSON, lifetime in seconds. */
export const CLAIMS_FIELD = "workload_claims";
export const LIFETIME_FIELD = "workload_ttl";

/**
 * What a refresh does to the refresh token: `strict` replaces it, and whoever presents the old one ends everything that
 * the user granted (RFC 9700 §4.14.2); `stable` leaves it.
 */
export type Rotation = "strict" | "stable";

export interface ProviderOptions {
  adapter: AdapterFactory;
  clients: ClientMetadata[];
  /** Of tokens that a client gets for itself. */
  ttlSeconds: number;
  /** Of access tokens that a user agreed to. */
  userTtlSeconds: number;
  rotation: Rotation;
}

/**
 * Configuration of the demo authorization server: client credentials with opaque tokens that can be introspected
 * and revoked, JWT access tokens for a resource (RFC 8707), users who sign in and agree (authorization code with PKCE,
 * PAR, `iss` in answers, refresh tokens, id_tokens), and workload tokens.
 */
export function providerConfiguration(options: ProviderOptions): Configuration {
  const { adapter, clients, ttlSeconds, userTtlSeconds, rotation } = options;
  return {
    adapter,
    clients,
    clientDefaults: {
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      id_token_signed_response_alg: "ES256",
    },
    clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
    jwks: signingKeys(),
    cookies: { keys: [randomBytes(32).toString("base64url")] },
    scopes: ["openid", "offline_access", ...SCOPES],
    responseTypes: ["code"],
    // The library's dispatcher refuses loopback addresses; here the clients' key sets (jwks_uri) live on loopback.
    fetch: (url, init = {}) => {
      const { dispatcher: _, ...rest }: RequestInit & { dispatcher?: unknown } = init;
      return globalThis.fetch(url, rest);
    },
    // Whoever signs in exists. A name in the id_token is something to forward.
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, name: `${sub} of Acme` }) }),
    claims: { openid: ["sub", "name"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    // As most providers do: for every user, whether or not offline_access was asked for, and beyond the sign-in.
    issueRefreshToken: (_context, client) => client.grantTypeAllowed("refresh_token"),
    expiresWithSession: () => false,
    rotateRefreshToken: rotation === "strict",
    renderError: (context, out) => {
      context.type = "html";
      context.body = errorPage(`${out.error}: ${out.error_description ?? ""}`);
    },
    ttl: {
      ClientCredentials: (_context, token) => token.resourceServer?.accessTokenTTL ?? ttlSeconds,
      AccessToken: userTtlSeconds,
      AuthorizationCode: 60,
      RefreshToken: 86_400,
      IdToken: 600,
      Interaction: 600,
      Session: 86_400,
      Grant: 86_400,
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientCredentials: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      // A resource server may look at any token; a client only revokes its own.
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: (_context, client, token) => token.clientId === client.clientId },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => [],
        getResourceServerInfo: (context, resource, client) => ({
          audience: resource,
          scope: client.clientId === WORKLOAD_CLIENT_ID ? "" : SCOPES.join(" "),
          accessTokenFormat: "jwt",
          accessTokenTTL: lifetimeOf(context, client.clientId) ?? ttlSeconds,
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
    formats: {
      customizers: {
        // A workload token is an ordinary grant of this provider, so `iss`, `kid` and signature are its own. Only the
        // type is not: an access token (`at+jwt`) must not authenticate a workload, and issuers of workload
        // tokens (CI systems, clouds) send `JWT`.
        jwt(context, token, jwt) {
          if (token.clientId !== WORKLOAD_CLIENT_ID) return;
          jwt.header = { ...jwt.header, typ: "JWT" };
          Object.assign(jwt.payload, workloadClaims(context));
        },
      },
    },
  };
}

function signingKeys(): JWKS {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    keys: [{ ...privateKey.export({ format: "jwk" }), kty: "EC", kid: randomUUID(), use: "sig", alg: "ES256" }],
  };
}

function field(context: KoaContextWithOIDC, name: string): string | undefined {
  const value = context.oidc.body?.[name];
  return typeof value === "string" ? value : undefined;
}

function lifetimeOf(context: KoaContextWithOIDC, clientId: string): number | undefined {
  const text = clientId === WORKLOAD_CLIENT_ID ? field(context, LIFETIME_FIELD) : undefined;
  return text === undefined ? undefined : Number(text);
}

function workloadClaims(context: KoaContextWithOIDC): Record<string, unknown> {
  return JSON.parse(field(context, CLAIMS_FIELD) ?? "{}");
}
