import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { tokenResponse } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";

// Our own client as others get it: built, and found through the package's exports.
const built = import.meta.resolve("valetkey");
const { createConnectClient, ...sdk }: typeof import("valetkey") = await import(built);

let server: Server;
let team: Team;
let workload: string;
/** Status of each request that the client made. */
const statuses: number[] = [];

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
  workload = await team.workloadToken();
});
beforeEach(() => {
  statuses.length = 0;
});
afterAll(() => server?.stop());

const app = { subject: { type: "app" } } as const;

function clientFor(credential: string | (() => string | Promise<string>), fetcher = globalThis.fetch) {
  return createConnectClient({
    baseUrl: server.origin,
    credential,
    fetch: async (url, init) => {
      const response = await fetcher(url, init);
      statuses.push(response.status);
      return response;
    },
  });
}

async function refused(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => expect.fail("the call was not refused"),
    (error: unknown) => error,
  );
}

test("what is tested is the build, and nothing of the Worker is in it", () => {
  const path = fileURLToPath(built);
  expect(path).toMatch(/dist[/\\]sdk[/\\]index\.js$/);
  expect(existsSync(path)).toBe(true);
});

describe("tokens", () => {
  test("a token that the upstream accepts, then from memory, then past it", async () => {
    const client = clientFor(workload);
    const first = await client.getTokenResponse(team.oauth.client_secret_basic, app);
    tokenResponse.parse(first);
    expect(await team.introspect(first.token)).toMatchObject({ active: true });
    expect(await client.getToken(team.oauth.client_secret_basic, app)).toBe(first.token);
    expect(statuses).toEqual([200]);
    expect(await client.getToken(team.oauth.client_secret_basic, app, { forceRefresh: true })).toBe(first.token);
    expect(statuses).toEqual([200, 200]);
    client.deleteTokenCacheEntry(team.oauth.client_secret_basic, app);
    await client.getToken(team.oauth.client_secret_basic, app);
    expect(statuses).toHaveLength(3);
  });

  test("callers of the same moment share one request", async () => {
    const client = clientFor(workload);
    const ask = () => client.getToken(team.oauth.client_secret_post, app);
    expect(new Set(await Promise.all(Array.from({ length: 50 }, ask))).size).toBe(1);
    expect(statuses).toEqual([200]);
  });

  test("a credential that is a function is asked when it is needed", async () => {
    const client = clientFor(() => team.workloadToken());
    expect(await client.getToken(team.apiKey, app)).toBe(team.apiKeyValue);
  });

  test("a token of a moment ago is not replaced at a caller's word", async () => {
    const connector = await team.freshConnector("sdk/rejected");
    const client = clientFor(workload);
    const first = await client.getTokenResponse(connector, app);
    const before = server.provider.requests().tokenRequests;
    const second = await client.getTokenResponse(connector, { ...app, rejectedTokenId: first.tokenId });
    expect(second.token).toBe(first.token);
    expect(statuses).toEqual([200, 200]);
    expect(server.provider.requests().tokenRequests).toBe(before);
  });

  test("the module's own functions take their settings from the environment", async () => {
    process.env.VALETKEY_URL = server.origin;
    process.env.VALETKEY_TOKEN = workload;
    try {
      sdk.configure();
      expect(await sdk.getToken(team.apiKey, app)).toBe(team.apiKeyValue);
      expect(await sdk.getConnectorMetadata(team.apiKey)).toMatchObject({ uid: team.apiKey, type: "api-key" });
    } finally {
      delete process.env.VALETKEY_URL;
      delete process.env.VALETKEY_TOKEN;
    }
  });
});

test("revoking reaches the upstream, and the client forgets what it held", async () => {
  const client = clientFor(workload);
  const connector = await team.freshConnector("sdk/revoked");
  const token = await client.getToken(connector, app);
  const report = await client.revokeToken(connector, app);
  expect(report).toMatchObject({ tokensFound: 1, deleted: 1, providerRevoked: 1, local: "revoked", upstream: "done" });
  expect(report.effectiveBy).toBeGreaterThan(Date.now());
  expect(await team.introspect(token)).toEqual({ active: false });
  expect(await client.getToken(connector, app)).not.toBe(token);
});

describe("errors", () => {
  test("have the class of their code", async () => {
    const values = [{ value: "an-expired-value", expiresAt: Date.now() - 1000 }];
    const expired = await team.createConnector({ type: "api-key", uid: "sdk/old", name: "Old", data: { values } });
    await team.link(expired, "linked", { environments: ["production"] });
    const stranger = await team.workloadToken({ project: "unlinked" });
    const preview = await team.workloadToken({ environment: "preview" });
    const cases = [
      [sdk.NoValidTokenError, 422, clientFor(workload).getToken(expired, app)],
      [sdk.ConnectorNotFoundError, 404, clientFor(stranger).getToken(team.apiKey, app)],
      [sdk.ForbiddenError, 403, clientFor(preview).getToken(team.apiKey, app)],
      [sdk.UnauthorizedError, 401, clientFor("vk_nobody").getToken(team.apiKey, app)],
      [sdk.InvalidRequestError, 400, clientFor(workload).getToken(team.apiKey, { ...app, scopes: ["none"] })],
      [
        sdk.ConnectorInstallationRequiredError,
        422,
        clientFor(workload).getToken(team.apiKey, { ...app, installationId: "ins_none" }),
      ],
    ] as const;
    const errors = await Promise.all(cases.map(([, , call]) => refused(call)));
    for (const [index, [ErrorClass, status]] of cases.entries()) {
      expect(errors[index]).toBeInstanceOf(ErrorClass);
      expect(errors[index]).toMatchObject({ status, requestId: expect.stringMatching(/^req_/) });
    }
  });

  test("a 429 is waited out for as long as it says, and not longer than the caller's patience", async () => {
    const limit = (seconds: number) => {
      let refusals = 1;
      return async (...call: Parameters<typeof fetch>) =>
        refusals-- > 0
          ? new Response('{"error":{"code":"rate_limited","message":"Too many requests."}}', {
              status: 429,
              headers: { "retry-after": String(seconds) },
            })
          : fetch(...call);
    };
    expect(await clientFor(workload, limit(1)).getToken(team.apiKey, app)).toBe(team.apiKeyValue);
    expect(statuses).toEqual([429, 200]);
    const error = await refused(clientFor(workload, limit(3600)).getToken(team.apiKey, app));
    expect(error).toBeInstanceOf(sdk.RateLimitedError);
    expect(error).toMatchObject({ retryAfterMs: 3_600_000 });
  });
});
