import type { TypeApiKey, TypeOauth } from "@vercel/sdk/models/connectconnectorcreatedata.js";
import type {
  ConnectConnectorUpdateDataTypeApiKey,
  ConnectConnectorUpdateDataTypeOauth,
} from "@vercel/sdk/models/connectconnectorupdatedata.js";

/** A value for every member of `data` that the typed client has for `oauth` and `api-key`; no two are alike. */

const at = (path: string) => `https://as.example.com/${path}`;

/** What the client calls `serverConfig`, but for the `additionalProperties` that it lets through unnamed. */
export const serverConfig: Required<Omit<NonNullable<TypeOauth["serverConfig"]>, "additionalProperties">> = {
  issuer: at("issuer"),
  authorizationEndpoint: at("authorize"),
  tokenEndpoint: at("token"),
  userinfoEndpoint: at("userinfo"),
  jwksUri: at("jwks"),
  jwks: { keys: [{ kty: "EC", kid: "k", use: "sig", keyOps: ["verify"], alg: "ES256" }] },
  revocationEndpoint: at("revoke"),
  introspectionEndpoint: at("introspect"),
  endSessionEndpoint: at("end"),
  deviceAuthorizationEndpoint: at("device"),
  registrationEndpoint: at("register"),
  responseTypesSupported: ["code"],
  tokenEndpointAuthMethodsSupported: ["client_secret_basic"],
  tokenEndpointAuthSigningAlgValuesSupported: ["ES256"],
  scopesSupported: ["reports:read"],
  grantTypesSupported: ["client_credentials"],
  responseModesSupported: ["query"],
  subjectTypesSupported: ["public"],
  idTokenSigningAlgValuesSupported: ["RS256"],
  idTokenEncryptionAlgValuesSupported: ["RSA-OAEP"],
  idTokenEncryptionEncValuesSupported: ["A256GCM"],
  claimTypesSupported: ["normal"],
  claimsSupported: ["email"],
  codeChallengeMethodsSupported: ["S256"],
  promptValuesSupported: ["login"],
  claimsParameterSupported: true,
  requestParameterSupported: false,
  requestUriParameterSupported: true,
  requireRequestUriRegistration: false,
  serviceDocumentation: at("docs"),
  opPolicyUri: at("policy"),
  opTosUri: at("tos"),
  logoUri: at("logo.png"),
  clientIdMetadataDocumentSupported: true,
  authorizationDetailsTypesSupported: ["payment"],
};

/** Beside `serverUrl` and the credentials, which are the provider's. */
export const oauthSettings: Required<Omit<TypeOauth, "serverUrl" | "serverConfig" | "clientId" | "clientSecret">> = {
  clientName: "Reports",
  tokenEndpointAuthMethod: "client_secret_basic",
  responseType: "code",
  pkceRequired: true,
  codeChallengeMethod: "S256",
  userAuthorization: { enabled: true, scopes: ["openid"] },
  refreshTokens: { enabled: true },
  clientCredentials: { enabled: true, scopes: ["reports:read"] },
  forwardedClaims: { idToken: ["email"] },
  defaultAudience: "https://api.example.com",
  defaultTokenExpiresIn: 600,
  authorizationUrlParams: { access_type: "offline" },
  jwtBearer: {
    enabled: true,
    scopes: ["batch"],
    sub: "s",
    iss: "i",
    aud: "a",
    additionalClaims: { tenant: 1 },
    ttl: 60,
    useClientCredentials: true,
  },
  clientAssertion: { type: "urn:example:assertion", ttl: 30, claims: { tenant: 1 } },
};

/** The same members with other values. */
export const changedOauthSettings: Required<
  Omit<ConnectConnectorUpdateDataTypeOauth, "serverUrl" | "serverConfig" | "clientId" | "clientSecret">
> = {
  clientName: "Renamed",
  tokenEndpointAuthMethod: "client_secret_post",
  responseType: "code id_token",
  pkceRequired: false,
  codeChallengeMethod: "plain",
  userAuthorization: { enabled: true, scopes: ["openid", "mail"] },
  refreshTokens: { enabled: false },
  clientCredentials: { enabled: true, scopes: ["reports:write"] },
  forwardedClaims: { idToken: ["email", "name"] },
  defaultAudience: "https://api2.example.com",
  defaultTokenExpiresIn: 900,
  authorizationUrlParams: { prompt: "consent" },
  jwtBearer: {
    enabled: false,
    scopes: ["batch2"],
    sub: "s2",
    iss: "i2",
    aud: "a2",
    additionalClaims: { tenant: 2 },
    ttl: 90,
    useClientCredentials: false,
  },
  clientAssertion: { type: "urn:example:assertion2", ttl: 60, claims: { tenant: 2 } },
};

export const apiKeyData: Required<TypeApiKey> = {
  subjectType: "app",
  values: [{ value: "first-value", scope: "read", expiresAt: 4_000_000_000_000 }],
  serviceUrls: ["https://api.notion.example/v1"],
  instructions: "Open **Settings**.",
};

export function apiKeyChange(kept: string, gone: string): Required<ConnectConnectorUpdateDataTypeApiKey> {
  return {
    toAdd: [{ value: "third-value", scope: "admin", expiresAt: 4_100_000_000_000 }],
    toUpdate: [{ id: kept, value: "second-value", scope: "write", expiresAt: "4200000000000" }],
    toDelete: [gone],
    instructions: "Ask _Ann_.",
  };
}
