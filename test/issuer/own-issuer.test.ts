import { env } from "cloudflare:workers";
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { runtimeEndpoint } from "../../src/http/endpoint.ts";
import { type Api, accessToken, apiOf, project, setUp } from "../support/api.ts";
import { testServices } from "../support/services.ts";

const ORIGIN = "http://127.0.0.1:8787";

describe("our own issuer", () => {
  let api: Api;
  let owner: string;
  let teamId: string;
  let shop: string;
  const issue = async (token: string, body?: unknown) => api.post("/v1/projects/shop/token", body, token);
  beforeAll(async () => {
    const fresh = apiOf(await testServices());
    const before = await fresh.get("/.well-known/jwks.json");
    expect([before.body, before.headers.get("cache-control")]).toEqual([{ keys: [] }, "no-store"]);
    api = apiOf(await testServices());
    ({ owner, teamId } = await setUp(api));
    shop = await project(api, owner, "shop");
  });

  test("ten isolates that need the first key at once end up with one key, and all sign with it", async () => {
    const isolates = await Promise.all(Array.from({ length: 10 }, async () => apiOf(await testServices())));
    const tokens = await Promise.all(
      isolates.map(async (one) => (await one.post(`/v1/projects/${shop}/token`, undefined, owner)).body.token),
    );
    const { body, headers } = await api.get("/.well-known/jwks.json");
    expect(body.keys).toHaveLength(1);
    expect(headers.get("cache-control")).toBe("public, max-age=300");
    expect(new Set(tokens.map((token) => decodeProtectedHeader(token).kid))).toEqual(new Set([body.keys[0].kid]));
    expect((await env.DB.prepare("SELECT count(*) AS n FROM issuer_keys").first())?.n).toBe(1);
  });

  test("the published and the stored key show nothing private", async () => {
    const { body } = await api.get("/.well-known/jwks.json");
    expect(Object.keys(body.keys[0]).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
    const row = await env.DB.prepare("SELECT * FROM issuer_keys").first();
    expect(JSON.stringify(row)).not.toMatch(/\\"d\\"|"d":/);
    expect(row?.private_jwk_kid).toBe("k1");
  });

  test("the metadata names this origin byte for byte, and the keys' address", async () => {
    const { body, headers } = await api.get("/.well-known/openid-configuration");
    expect(body).toMatchObject({ issuer: ORIGIN, jwks_uri: `${ORIGIN}/.well-known/jwks.json` });
    expect(headers.get("cache-control")).toBe("public, max-age=300");
  });

  test("a workload token says exactly whose it is, for twelve hours at most", async () => {
    const { status, body, headers } = await issue(owner);
    expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
    const jwks: JSONWebKeySet = (await api.get("/.well-known/jwks.json")).body;
    const { payload, protectedHeader } = await jwtVerify(body.token, createLocalJWKSet(jwks));
    expect(protectedHeader).toEqual({ alg: "ES256", kid: jwks.keys[0]?.kid, typ: "workload+jwt" });
    expect(payload).toEqual({
      iss: ORIGIN,
      aud: ORIGIN,
      sub: `owner:${teamId}:project:${shop}:environment:development`,
      owner_id: teamId,
      project_id: shop,
      environment: "development",
      access_token_id: owner.split("_")[1],
      jti: expect.stringMatching(/^[\w-]{22}$/),
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 12 * 3600,
    });
    const short = await jwtVerify((await issue(owner, { expiresInSeconds: 60 })).body.token, createLocalJWKSet(jwks));
    expect((short.payload.exp ?? 0) - (short.payload.iat ?? 0)).toBe(60);
    for (const expiresInSeconds of [0, 59, 43_201, 1e9, "60", null, 60.5]) {
      expect((await issue(owner, { expiresInSeconds })).status).toBe(400);
    }
    expect((await issue(owner, { environment: "production" })).body.error.code).toBe("unknown_field");
  });

  test("B-19 only those with access to the project get one, and none that is bound to another environment", async () => {
    await project(api, owner, "other");
    const other = (await api.get("/v1/projects/other", owner)).body.id;
    const who: [Record<string, unknown>, number][] = [
      [{ role: "developer" }, 200],
      [{ role: "developer", projectId: shop }, 200],
      [{ role: "developer", projectId: shop, environment: "development" }, 200],
      [{ role: "viewer" }, 403],
      [{ role: "owner", projectId: other }, 403],
      [{ role: "owner", projectId: shop, environment: "production" }, 403],
    ];
    for (const [fields, status] of who) {
      expect([fields, (await issue(await accessToken(api, owner, fields))).status]).toEqual([fields, status]);
    }
    expect((await api.post("/v1/projects/nope/token", undefined, owner)).status).toBe(404);
  });

  test("a workload token authenticates its project in development, without any fetch, and manages nothing", async () => {
    let fetches = 0;
    const services = await testServices({
      network: async () => {
        fetches += 1;
        return new Response();
      },
    });
    const whoAmI = runtimeEndpoint({ handle: async ({ caller }) => ({ status: 200, body: caller }) });
    const app = createApp(services, [["GET", "/who", whoAmI]]);
    const headers = { authorization: `Bearer ${(await issue(owner)).body.token}` };
    const response = await app.fetch(new Request(`${ORIGIN}/who`, { headers }), () => {});
    expect(await response.json()).toMatchObject({ kind: "workload", projectId: shop, environment: "development" });
    expect(fetches).toBe(0);
    const managed = await api.send("/v1/projects", { headers });
    expect([managed.status, managed.body.error.code]).toEqual([403, "forbidden"]);
    const again = await api.send(`/v1/projects/${shop}/token`, { method: "POST", headers });
    expect(again.status).toBe(403);
  });

  test("D-02 a private key that was moved to another row does not sign", async () => {
    await env.DB.prepare("UPDATE issuer_keys SET kid = 'moved'").run();
    const fresh = apiOf(await testServices());
    const answer = await fresh.post(`/v1/projects/${shop}/token`, undefined, owner);
    expect([answer.status, answer.body.error.code]).toEqual([500, "decryption_failed"]);
  });
});
