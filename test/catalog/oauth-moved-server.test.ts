import { describe, expect, test } from "vitest";
import type { SplitConfig } from "../../src/catalog/driver.ts";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { CLIENT_SECRET, CONTEXT, createOAuth, deps, failed, publishing, succeeded } from "./support.ts";

const AS = "https://as.example.com";
const EVIL = "https://evil.example.net";
const SERVER = { issuer: AS, token_endpoint: `${AS}/token`, revocation_endpoint: `${AS}/revoke` };

const created = async (extra: Record<string, unknown> = {}) => succeeded(await createOAuth(SERVER, extra));
const update = (saved: SplitConfig<unknown>, data: Record<string, unknown>, provider = deps) =>
  oauthDriver.update(saved, data, CONTEXT, provider);

/** What another origin, or another issuer, would receive the stored secret through. */
const MOVES: [name: string, serverConfig: Record<string, unknown>][] = [
  ["the token endpoint", { token_endpoint: `${EVIL}/token` }],
  ["the token endpoint's port", { token_endpoint: "https://127.0.0.1:9999/token" }],
  ["the revocation endpoint", { revocation_endpoint: `${EVIL}/revoke` }],
  ["an introspection endpoint", { introspection_endpoint: `${EVIL}/introspect` }],
  ["a device authorization endpoint", { device_authorization_endpoint: `${EVIL}/device` }],
  ["a pushed authorization request endpoint", { pushed_authorization_request_endpoint: `${EVIL}/par` }],
  ["the issuer", { issuer: `${AS}/other-tenant` }],
  ["no issuer at all", { issuer: "" }],
];

describe("U-14 a stored client secret", () => {
  test.for(MOVES)("does not follow an update of %s", async ([, serverConfig]) => {
    const failure = failed(await update(await created(), { serverConfig }));
    expect(failure.code).toBe("invalid_config");
    expect(failure.message).toContain("data.clientSecret");
    expect(JSON.stringify(failure)).not.toContain(CLIENT_SECRET);
  });

  test.for(MOVES)("may be replaced by another in the update of %s", async ([, serverConfig]) => {
    const saved = succeeded(await update(await created(), { serverConfig, clientSecret: "of the new server" }));
    expect(saved.secrets).toEqual({ clientSecret: "of the new server" });
  });

  test.for(MOVES)("may be removed in the update of %s", async ([, serverConfig]) => {
    const data = { serverConfig, clientSecret: "", tokenEndpointAuthMethod: "none" };
    expect(succeeded(await update(await created(), data)).secrets).toEqual({});
  });

  test("does not follow a serverUrl to what another issuer publishes", async () => {
    const provider = publishing({
      [`${AS}/.well-known/oauth-authorization-server`]: SERVER,
      [`${EVIL}/.well-known/oauth-authorization-server`]: { issuer: EVIL, token_endpoint: `${EVIL}/token` },
    });
    const data = {
      clientId: "client",
      clientSecret: CLIENT_SECRET,
      serverUrl: AS,
      clientCredentials: { enabled: true },
    };
    const saved = succeeded(await oauthDriver.create(data, CONTEXT, provider));
    expect(failed(await update(saved, { serverUrl: EVIL }, provider)).code).toBe("invalid_config");
    expect(succeeded(await update(saved, { serverUrl: EVIL, clientSecret: "new" }, provider)).secrets).toEqual({
      clientSecret: "new",
    });
  });

  test("does not follow a token endpoint that surfaces when its override is removed", async () => {
    const provider = publishing({
      [`${EVIL}/.well-known/oauth-authorization-server`]: { issuer: EVIL, token_endpoint: `${EVIL}/token` },
    });
    const data = {
      clientId: "client",
      clientSecret: CLIENT_SECRET,
      serverUrl: EVIL,
      serverConfig: { token_endpoint: `${AS}/token` },
      clientCredentials: { enabled: true },
    };
    const saved = succeeded(await oauthDriver.create(data, CONTEXT, provider));
    const failure = failed(await update(saved, { serverConfig: { token_endpoint: "" } }, provider));
    expect(failure.code).toBe("invalid_config");
  });

  test("stays through updates that keep its server: another path, another endpoint, a first issuer", async () => {
    const saved = succeeded(await createOAuth({ token_endpoint: `${AS}/token` }));
    const serverConfig = { issuer: AS, token_endpoint: `${AS}/v2/token`, revocation_endpoint: `${AS}/revoke` };
    expect(succeeded(await update(saved, { serverConfig })).secrets).toEqual({ clientSecret: CLIENT_SECRET });
  });

  test("is no concern of an endpoint where nobody authenticates", async () => {
    const serverConfig = { authorization_endpoint: "https://login.example.org/authorize" };
    expect(succeeded(await update(await created(), { serverConfig })).secrets).toEqual({ clientSecret: CLIENT_SECRET });
  });
});

describe("B-13 a key pair that signs assertions", () => {
  const KEYED = { tokenEndpointAuthMethod: "private_key_jwt", clientSecret: "" };

  test("is not carried to another issuer: a fresh one takes its place", async () => {
    const saved = await created(KEYED);
    const moved = succeeded(await update(saved, { serverConfig: { issuer: EVIL, token_endpoint: `${EVIL}/token` } }));
    expect(moved.secrets.clientPrivateKey).toBeTypeOf("string");
    expect(moved.secrets.clientPrivateKey).not.toBe(saved.secrets.clientPrivateKey);
    const [oldKey] = oauthDriver.publicKeys(saved.config);
    const [newKey] = oauthDriver.publicKeys(moved.config);
    expect(newKey?.kid).toBeTypeOf("string");
    expect(newKey?.kid).not.toBe(oldKey?.kid);
  });

  test("stays with its issuer", async () => {
    const saved = await created(KEYED);
    const kept = succeeded(await update(saved, { serverConfig: { token_endpoint: `${AS}/v2/token` } }));
    expect(kept.secrets).toEqual(saved.secrets);
  });
});

describe("U-14 the provider that issued tokens is another one", () => {
  const provider = async (serverConfig: Record<string, unknown>) =>
    oauthDriver.provider(succeeded(await createOAuth(serverConfig)).config);

  test("when the issuer is, or the origin where tokens would be sent to be revoked", async () => {
    const before = await provider(SERVER);
    expect(await provider({ ...SERVER, issuer: `${AS}/other-tenant` })).not.toBe(before);
    expect(await provider({ ...SERVER, revocation_endpoint: `${EVIL}/revoke` })).not.toBe(before);
    const both = { token_endpoint: `${EVIL}/token`, revocation_endpoint: `${EVIL}/revoke` };
    expect(await provider({ ...SERVER, ...both })).not.toBe(before);
    const nameless = { token_endpoint: `${AS}/token`, revocation_endpoint: `${AS}/revoke` };
    expect(await provider({ ...nameless, token_endpoint: `${EVIL}/token` })).not.toBe(await provider(nameless));
  });

  test("but not when a path is, or a revocation endpoint is named at the issuer's own origin", async () => {
    const before = await provider(SERVER);
    expect(await provider({ ...SERVER, token_endpoint: `${AS}/v2/token` })).toBe(before);
    expect(await provider({ issuer: AS, token_endpoint: `${AS}/token` })).toBe(before);
  });
});
