import { describe, expect, test } from "vitest";
import type { DriverDeps } from "../../src/catalog/driver.ts";
import { authorizationUrl } from "../../src/catalog/oauth/authorization-url.ts";
import { type OAuthConfig, oauthConfig } from "../../src/catalog/oauth/config.ts";
import { mintByClientCredentials } from "../../src/catalog/oauth/token-request.ts";
import { exchangeCode, refreshTokens } from "../../src/catalog/oauth/user-grant.ts";
import { type ProviderPolicy, USUAL_POLICY } from "../../src/catalog/provider-policy.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { createGuardedFetch } from "../../src/outbound/guarded-fetch.ts";
import { DEFAULTS, deps, failed, NOW, noInstallation, succeeded } from "./support.ts";

/** A client of a provider with that policy, and what it sends there. */
function client(policy: Partial<ProviderPolicy>, answer: unknown, settings: Partial<OAuthConfig["settings"]> = {}) {
  const sent: { type: string | null; body: string }[] = [];
  const provider = async (_url: RequestInfo | URL, init?: RequestInit) => {
    sent.push({ type: new Headers(init?.headers).get("content-type"), body: String(init?.body) });
    return Response.json(answer);
  };
  const config: OAuthConfig = {
    settings: { clientId: "client", pkceRequired: false, ...settings },
    discovered: {
      authorization_endpoint: "https://as.example.com/authorize",
      token_endpoint: "https://as.example.com/token",
    },
    clientAuth: { method: "client_secret_post", key: null, jwksUri: null },
    policy: { ...USUAL_POLICY, ...policy },
  };
  const secrets = { clientSecret: Secret.of("s3cret") };
  const own: DriverDeps = { ...deps, fetch: createGuardedFetch({ fetch: provider, policy: deps.urlPolicy }) };
  return { sent, deps: own, connector: { config, secrets, connectorId: "scl_test" } };
}

type Client = ReturnType<typeof client>;
const GROUP = { ...DEFAULTS, scopes: ["read", "write"] };
const code = {
  code: Secret.of("code-1"),
  codeVerifier: Secret.of("v"),
  redirectUri: "https://us.example.com",
  nonce: "n",
};
const exchange = ({ connector, deps: own }: Client) => exchangeCode({ ...connector, ...code, group: GROUP }, own);
const refresh = ({ connector, deps: own }: Client) =>
  refreshTokens(
    {
      ...connector,
      refreshToken: Secret.of("rt"),
      group: GROUP,
      narrow: true,
      grantedScopes: ["read", "write", "admin"],
      externalSubject: null,
    },
    own,
  );
const mint = ({ connector, deps: own }: Client) =>
  mintByClientCredentials({ ...connector, ...noInstallation, group: GROUP }, own);
const setOut = ({ connector, deps: own }: Client) => {
  const request = { redirectUri: "https://us.example.com", state: "state-1", codeChallenge: "c", nonce: "nonce-1" };
  return authorizationUrl({ ...connector, ...request, group: GROUP, prompt: null, additionalParams: {} }, own);
};

const TOKEN = { access_token: "at", token_type: "Bearer" };

describe("a provider that separates scopes by commas", () => {
  const policy = { scopeSeparator: "," } as const;

  test("is asked so, and its answers are read so", async () => {
    const own = client(policy, { ...TOKEN, scope: "write,read" });
    expect(succeeded(await mint(own)).scopes).toEqual(["read", "write"]);
    expect(succeeded(await refresh(own)).scopes).toEqual(["read", "write"]);
    for (const { body } of own.sent) expect(new URLSearchParams(body).get("scope")).toBe("read,write");
  });

  test("is asked so in the user's browser", async () => {
    const url = succeeded(await setOut(client(policy, {})));
    expect(new URL(url).searchParams.get("scope")).toBe("read,write");
  });
});

describe("a provider that wants token requests as JSON", () => {
  test("gets them so, credentials and all, from every grant", async () => {
    const own = client({ tokenRequestBody: "json" }, TOKEN);
    for (const ask of [mint, exchange, refresh]) succeeded(await ask(own));
    expect(own.sent.map(({ type }) => type)).toEqual(Array.from({ length: 3 }, () => "application/json"));
    expect(JSON.parse(own.sent[1]?.body ?? "")).toMatchObject({
      grant_type: "authorization_code",
      code: "code-1",
      client_id: "client",
      client_secret: "s3cret",
    });
  });

  test("is nobody else", async () => {
    const own = client({}, TOKEN);
    succeeded(await exchange(own));
    expect(own.sent[0]?.type).toContain("application/x-www-form-urlencoded");
  });
});

describe("a provider whose answers have other members", () => {
  const answerMembers = { access_token: "/authed_user/access_token", refresh_token: "/authed_user/refresh~1token" };

  test("is understood by where they are", async () => {
    const authed_user = { access_token: "user-token", "refresh/token": "rt-2" };
    const own = client({ answerMembers }, { ok: true, access_token: "bot-token", token_type: "bearer", authed_user });
    const issued = succeeded(await exchange(own));
    expect([issued.accessToken.expose(), issued.refreshToken?.expose()]).toEqual(["user-token", "rt-2"]);
  });

  test.for([{}, { authed_user: null }, { authed_user: "text" }, { authed_user: { access_token: 1 } }])(
    "is not understood by others: %j",
    async (answer) => {
      const own = client({ answerMembers }, { ...TOKEN, ...answer });
      expect(failed(await exchange(own)).code).toBe("upstream_invalid_response");
    },
  );
});

test("a token whose lifetime is not told lives as long as the provider's do, unless the operator knows better", async () => {
  const lives = async (settings: Partial<OAuthConfig["settings"]>) =>
    (succeeded(await mint(client({ accessTokenLifetimeS: 120 }, TOKEN, settings))).expiresAtMs ?? 0) - NOW;
  expect(await lives({})).toBe(120_000);
  expect(await lives({ defaultTokenExpiresIn: 60 })).toBe(60_000);
});

test("only the errors that a provider's policy lists are final", async () => {
  const refused = async (error: string) =>
    failed(await refresh(client({ finalErrors: { gone: "refresh token" } }, { error }))).code;
  expect([await refused("gone"), await refused("invalid_grant"), await refused("constructor")]).toEqual([
    "upstream_grant_refused",
    "upstream_rejected",
    "upstream_rejected",
  ]);
});

test("and so is what it says of the client, wherever that authenticates", async () => {
  const serverConfig = { pushed_authorization_request_endpoint: "https://as.example.com/par" };
  const refused = async (error: string) =>
    failed(await setOut(client({ finalErrors: { no_such_app: "client" } }, { error }, { serverConfig }))).code;
  expect([await refused("no_such_app"), await refused("invalid_client")]).toEqual([
    "upstream_invalid_client",
    "upstream_rejected",
  ]);
});

test("a policy is never stored", () => {
  const { connector } = client({}, {});
  expect(oauthConfig.parse(connector.config)).not.toHaveProperty("policy");
});
