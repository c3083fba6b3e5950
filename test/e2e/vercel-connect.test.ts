import {
  ConnectError,
  ConnectorInstallationRequiredError,
  deleteTokenCacheEntry,
  getConnectorMetadata,
  getToken,
  getTokenResponse,
  NoValidTokenError,
  revokeToken,
  startAuthorization,
  UserAuthorizationRequiredError,
} from "@vercel/connect";
import { ConsentRequiredError, connectAuthProvider, getConsentChallenge } from "@vercel/connect/mcp";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { agree } from "../../scripts/demo/agree.ts";
import { SmallBrowser } from "../../scripts/demo/small-browser.ts";
import { type App, startApp } from "./app.ts";
import { tokenResponse } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { oauthData, setUpTeam, type Team } from "./team.ts";
import { connectUsers, type UserConnector } from "./users.ts";
import { installedVersion, routeVercelApi } from "./vercel-route.ts";

// The unmodified package: it does not know of us, and only the origin of its requests is rewritten.

let server: Server;
let team: Team;
let route: ReturnType<typeof routeVercelApi>;
let vercelToken: string;

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
  route = routeVercelApi(server.origin);
  vercelToken = await team.workloadToken();
});
beforeEach(() => {
  route.requests.length = 0;
});
afterAll(async () => {
  route?.restore();
  await server?.stop();
});

const app = { subject: { type: "app" } } as const;

/** What a call was refused with. */
async function refused(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => expect.fail("the call was not refused"),
    (error: unknown) => error,
  );
}

test("the installed package is the version that is claimed", async () => {
  expect(await installedVersion("@vercel/connect")).toBe("2.3.2");
});

test("getToken: a token that the upstream accepts, then from the package's own memory", async () => {
  const connector = team.oauth.client_secret_basic;
  const token = await getToken(connector, app, { vercelToken });
  expect(await team.introspect(token)).toMatchObject({ active: true, scope: "reports:read" });
  expect(await getToken(connector, app, { vercelToken })).toBe(token);
  expect(route.requests).toEqual([
    { method: "POST", path: `/v1/connect/token/${encodeURIComponent(connector)}`, status: 200 },
  ]);
});

test("getTokenResponse: every field of the contract, asked past the package's memory", async () => {
  const connector = team.oauth.client_secret_post;
  const first = await getTokenResponse(connector, app, { vercelToken });
  tokenResponse.parse(first);
  expect(first.connector).toMatchObject({ uid: connector, type: "oauth" });
  expect(first.expiresAt).toBeGreaterThan(Date.now());
  expect(await getTokenResponse(connector, app, { vercelToken, forceRefresh: true })).toEqual(first);
  deleteTokenCacheEntry(connector, app);
  expect(await getTokenResponse(connector, app, { vercelToken })).toEqual(first);
  expect(route.requests).toHaveLength(3);
});

test("a workload token from the environment serves as well", async () => {
  process.env.VERCEL_OIDC_TOKEN = vercelToken;
  try {
    expect(await getToken(team.apiKey, app)).toBe(team.apiKeyValue);
  } finally {
    delete process.env.VERCEL_OIDC_TOKEN;
  }
});

test("scopes and resources narrow the token", async () => {
  const params = { ...app, scopes: ["reports:write"], resources: ["https://reports.example.com"] };
  const issued = await getTokenResponse(team.oauth.client_secret_basic, params, { vercelToken });
  expect(issued).toMatchObject({ scopes: ["reports:write"], resources: ["https://reports.example.com"] });
});

test("getConnectorMetadata: of a connector that is linked to the workload's project", async () => {
  const metadata = await getConnectorMetadata(team.oauth.private_key_jwt, { vercelToken });
  expect(metadata).toMatchObject({ uid: team.oauth.private_key_jwt, type: "oauth", service: "127.0.0.1" });
  expect(metadata.createdAt).toBeTypeOf("number");
  expect(metadata.vendor).toMatchObject({ clientId: "reports-key" });
});

