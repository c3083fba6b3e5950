import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { errorAnswer, refusal, tokenResponse } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { CLIENT_AUTH_METHODS, oauthData, setUpTeam, type Team } from "./team.ts";

let server: Server;
let team: Team;

beforeAll(async () => {
  // An upstream that thinks: callers that come at the same time really overlap.
  server = await startServer({ tokenDelayMs: 50 });
  team = await setUpTeam(server);
});
afterAll(() => server?.stop());

const upstreamRequests = () => server.provider.requests().tokenRequests;

describe("a workload's OIDC token in, a provider token out", () => {
  test.for(CLIENT_AUTH_METHODS)(
    "by %s: the upstream knows the token, and asking again costs it nothing",
    async (method) => {
      const workload = await team.workloadToken();
      const before = upstreamRequests();
      const first = await team.askForToken(team.oauth[method], workload);
      expect(first.status).toBe(200);
      expect(first.headers.get("cache-control")).toBe("no-store");
      const issued = tokenResponse.parse(first.body);
      expect(issued).toMatchObject({ scopes: ["reports:read"], connector: { uid: team.oauth[method], type: "oauth" } });
      expect(await team.introspect(issued.token)).toMatchObject({ active: true, scope: "reports:read" });
      const reports = await fetch(`${server.provider.issuer}/reports`, {
        headers: { authorization: `Bearer ${issued.token}` },
      });
      expect(reports.status).toBe(200);

      const second = await team.askForToken(team.oauth[method], workload);
      expect(second.body).toEqual(first.body);
      expect(upstreamRequests()).toBe(before + 1);
    },
  );

  test("a static key comes out as it was stored, with a time to come back", async () => {
    const answer = await team.askForToken(team.apiKey, await team.workloadToken());
    const issued = tokenResponse.parse(answer.body);
    expect(issued.token).toBe(team.apiKeyValue);
    expect(issued.expiresAt).toBeGreaterThan(Date.now() + 30_000);
  });

  test("a connector's id and its uid lead to the same token", async () => {
    const workload = await team.workloadToken();
    const byUid = tokenResponse.parse((await team.askForToken(team.oauth.client_secret_basic, workload)).body);
    const before = upstreamRequests();
    const byId = tokenResponse.parse((await team.askForToken(byUid.connector.id, workload)).body);
    expect(byId).toEqual(byUid);
    expect(upstreamRequests()).toBe(before);
  });
});

/** A client that the upstream grants one scope only. */
async function connectRestrictedClient(): Promise<string> {
  const [clientId, clientSecret] = ["reports-restricted", crypto.randomUUID()];
  await server.provider.registerClient({ client_id: clientId, client_secret: clientSecret, scope: "reports:read" });
  const data = { ...oauthData(server, "client_secret_basic"), clientId, clientSecret };
  const uid = await team.createConnector({ type: "oauth", uid: "up/restricted", name: "Restricted", data });
  await team.link(uid, "linked", { environments: ["production"] });
  return uid;
}

describe("narrowing", () => {
  const ask = async (body: Record<string, unknown>, connector: string = team.oauth.client_secret_basic) =>
    team.askForToken(connector, await team.workloadToken(), body);

  test("a requested scope is in force at the upstream, and in a token of its own", async () => {
    const narrow = tokenResponse.parse((await ask({ scopes: ["reports:write"] })).body);
    const defaults = tokenResponse.parse((await ask({ scopes: ["*"] })).body);
    expect(narrow.scopes).toEqual(["reports:write"]);
    expect(await team.introspect(narrow.token)).toMatchObject({ scope: "reports:write" });
    expect(narrow.token).not.toBe(defaults.token);
    expect(narrow.tokenGroupId).not.toBe(defaults.tokenGroupId);
  });

  test("a requested resource is the audience of the upstream's token", async () => {
    const resources = ["https://reports.example.com/api"];
    const issued = tokenResponse.parse((await ask({ resources })).body);
    const upstream = createRemoteJWKSet(new URL(`${server.provider.issuer}/jwks`));
    const { payload } = await jwtVerify(issued.token, upstream, { issuer: server.provider.issuer });
    expect(payload.aud).toBe(resources[0]);
    expect(issued.resources).toEqual(resources);
  });

  test("a scope that the upstream does not offer is refused, with the upstream's own code", async () => {
    const connector = await connectRestrictedClient();
    const answer = await ask({ scopes: ["reports:write"] }, connector);
    expect(refusal(answer)).toMatchObject({ status: 400, code: "invalid_scope" });
    expect(errorAnswer.parse(answer.body).error.vendor).toMatchObject({ error: "invalid_scope" });
  });

  test("'*' beside another scope is refused", async () => {
    expect(refusal(await ask({ scopes: ["*", "reports:read"] }))).toMatchObject({ status: 400, code: "invalid_scope" });
  });

  test("a link's ceiling holds, and asks nothing of the upstream", async () => {
    const connector = await team.freshConnector("up/ceiling", { scopes: ["reports:read"] });
    const before = upstreamRequests();
    expect(refusal(await ask({ scopes: ["reports:write"] }, connector))).toMatchObject({
      status: 403,
      code: "insufficient_scope",
    });
    expect(upstreamRequests()).toBe(before);
  });
});

describe("under load and after a crash", () => {
  // With leases the isolate gathers its callers; without, every one of them reaches the Grant.
  test.for([60, 0])(
    "C-11 a thousand concurrent callers of a cold group under leases of %i s make one upstream request",
    { timeout: 120_000 },
    async (leaseSeconds) => {
      const connector = `up/crowd-${leaseSeconds}`;
      const data = oauthData(server, "client_secret_basic");
      await team.createConnector({ type: "oauth", uid: connector, name: "Crowd", data, leaseSeconds });
      await team.link(connector, "linked", { environments: ["production"] });
      const workloads = await Promise.all(Array.from({ length: 10 }, () => team.workloadToken()));
      const before = upstreamRequests();
      const asks = Array.from({ length: 100 }, () => workloads.map((token) => team.askForToken(connector, token)));
      const answers = await Promise.all(asks.flat());
      expect(answers).toHaveLength(1000);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(answers.map(({ body }) => body.token)).size).toBe(1);
      expect(upstreamRequests()).toBe(before + 1);
    },
  );

  test("an evicted Grant hands out the token it had", async () => {
    const connector = await team.freshConnector("up/evicted");
    const workload = await team.workloadToken();
    const others = await server.worker.listDurableObjectIds("GRANTS");
    const first = tokenResponse.parse((await team.askForToken(connector, workload)).body);
    const before = upstreamRequests();
    const ids = (await server.worker.listDurableObjectIds("GRANTS")).filter((id) => !others.includes(id));
    expect(ids).toHaveLength(1);
    // It throws where the object does not run: others may be gone by themselves by now.
    for (const id of ids) await server.worker.evictDurableObject("GRANTS", { id });
    const again = await team.askForToken(connector, workload, {}, { "cache-control": "no-cache" });
    expect(tokenResponse.parse(again.body).token).toBe(first.token);
    expect(upstreamRequests()).toBe(before);
  });
});
