import { describe, expect, test } from "vitest";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { CONTEXT, createOAuth, DEFAULTS, deps, failed, succeeded } from "./support.ts";
import { ISSUER, SERVER, userConnector } from "./user-support.ts";

describe("how users authorize", () => {
  test("not at all unless the operator enabled it", async () => {
    const none = succeeded(await createOAuth(SERVER));
    const off = succeeded(await createOAuth(SERVER, { userAuthorization: { enabled: false, scopes: ["a"] } }));
    for (const { config } of [none, off]) expect(oauthDriver.userAuthorization(config)).toBeNull();
  });

  test("what nobody told is assumed to be the worst that is common", async () => {
    const { config } = await userConnector();
    expect(oauthDriver.userAuthorization(config)).toEqual({
      kind: "redirect",
      policy: { rotation: "strict", oldAccessTokenDies: false, revocationScope: "grant", codeLifetimeMs: 60_000 },
      issuer: ISSUER,
      sendsIssuer: false,
    });
  });

  test("the operator's facts about the provider are taken", async () => {
    const told = { rotation: "stable", oldAccessTokenDies: true, revocationScope: "token", codeLifetimeSeconds: 600 };
    const { config } = await userConnector({}, { grantPolicy: told });
    expect(oauthDriver.userAuthorization(config)).toMatchObject({
      policy: { rotation: "stable", oldAccessTokenDies: true, revocationScope: "token", codeLifetimeMs: 600_000 },
    });
    expect(oauthDriver.redact(config, []).grantPolicy).toEqual(told);
  });

  test("a fact is changed by itself, and empty text takes it back", async () => {
    const saved = succeeded(await createOAuth(SERVER, { grantPolicy: { rotation: "grace", codeLifetimeSeconds: 30 } }));
    const update = async (grantPolicy: object) =>
      succeeded(await oauthDriver.update(saved, { grantPolicy }, CONTEXT, deps)).config;
    expect(oauthDriver.redact(await update({ rotation: "stable" }), []).grantPolicy).toEqual({
      rotation: "stable",
      codeLifetimeSeconds: 30,
    });
    expect(oauthDriver.redact(await update({ rotation: "" }), []).grantPolicy).toEqual({ codeLifetimeSeconds: 30 });
  });

  test.for([
    { rotation: "none" },
    { revocationScope: "all" },
    { codeLifetimeSeconds: 9 },
    { codeLifetimeSeconds: 601 },
  ])("%j is no fact", async (grantPolicy) => {
    const failure = failed(await createOAuth(SERVER, { grantPolicy }));
    expect([failure.code, failure.message]).toEqual([
      "invalid_config",
      expect.stringContaining(`data.grantPolicy.${Object.keys(grantPolicy)[0]}`),
    ]);
  });

  test("A-05 whether answers name their issuer is what the metadata says, and unknown means no", async () => {
    for (const [server, sendsIssuer] of [
      [{ authorization_response_iss_parameter_supported: true }, true],
      [{ authorization_response_iss_parameter_supported: false }, false],
      [{}, false],
    ] as const) {
      expect(oauthDriver.userAuthorization((await userConnector(server)).config)).toMatchObject({ sendsIssuer });
    }
  });

  test("A-05 the issuer is the one of the configuration, byte for byte, or unknown", async () => {
    const issuer = "https://AS.example.com:443/";
    expect(oauthDriver.userAuthorization((await userConnector({ issuer })).config)).toMatchObject({ issuer });
    expect(oauthDriver.userAuthorization((await userConnector({ issuer: "" })).config)).toMatchObject({ issuer: null });
  });
});

describe("where a refresh ends the access token before it", () => {
  const connector = () =>
    userConnector(
      {},
      {
        userAuthorization: { enabled: true, scopes: ["b", "a"] },
        clientCredentials: { enabled: true, scopes: ["a", "b"] },
        defaultAudience: "api",
        grantPolicy: { oldAccessTokenDies: true },
      },
    );
  const resolve = async (group: Partial<typeof DEFAULTS>, subject: "user" | "app" = "user") =>
    oauthDriver.resolveGroup((await connector()).config, subject, { ...DEFAULTS, ...group });

  test("users' tokens cannot be narrowed, and the connector says so", async () => {
    const { userTokens, appTokens } = oauthDriver.capabilities((await connector()).config);
    expect(userTokens).toMatchObject({ supportsRefinement: false, supportsResources: false, scopes: ["b", "a"] });
    expect(appTokens).toMatchObject({ supportsRefinement: true, supportsResources: true });
  });

  test("C-08 the one token has the default scopes, however they are asked for", async () => {
    for (const scopes of [[], ["*"], ["b", "a", "a"]]) {
      expect(succeeded(await resolve({ scopes }))).toMatchObject({ scopes: ["a", "b"], audience: ["api"] });
    }
    expect((await resolve({ audience: ["api"] })).ok).toBe(true);
  });

  test.for([{ scopes: ["a"] }, { scopes: ["a", "b", "c"] }, { scopes: ["c"] }])(
    "C-08 %j would need a second token",
    async (group) => {
      expect(failed(await resolve(group)).code).toBe("invalid_scope");
    },
  );

  test.for([{ resources: ["urn:a"] }, { audience: ["other"] }, { authorizationDetails: [{ type: "files" }] }])(
    "so would %j",
    async (group) => {
      expect(failed(await resolve(group)).code).toBe("invalid_target");
    },
  );

  test("the app's own tokens are free of it", async () => {
    expect(succeeded(await resolve({ scopes: ["a"], resources: ["urn:a"] }, "app")).scopes).toEqual(["a"]);
  });
});