test("revokeToken: the upstream no longer accepts the token, and the next one is another", async () => {
  const connector = team.oauth.client_secret_basic;
  const token = await getToken(connector, app, { vercelToken });
  await revokeToken(connector, app, { vercelToken });
  expect(await team.introspect(token)).toEqual({ active: false });
  // An edge may serve its copy until the lease ends; `no-cache` is what a caller sends who cannot wait.
  const fresh = await team.askForToken(connector, vercelToken, app, { "cache-control": "no-cache" });
  expect(await getToken(connector, app, { vercelToken })).toBe(fresh.body.token);
  expect(fresh.body.token).not.toBe(token);
});

test("NoValidTokenError: the connector's only value has expired", async () => {
  const values = [{ value: "an-expired-value", expiresAt: Date.now() - 1000 }];
  const uid = await team.createConnector({ type: "api-key", uid: "routed/expired", name: "Expired", data: { values } });
  await team.link(uid, "linked", { environments: ["production"] });
  const error = await refused(getToken(uid, app, { vercelToken }));
  expect(error).toBeInstanceOf(NoValidTokenError);
  expect(error).toMatchObject({ code: "no_token", status: 422 });
});

test("UserAuthorizationRequiredError: a user who has not consented", async () => {
  const data = { ...oauthData(server, "client_secret_basic"), userAuthorization: { enabled: true } };
  const uid = await team.createConnector({ type: "oauth", uid: "routed/users", name: "Users", data });
  await team.link(uid, "linked", { environments: ["production"] });
  const error = await refused(getToken(uid, { subject: { type: "user", id: "alice" } }, { vercelToken }));
  expect(error).toBeInstanceOf(UserAuthorizationRequiredError);
  expect(error).toMatchObject({ code: "user_authorization_required", status: 422 });
});

test("ConnectorInstallationRequiredError: an installation that there is not", async () => {
  const params = { ...app, installationId: "ins_none" };
  const error = await refused(getToken(team.oauth.client_secret_basic, params, { vercelToken }));
  expect(error).toBeInstanceOf(ConnectorInstallationRequiredError);
  expect(error).toMatchObject({ code: "client_installation_required", status: 422 });
});

test("ConnectError 404: a connector without a link to the workload's project", async () => {
  const stranger = await team.workloadToken({ project: "unlinked" });
  for (const call of [
    () => getToken(team.oauth.client_secret_basic, { ...app, validityBufferMs: 1 }, { vercelToken: stranger }),
    () => getConnectorMetadata(team.oauth.client_secret_basic, { vercelToken: stranger }),
    () => revokeToken(team.oauth.client_secret_basic, app, { vercelToken: stranger }),
  ]) {
    const error = await refused(call());
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ code: "not_found", status: 404 });
  }
});

test("ConnectError 403: a link for another environment, in the words that clients match", async () => {
  const preview = await team.workloadToken({ environment: "preview" });
  for (const call of [
    () => getToken(team.oauth.client_secret_basic, { ...app, validityBufferMs: 2 }, { vercelToken: preview }),
    () => getConnectorMetadata(team.oauth.client_secret_basic, { vercelToken: preview }),
    () => revokeToken(team.oauth.client_secret_basic, app, { vercelToken: preview }),
  ]) {
    const error = await refused(call());
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({
      code: "forbidden",
      status: 403,
      message: expect.stringMatching(/connector is not linked to this project/),
    });
  }
});

test("ConnectError 401: a token that nobody issued", async () => {
  const error = await refused(getToken(team.apiKey, { ...app, validityBufferMs: 3 }, { vercelToken: "vk_nobody" }));
  expect(error).toBeInstanceOf(ConnectError);
  expect(error).toMatchObject({ status: 401 });
});

test("the mcp entry point hands a token to an MCP client", async () => {
  const provider = connectAuthProvider(team.oauth.client_secret_post, app, { vercelToken: () => vercelToken });
  const tokens = await provider.tokens();
  expect(tokens).toMatchObject({ token_type: "Bearer", expires_in: expect.any(Number) });
  expect(await team.introspect(tokens?.access_token ?? "")).toMatchObject({ active: true });
});

test("the mcp entry point passes a missing installation on as what it is", async () => {
  const params = { ...app, installationId: "ins_none" };
  const provider = connectAuthProvider(team.oauth.client_secret_post, params, { vercelToken });
  expect(await refused(Promise.resolve(provider.tokens()))).toBeInstanceOf(ConnectorInstallationRequiredError);
});

