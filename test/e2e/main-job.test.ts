import { createRemoteJWKSet, decodeJwt, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, text } from "./http.ts";
import { errorAnswer, revocation, tokenResponse } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { CLIENT_AUTH_METHODS, claimsOf, oauthData, setUpTeam, type Team } from "./team.ts";

let server: Server;
let team: Team;

beforeAll(async () => {
  // An upstream that thinks: callers that come at the same time really overlap.
  server = await startServer({ tokenDelayMs: 50 });
  team = await setUpTeam(server);
});
afterAll(() => server?.stop());

const upstreamRequests = () => server.provider.requests().tokenRequests;

/** Code and status of a refusal, which has to have the shape of all refusals. */
function refusal({ status, body }: Answer): { status: number; code: string; message: string } {
  const { code, message } = errorAnswer.parse(body).error;
  return { status, code, message };
}

/** A fresh `oauth` connector that nobody has asked yet. */
async function freshConnector(uid: string, link: Record<string, unknown> = {}): Promise<string> {
  await team.createConnector({ type: "oauth", uid, name: uid, data: oauthData(server, "client_secret_basic") });
  await team.link(uid, "linked", { environments: ["production"], ...link });
  return uid;
}

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
    const answer = await ask({ scopes: ["everything"] });
    expect(refusal(answer)).toMatchObject({ status: 400, code: "invalid_scope" });
    expect(errorAnswer.parse(answer.body).error.vendor).toMatchObject({ error: "invalid_scope" });
  });

  test("'*' beside another scope is refused", async () => {
    expect(refusal(await ask({ scopes: ["*", "reports:read"] }))).toMatchObject({ status: 400, code: "invalid_scope" });
  });

  test("a link's ceiling holds, and asks nothing of the upstream", async () => {
    const connector = await freshConnector("up/ceiling", { scopes: ["reports:read"] });
    const before = upstreamRequests();
    expect(refusal(await ask({ scopes: ["reports:write"] }, connector))).toMatchObject({
      status: 403,
      code: "insufficient_scope",
    });
    expect(upstreamRequests()).toBe(before);
  });
});

describe("who is refused", () => {
  const ask = (token: string, connector: string = team.oauth.client_secret_basic) => team.askForToken(connector, token);

  test("nobody: no credential", async () => {
    const path = `/v1/connect/token/${encodeURIComponent(team.apiKey)}`;
    expect(refusal(await server.send({ method: "POST", path, body: {} }))).toMatchObject({
      status: 401,
      code: "unauthorized",
    });
  });

  test("a token for another audience", async () => {
    const token = await team.workloadToken({ audience: "https://elsewhere.example.com" });
    expect(refusal(await ask(token))).toMatchObject({ status: 401, code: "audience_mismatch" });
  });

  test("an expired token", async () => {
    const token = await team.workloadToken({ ttlSeconds: -120 });
    expect(refusal(await ask(token))).toMatchObject({ status: 401, code: "token_expired" });
  });

  test("a token of an issuer that nobody registered, however good its signature", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const token = await new SignJWT(claimsOf("linked", "production"))
      .setProtectedHeader({ alg: "ES256", jwk: await exportJWK(publicKey), typ: "JWT" })
      .setIssuer("https://issuer.example.com")
      .setAudience(server.origin)
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);
    expect(refusal(await ask(token))).toMatchObject({ status: 401, code: "issuer_not_trusted" });
  });

  test("a token under another key that claims to be the issuer's", async () => {
    const genuine = await team.workloadToken();
    const { privateKey } = await generateKeyPair("ES256");
    const header: unknown = JSON.parse(Buffer.from(genuine.split(".")[0] ?? "", "base64url").toString());
    const forged = await new SignJWT(decodeJwt(genuine))
      .setProtectedHeader({ alg: "ES256", ...Object(header) })
      .sign(privateKey);
    expect(refusal(await ask(forged))).toMatchObject({ status: 401, code: "token_signature_invalid" });
  });

  test("a genuine token whose claims were changed", async () => {
    const [header, payload, signature] = (await team.workloadToken({ project: "unlinked" })).split(".");
    const claims: unknown = JSON.parse(Buffer.from(payload ?? "", "base64url").toString());
    const changed = JSON.stringify({ ...Object(claims), ...claimsOf("linked", "production") });
    const tampered = [header, Buffer.from(changed).toString("base64url"), signature].join(".");
    expect(refusal(await ask(tampered))).toMatchObject({ status: 401, code: "token_signature_invalid" });
  });

  test("a workload of a project without a link: the connector does not exist for it", async () => {
    const token = await team.workloadToken({ project: "unlinked" });
    const stranger = refusal(await ask(token));
    expect(stranger).toMatchObject({ status: 404, code: "not_found" });
    expect(refusal(await ask(token, "no/such"))).toEqual(stranger);
  });

  test("a workload of another environment than the link's", async () => {
    const token = await team.workloadToken({ environment: "preview" });
    expect(refusal(await ask(token))).toEqual({
      status: 403,
      code: "forbidden",
      message: expect.stringMatching(/^connector is not linked to this project/),
    });
  });

  test("a workload that no identity rule names", async () => {
    const token = await team.workloadToken({ project: "nobody" });
    expect(refusal(await ask(token))).toMatchObject({ status: 403, code: "forbidden" });
  });
});

