import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { hex } from "../../src/crypto/bytes.ts";
import { sha256 } from "../../src/crypto/digest.ts";
import { type Api, accessToken, apiOf, project, setUp } from "../support/api.ts";
import { testServices } from "../support/services.ts";

/** By position: the secret may itself contain underscores. */
function partsOf(token: string) {
  return { id: token.slice(3, 23), secret: token.slice(24, 67), sum: token.slice(68) };
}

async function withChecksum(body: string): Promise<string> {
  return `${body}_${hex(await sha256(body)).slice(0, 6)}`;
}

describe("access tokens", () => {
  let api: Api;
  let owner: string;
  let shop: string;
  beforeAll(async () => {
    api = apiOf(await testServices());
    ({ owner } = await setUp(api));
    shop = await project(api, owner, "shop");
  });

  test("a new token is shown once, works at once, and the list has everything but its secret", async () => {
    const created = await api.post(
      "/v1/access-tokens",
      {
        name: "ci",
        role: "developer",
        projectId: shop,
        environment: "production",
        userId: "u-1",
        expiresInSeconds: 600,
      },
      owner,
    );
    expect(created.status).toBe(201);
    const { token, ...record } = created.body;
    expect(record).toEqual({
      id: expect.stringMatching(/^[0-9a-z]{20}$/),
      name: "ci",
      role: "developer",
      projectId: shop,
      environment: "production",
      userId: "u-1",
      createdAt: expect.any(Number),
      expiresAt: record.createdAt + 600_000,
    });
    expect((await api.get(`/v1/projects/${shop}`, token)).status).toBe(200);
    const list = await api.get("/v1/access-tokens", owner);
    expect(list.body.accessTokens).toContainEqual(record);
    expect(list.text).not.toContain(partsOf(token).secret);
  });

  test("B-18 the stored row holds no usable token: neither the text nor the secret part of it", async () => {
    const token = await accessToken(api, owner, { role: "viewer" });
    const dump = JSON.stringify((await env.DB.prepare("SELECT * FROM access_tokens").all()).results);
    expect(dump).not.toContain(token);
    expect(dump).not.toContain(partsOf(token).secret);
  });

  test("B-18 a wrong secret, an unknown id, a broken checksum and a deleted token are one and the same 401", async () => {
    const gone = await api.post("/v1/access-tokens", { name: "gone", role: "viewer" }, owner);
    await api.delete(`/v1/access-tokens/${gone.body.id}`, owner);
    const { id, secret, sum } = partsOf(owner);
    const forged = [
      await withChecksum(`vk_${id}_${"A".repeat(43)}`),
      await withChecksum(`vk_${"0".repeat(20)}_${secret}`),
      `vk_${id}_${secret}_${sum === "000000" ? "111111" : "000000"}`,
      gone.body.token,
    ];
    const fresh = apiOf(await testServices());
    for (const token of forged) {
      const { status, body, headers } = await fresh.get("/v1/team", token);
      expect([status, body.error.code, body.error.message]).toEqual([
        401,
        "unauthorized",
        (await fresh.get("/v1/team")).body.error.message,
      ]);
      expect(headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
    }
  });

  test("an expired token is refused from its last millisecond on", async () => {
    let now = Date.now();
    const clocked = apiOf(await testServices({ now: () => now }));
    const token = await accessToken(clocked, owner, { role: "viewer", expiresInSeconds: 60 });
    const madeAt = now;
    now = madeAt + 59_999;
    expect((await clocked.get("/v1/team", token)).status).toBe(200);
    now = madeAt + 60_000;
    expect((await clocked.get("/v1/team", token)).body.error.code).toBe("token_expired");
  });

  test("nobody creates or deletes a token of a higher role than their own", async () => {
    const admin = await accessToken(api, owner, { role: "admin" });
    const developer = await accessToken(api, owner, { role: "developer" });
    const viewer = await accessToken(api, owner, { role: "viewer" });
    const create = async (role: string, by: string) =>
      (await api.post("/v1/access-tokens", { name: "x", role }, by)).status;
    expect(await create("owner", admin)).toBe(403);
    expect(await create("admin", admin)).toBe(201);
    expect(await create("viewer", developer)).toBe(403);
    expect(await create("viewer", viewer)).toBe(403);
    const { body } = await api.post("/v1/access-tokens", { name: "second", role: "owner" }, owner);
    expect((await api.delete(`/v1/access-tokens/${body.id}`, admin)).status).toBe(403);
    expect((await api.delete(`/v1/access-tokens/${body.id}`, owner)).status).toBe(204);
  });

  test("the last owner cannot delete itself out of the deployment, and two owners cannot delete each other at once", async () => {
    const ownerId = partsOf(owner).id;
    const last = await api.delete(`/v1/access-tokens/${ownerId}`, owner);
    expect([last.status, last.body.error.code]).toEqual([409, "conflict"]);
    const bound = await accessToken(api, owner, { role: "owner", projectId: shop });
    expect((await api.delete(`/v1/access-tokens/${ownerId}`, owner)).status).toBe(409);
    expect(bound).toMatch(/^vk_/);
    const first = await api.post("/v1/access-tokens", { name: "o1", role: "owner" }, owner);
    const both = await Promise.all([
      api.delete(`/v1/access-tokens/${ownerId}`, first.body.token),
      api.delete(`/v1/access-tokens/${first.body.id}`, owner),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([204, 409]);
    if (both[0].status === 204) owner = first.body.token;
  });

  test("B-19 a token bound to a project manages that project, by id and by slug, and nothing else", async () => {
    const other = await project(api, owner, "other");
    const bound = await accessToken(api, owner, { role: "owner", projectId: shop });
    for (const own of [shop, "shop"]) expect((await api.get(`/v1/projects/${own}`, bound)).status).toBe(200);
    const refused = [
      await api.get(`/v1/projects/${other}`, bound),
      await api.get("/v1/projects/other", bound),
      await api.get("/v1/projects/prj_unknown", bound),
      await api.get("/v1/projects", bound),
      await api.get("/v1/team", bound),
      await api.get("/v1/access-tokens", bound),
      await api.post("/v1/access-tokens", { name: "x", role: "viewer" }, bound),
      await api.post("/v1/projects", { slug: "third" }, bound),
      await api.put(`/v1/projects/${other}/environments/production`, { origin: null }, bound),
      await api.post(`/v1/projects/${other}/token`, undefined, bound),
    ];
    for (const { status, body } of refused) expect([status, body.error.code]).toEqual([403, "forbidden"]);
    // An own project, another's and none at all must look alike.
    expect(new Set(refused.slice(0, 3).map(({ body }) => body.error.message)).size).toBe(1);
  });

  test("B-19 an environment without a project, of another project or that does not exist binds no token", async () => {
    const other = await project(api, owner, "elsewhere");
    const staging = await api.post(`/v1/projects/${other}/environments`, { slug: "staging" }, owner);
    const attempts: [object, number][] = [
      [{ environment: "production" }, 400],
      [{ projectId: shop, environment: staging.body.id }, 400],
      [{ projectId: shop, environment: "staging" }, 400],
      [{ projectId: shop, environment: "" }, 400],
      [{ projectId: "prj_nobody", environment: "production" }, 404],
    ];
    for (const [binding, status] of attempts) {
      const answer = await api.post("/v1/access-tokens", { name: "x", role: "viewer", ...binding }, owner);
      expect([binding, answer.status]).toEqual([binding, status]);
    }
  });

  test("D-11 a token's id, secret and times cannot be assigned", async () => {
    for (const field of ["id", "secret_mac", "secretMac", "createdAt", "teamId", "team_id"]) {
      const { status, body } = await api.post("/v1/access-tokens", { name: "x", role: "viewer", [field]: "x" }, owner);
      expect([field, status, body.error.code]).toEqual([field, 400, "unknown_field"]);
      expect(body.error.message).toContain(field);
    }
  });

  test("names that would deceive a reader of the list are refused", async () => {
    for (const name of ["", "   ", "a\u202eb", "a\nb", "a\u0000", "x".repeat(101)]) {
      expect((await api.post("/v1/access-tokens", { name, role: "viewer" }, owner)).status).toBe(400);
    }
  });
});