// The package knows of no completion step, so it needs a connector that is content with less.
describe("a connector with the minimum binding confirm", () => {
  let callbackApp: App;
  let connector: UserConnector;
  const user = (id: string) => ({ subject: { type: "user", id } }) as const;

  beforeAll(async () => {
    callbackApp = await startApp();
    connector = await connectUsers(team, callbackApp, "routed/people", { connector: { minimumBinding: "confirm" } });
  });
  afterAll(() => callbackApp?.stop());

  test("startAuthorization, the user's consent, getToken: a token that acts for that user", async () => {
    const ada = user("ada");
    expect(await refused(getToken(connector.uid, ada, { vercelToken }))).toBeInstanceOf(UserAuthorizationRequiredError);
    const before = Date.now();
    const started = await startAuthorization(connector.uid, ada, {
      vercelToken,
      callbackUrl: callbackApp.returnUrl,
      expiresInMs: 300_000,
    });
    expect(started).toEqual({
      request: expect.stringMatching(/^sca_/),
      verifier: expect.any(String),
      url: expect.stringMatching(/^http/),
      expiresAt: expect.any(Number),
      connector: expect.objectContaining({
        id: connector.id,
        uid: connector.uid,
        type: "oauth",
        name: expect.any(String),
      }),
    });
    expect(started.expiresAt).toBeGreaterThanOrEqual(before + 300_000);
    const page = await agree(new SmallBrowser(), started.url, "ada");
    expect(page.url.origin).toBe(callbackApp.origin);
    const issued = await getTokenResponse(connector.uid, ada, { vercelToken });
    tokenResponse.parse(issued);
    expect(issued.externalSubject).toBe("ada");
    const headers = { authorization: `Bearer ${issued.token}` };
    const reports = await fetch(`${server.provider.issuer}/reports`, { headers });
    expect(await reports.json()).toMatchObject({ user: "ada" });
  });

  test("without a callback URL the user is told on our own page that it is done", async () => {
    const { url } = await startAuthorization(connector.uid, user("grace"), { vercelToken });
    const page = await agree(new SmallBrowser(), url, "grace");
    expect(page.url.origin).toBe(server.origin);
    expect(page.html).toContain("is connected");
    expect(await getToken(connector.uid, user("grace"), { vercelToken })).toEqual(expect.any(String));
  });

  test("deviceCode is no error: the answer has none, and its URL works", async () => {
    const started = await startAuthorization(connector.uid, user("alan"), { vercelToken, deviceCode: true });
    expect(started.deviceCode).toBeUndefined();
    await agree(new SmallBrowser(), started.url, "alan");
    expect(await getToken(connector.uid, user("alan"), { vercelToken })).toEqual(expect.any(String));
  });

  test("the mcp entry point raises its consent error, and hands out the token once the user agreed", async () => {
    const edsger = user("edsger");
    const provider = connectAuthProvider(connector.uid, edsger, { vercelToken, redirectUrl: callbackApp.returnUrl });
    expect(await provider.tokens()).toBeUndefined();
    const error = await refused(Promise.resolve(provider.redirectToAuthorization(new URL("https://mcp.example.com"))));
    expect(error).toBeInstanceOf(ConsentRequiredError);
    const challenge = getConsentChallenge(error);
    expect(challenge).toMatchObject({ connector: connector.uid, subject: edsger.subject });
    await agree(new SmallBrowser(), challenge?.url ?? "", "edsger");
    expect(await provider.tokens()).toMatchObject({ access_token: expect.any(String), token_type: "Bearer" });
  });
});

test("startAuthorization on a connector that wants the completion step is refused with the setting's name", async () => {
  const elsewhere = { origin: "https://app.example.com" };
  const { uid } = await connectUsers(team, elsewhere, "routed/strict");
  const start = startAuthorization(uid, { subject: { type: "user", id: "ada" } }, { vercelToken });
  expect(await refused(start)).toMatchObject({
    code: "return_url_required",
    status: 400,
    message: expect.stringContaining("minimumBinding"),
  });
});