describe("our own issuer", () => {
  async function developmentToken(): Promise<string> {
    const path = "/v1/projects/linked/token";
    return text(await server.expect(200, { method: "POST", path, token: team.owner }), "token");
  }

  test("its tokens verify by discovery and key set, as anyone would do it", async () => {
    const metadata = await server.expect(200, { method: "GET", path: "/.well-known/openid-configuration" });
    expect(metadata.issuer).toBe(server.origin);
    const keys = createRemoteJWKSet(new URL(text(metadata, "jwks_uri")));
    const { payload, protectedHeader } = await jwtVerify(await developmentToken(), keys, {
      issuer: server.origin,
      audience: server.origin,
      algorithms: ["ES256"],
    });
    expect(payload).toMatchObject({ project_id: team.linked, environment: "development", owner_id: team.teamId });
    expect(protectedHeader.alg).toBe("ES256");
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(12 * 3600);
  });

  test("they work for development, and for development only", async () => {
    const token = await developmentToken();
    const forDevelopment = await team.askForToken(team.oauth.client_secret_basic, token);
    expect(tokenResponse.parse(forDevelopment.body).scopes).toEqual(["reports:read"]);
    const forProduction = await team.askForToken(team.apiKey, token);
    expect(refusal(forProduction)).toMatchObject({ status: 403, code: "forbidden" });
  });

  test("a development token never gets the token of production", async () => {
    const connector = team.oauth.client_secret_basic;
    const development = tokenResponse.parse((await team.askForToken(connector, await developmentToken())).body);
    const production = tokenResponse.parse((await team.askForToken(connector, await team.workloadToken())).body);
    expect(development.token).not.toBe(production.token);
  });
});

describe("revocation", () => {
  const revoke = (connector: string, token: string, body: Record<string, unknown>) =>
    server.send({
      method: "DELETE",
      path: `/v1/connect/connectors/${encodeURIComponent(connector)}/tokens`,
      token,
      body,
    });

  test.for(CLIENT_AUTH_METHODS)("by %s reaches the upstream, and the next token is another", async (method) => {
    const connector = team.oauth[method];
    const workload = await team.workloadToken();
    const { token } = tokenResponse.parse((await team.askForToken(connector, workload)).body);
    const answer = await revoke(connector, workload, { subject: { type: "app" } });
    expect(answer.status).toBe(200);
    const report = revocation.parse(answer.body);
    expect(report).toMatchObject({
      deleted: report.tokensFound,
      providerRevoked: report.tokensFound,
      upstream: "done",
    });
    expect(report.tokensFound).toBeGreaterThan(0);
    expect(await team.introspect(token)).toEqual({ active: false });
    const fresh = await team.askForToken(connector, workload, {}, { "cache-control": "no-cache" });
    expect(tokenResponse.parse(fresh.body).token).not.toBe(token);
  });

  test("of all of a connector's tokens is for administrators, and reaches every environment", async () => {
    const connector = await freshConnector("up/wide");
    const workload = await team.workloadToken();
    const { token } = tokenResponse.parse((await team.askForToken(connector, workload)).body);
    expect(refusal(await revoke(connector, workload, {}))).toMatchObject({ status: 403, code: "forbidden" });
    expect(await team.introspect(token)).toMatchObject({ active: true });
    revocation.parse((await revoke(connector, team.owner, {})).body);
    await expect.poll(() => team.introspect(token)).toEqual({ active: false });
  });

  test("a deleted connector's tokens are revoked upstream, with what was left of its credentials", async () => {
    const connector = await freshConnector("up/gone");
    const workload = await team.workloadToken();
    const { token } = tokenResponse.parse((await team.askForToken(connector, workload)).body);
    const path = `/v1/connect/connectors/${encodeURIComponent(connector)}`;
    await server.expect(204, { method: "DELETE", path, token: team.owner });
    await expect.poll(() => team.introspect(token), { timeout: 15_000 }).toEqual({ active: false });
    const answer = await team.askForToken(connector, workload, {}, { "cache-control": "no-cache" });
    expect(answer.status).not.toBe(200);
  });
});

describe("under load and after a crash", () => {
  test("a thousand concurrent callers of a cold group make one upstream request, and all are answered", async () => {
    const connector = await freshConnector("up/crowd");
    const workloads = await Promise.all(Array.from({ length: 10 }, () => team.workloadToken()));
    const before = upstreamRequests();
    const asks = Array.from({ length: 100 }, () => workloads.map((token) => team.askForToken(connector, token)));
    const answers = await Promise.all(asks.flat());
    expect(answers).toHaveLength(1000);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.token)).size).toBe(1);
    expect(upstreamRequests()).toBe(before + 1);
  }, 120_000);

  test("an evicted Grant hands out the token it had", async () => {
    const connector = await freshConnector("up/evicted");
    const workload = await team.workloadToken();
    const first = tokenResponse.parse((await team.askForToken(connector, workload)).body);
    const before = upstreamRequests();
    for (const id of await server.worker.listDurableObjectIds("GRANTS")) {
      await server.worker.evictDurableObject("GRANTS", { id });
    }
    const again = await team.askForToken(connector, workload, {}, { "cache-control": "no-cache" });
    expect(tokenResponse.parse(again.body).token).toBe(first.token);
    expect(upstreamRequests()).toBe(before);
  });
});
