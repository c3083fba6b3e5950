import { describe, expect, test } from "vitest";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { CLIENT_SECRET, CONTEXT, createOAuth, deps, failed, succeeded } from "./support.ts";

const SERVER = {
  issuer: "https://as.example.com",
  authorization_endpoint: "https://as.example.com/authorize",
  token_endpoint: "https://as.example.com/token",
};

/** Every field of the wire, none at its default. */
const EVERY_FIELD = {
  clientId: "client",
  clientName: "Acme",
  serverConfig: {
    ...SERVER,
    userinfo_endpoint: "https://as.example.com/userinfo",
    jwks_uri: "https://as.example.com/jwks",
    jwks: { keys: [{ kty: "EC", kid: "1", use: "sig", crv: "P-256", x: "x", y: "y" }] },
    revocation_endpoint: "https://as.example.com/revoke",
    introspection_endpoint: "https://as.example.com/introspect",
    end_session_endpoint: "https://as.example.com/logout",
    device_authorization_endpoint: "https://as.example.com/device",
    registration_endpoint: "https://as.example.com/register",
    response_types_supported: ["code"],
    token_endpoint_auth_methods_supported: ["client_secret_post"],
    token_endpoint_auth_signing_alg_values_supported: ["ES256"],
    scopes_supported: ["read"],
    grant_types_supported: ["client_credentials"],
    response_modes_supported: ["query"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    id_token_encryption_alg_values_supported: ["RSA-OAEP"],
    id_token_encryption_enc_values_supported: ["A256GCM"],
    claim_types_supported: ["normal"],
    claims_supported: ["sub"],
    code_challenge_methods_supported: ["S256"],
    prompt_values_supported: ["login"],
    claims_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: true,
    require_request_uri_registration: true,
    service_documentation: "https://as.example.com/docs",
    op_policy_uri: "https://as.example.com/policy",
    op_tos_uri: "https://as.example.com/tos",
    logo_uri: "https://as.example.com/logo.png",
    client_id_metadata_document_supported: true,
    authorization_details_types_supported: ["files"],
  },
  tokenEndpointAuthMethod: "client_secret_post",
  responseType: "code id_token",
  pkceRequired: false,
  codeChallengeMethod: "plain",
  userAuthorization: { enabled: true, scopes: ["profile"] },
  refreshTokens: { enabled: true },
  clientCredentials: { enabled: true, scopes: ["read"] },
  jwtBearer: {
    enabled: true,
    scopes: ["jb"],
    sub: "s",
    iss: "i",
    aud: "a",
    additionalClaims: { tenant: { id: 1 } },
    ttl: 60,
    useClientCredentials: true,
  },
  clientAssertion: { type: "urn:t", ttl: 30, claims: { c: ["x"] } },
  forwardedClaims: { idToken: ["email"] },
  defaultAudience: "https://api.example.com",
  defaultTokenExpiresIn: 60,
  authorizationUrlParams: { access_type: "offline" },
  grantPolicy: { rotation: "grace", oldAccessTokenDies: true, revocationScope: "token", codeLifetimeSeconds: 30 },
};

describe("what an operator may set", () => {
  test("every documented field is accepted, stored and shown, and the secret only as set", async () => {
    const data = { ...EVERY_FIELD, clientSecret: CLIENT_SECRET };
    const saved = succeeded(await oauthDriver.create(data, CONTEXT, deps));
    const stored: unknown = JSON.parse(JSON.stringify(saved.config));
    const shown = oauthDriver.redact(stored, Object.keys(saved.secrets));
    expect(shown).toEqual({ ...EVERY_FIELD, clientSecret: { set: true }, server: EVERY_FIELD.serverConfig });
    expect(JSON.stringify([stored, shown])).not.toContain(CLIENT_SECRET);
    expect(saved.secrets).toEqual({ clientSecret: CLIENT_SECRET });
  });

  const unknown: [where: string, data: Record<string, unknown>][] = [
    ["data.clientSecrets", { clientSecrets: "x" }],
    ["data.clientCredentials.scope", { clientCredentials: { enabled: true, scope: "x" } }],
    ["data.jwtBearer.subject", { jwtBearer: { subject: "x" } }],
    ["data.grantPolicy.rotations", { grantPolicy: { rotations: "strict" } }],
    ["data.__proto__", JSON.parse('{"__proto__":{"clientId":"x"}}')],
  ];
  test.for(unknown)("an unknown field is 400 unknown_field and named: %s", async ([where, data]) => {
    const base = Object.assign(Object.create(null), { clientId: "c", serverConfig: SERVER });
    for (const [name, value] of Object.entries(data)) Object.defineProperty(base, name, { value, enumerable: true });
    const failure = failed(await oauthDriver.create(base, CONTEXT, deps));
    expect(failure.code).toBe("unknown_field");
    expect(failure.message).toContain(where);
  });

  const invalid: [where: string, data: Record<string, unknown>][] = [
    ["data.clientId", { clientId: undefined }],
    ["data.clientId", { clientId: "" }],
    ["data.clientId", { clientId: "a\u0000" }],
    ["data.clientSecret", { clientSecret: "x".repeat(4097) }],
    ["data.tokenEndpointAuthMethod", { tokenEndpointAuthMethod: "client_secret_jwt" }],
    ["data.codeChallengeMethod", { codeChallengeMethod: "S512" }],
    ["data.defaultTokenExpiresIn", { defaultTokenExpiresIn: 59 }],
    ["data.defaultTokenExpiresIn", { defaultTokenExpiresIn: 60.5 }],
    ["data.clientCredentials.scopes", { clientCredentials: { enabled: true, scopes: Array(101).fill("a") } }],
    ["data.clientCredentials.scopes.0", { clientCredentials: { enabled: true, scopes: ["a b"] } }],
    ["data.clientCredentials.scopes.0", { clientCredentials: { enabled: true, scopes: ["*"] } }],
    ["data.clientAssertion.ttl", { clientAssertion: { ttl: 3601 } }],
    ["data.jwtBearer.additionalClaims", { jwtBearer: { additionalClaims: { aud: "x" } } }],
    ["data.authorizationUrlParams", { authorizationUrlParams: { redirect_uri: "https://evil.example.com" } }],
    ["data.serverConfig.jwks", { serverConfig: { ...SERVER, jwks: { keys: [{ kty: "EC", d: "private" }] } } }],
    ["data.serverConfig.logo_uri", { serverConfig: { ...SERVER, logo_uri: "javascript:alert(1)" } }],
  ];
  test.for(invalid)("a bad value is 400 invalid_config and names %s: %j", async ([where, data]) => {
    const failure = failed(await oauthDriver.create({ clientId: "c", serverConfig: SERVER, ...data }, CONTEXT, deps));
    expect(failure.code).toBe("invalid_config");
    expect(failure.message).toContain(where);
  });

  test.for([null, [], "data", 1, undefined])("data that is no object is refused: %j", async (data) => {
    expect(failed(await oauthDriver.create(data, CONTEXT, deps)).code).toBe("invalid_config");
  });

  test("a message never quotes the value that was wrong", async () => {
    const failure = failed(await createOAuth(SERVER, { clientSecret: `${CLIENT_SECRET}\n` }));
    expect(JSON.stringify(failure)).not.toContain(CLIENT_SECRET);
  });

  const lacking: [hint: string, data: Record<string, unknown>][] = [
    ["data.clientSecret", { clientCredentials: { enabled: true } }],
    ["data.clientSecret", { tokenEndpointAuthMethod: "client_secret_basic" }],
    [
      "data.serverConfig.authorization_endpoint",
      { userAuthorization: { enabled: true }, serverConfig: { token_endpoint: SERVER.token_endpoint } },
    ],
    [
      "data.serverConfig.issuer",
      { tokenEndpointAuthMethod: "private_key_jwt", serverConfig: { token_endpoint: SERVER.token_endpoint } },
    ],
  ];
  test.for(lacking)("a connector that could not work says what to set: %s", async ([hint, data]) => {
    const failure = failed(await oauthDriver.create({ clientId: "c", serverConfig: SERVER, ...data }, CONTEXT, deps));
    expect(failure.code).toBe("invalid_config");
    expect(failure.message).toContain(hint);
  });
});

describe("an update", () => {
  const create = () => createOAuth(SERVER, { clientName: "Acme", defaultAudience: "aud", responseType: "code" });

  test("a field and a secret that are not named stay", async () => {
    const saved = succeeded(await create());
    const updated = succeeded(await oauthDriver.update(saved, { clientId: "other" }, CONTEXT, deps));
    expect(updated.secrets).toEqual(saved.secrets);
    expect(oauthDriver.redact(updated.config, [])).toMatchObject({ clientId: "other", clientName: "Acme" });
  });

  test("empty text removes a field, an override and a secret", async () => {
    const saved = succeeded(await create());
    const data = {
      defaultAudience: "",
      responseType: "",
      clientSecret: "",
      tokenEndpointAuthMethod: "none",
      serverConfig: { authorization_endpoint: "" },
    };
    const updated = succeeded(await oauthDriver.update(saved, data, CONTEXT, deps));
    expect(updated.secrets).toEqual({});
    const shown = oauthDriver.redact(updated.config, Object.keys(updated.secrets));
    for (const gone of ["defaultAudience", "responseType", "clientSecret"]) expect(shown).not.toHaveProperty(gone);
    expect(shown.serverConfig).toEqual({ issuer: SERVER.issuer, token_endpoint: SERVER.token_endpoint });
  });

  test("naming one member of a grant's settings leaves the others", async () => {
    const saved = succeeded(await createOAuth(SERVER, { clientCredentials: { enabled: true, scopes: ["a"] } }));
    const updated = succeeded(
      await oauthDriver.update(saved, { clientCredentials: { enabled: false } }, CONTEXT, deps),
    );
    expect(oauthDriver.redact(updated.config, []).clientCredentials).toEqual({ enabled: false, scopes: ["a"] });
  });

  test("maps are replaced as a whole, so that a member can go away", async () => {
    const saved = succeeded(await createOAuth(SERVER, { authorizationUrlParams: { a: "1", b: "2" } }));
    const updated = succeeded(await oauthDriver.update(saved, { authorizationUrlParams: { b: "3" } }, CONTEXT, deps));
    expect(oauthDriver.redact(updated.config, []).authorizationUrlParams).toEqual({ b: "3" });
  });

  test("a key pair outlives updates, and goes when assertions are no longer used", async () => {
    const saved = succeeded(await createOAuth(SERVER, { tokenEndpointAuthMethod: "private_key_jwt" }));
    const kept = succeeded(await oauthDriver.update(saved, { clientName: "n" }, CONTEXT, deps));
    expect(oauthDriver.publicKeys(kept.config)).toEqual(oauthDriver.publicKeys(saved.config));
    expect(kept.secrets.clientPrivateKey).toBe(saved.secrets.clientPrivateKey);
    const data = { tokenEndpointAuthMethod: "client_secret_post" };
    const dropped = succeeded(await oauthDriver.update(kept, data, CONTEXT, deps));
    expect(oauthDriver.publicKeys(dropped.config)).toEqual([]);
    expect(Object.keys(dropped.secrets)).toEqual(["clientSecret"]);
  });

  test("the client id cannot be removed", async () => {
    const saved = succeeded(await create());
    expect(failed(await oauthDriver.update(saved, { clientId: "" }, CONTEXT, deps)).message).toContain("data.clientId");
  });
});

describe("what a connector can do", () => {
  test("app with client credentials, user with user authorization, revocation with its endpoint", async () => {
    const none = succeeded(await createOAuth(SERVER, { clientCredentials: { enabled: false } }));
    expect(oauthDriver.capabilities(none.config)).toMatchObject({
      supportedSubjectTypes: [],
      supportsRevocation: false,
      partition: "environment",
    });
    const both = succeeded(
      await createOAuth(
        { ...SERVER, revocation_endpoint: "https://as.example.com/revoke" },
        { clientCredentials: { enabled: true, scopes: ["a"] }, userAuthorization: { enabled: true } },
      ),
    );
    expect(oauthDriver.capabilities(both.config)).toMatchObject({
      supportedSubjectTypes: ["app", "user"],
      supportsRevocation: true,
      appTokens: { scopes: ["a"], supportsResources: true, supportsRefinement: true, crossInstallation: false },
    });
    expect(oauthDriver.service(both.config)).toBe("as.example.com");
  });

  test("a stored configuration that no driver saved is not used", () => {
    expect(() => oauthDriver.capabilities({ settings: {} })).toThrow();
    expect(() => oauthDriver.capabilities(null)).toThrow();
  });
});
