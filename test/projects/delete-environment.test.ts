import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { putLink } from "../../src/connectors/link-store.ts";
import { apiKeyBody, created, newWorld, type World } from "../connectors/world.ts";
import { accessToken } from "../support/api.ts";

let nowMs = 1_700_000_000_000;
let world: World;
beforeAll(async () => {
  world = await newWorld({ now: () => nowMs });
});

async function environment(slug: string, project = world.projectA): Promise<string> {
  const { status, body } = await world.api.post(`/v1/projects/${project}/environments`, { slug }, world.owner);
  if (status !== 201) throw new Error(`creating an environment answered ${status}`);
  return body.id;
}
const remove = (id: string, project = world.projectA, token = world.owner) =>
  world.api.delete(`/v1/projects/${project}/environments/${id}`, token);
const linkPath = (connector: string, project = world.projectA) =>
  `/v1/connect/connectors/${connector}/projects/${project}`;
const count = async (table: string, id: string) =>
  await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE environment = ?`).bind(id).first("n");

describe("deleting a custom environment", () => {
  test("takes it out of every link, and deletes a link that has no other", async () => {
    const staging = await environment("staging");
    const both = await created(world, apiKeyBody({ uid: "both/x" }));
    const only = await created(world, apiKeyBody({ uid: "only/x" }));
    const untouched = await created(world, apiKeyBody({ uid: "untouched/x" }));
    await world.api.post(linkPath(both), { environments: ["production", staging, "preview"] }, world.owner);
    await world.api.post(linkPath(only), { environments: [staging] }, world.owner);
    const before = await world.api.post(linkPath(untouched), { environments: ["production"] }, world.owner);
    const rows = () =>
      env.DB.prepare("SELECT connector_id, revoked_before_ms AS revoked FROM links").all<Record<string, unknown>>();
    const revokedOf = async (id: string) =>
      (await rows()).results.find(({ connector_id }) => connector_id === id)?.revoked;

    const answer = await remove(staging);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    const link = await world.api.get(linkPath(both), world.owner);
    expect(link.body.environments).toEqual(["production", "preview"]);
    expect(link.body.updatedAt).toBeGreaterThan(link.body.createdAt);
    // What users authorized in the environments that stay goes on.
    expect(await revokedOf(both)).toBe(0);
    expect((await world.api.get(linkPath(only), world.owner)).status).toBe(404);
    const after = await world.api.get(linkPath(untouched), world.owner);
    expect([after.body.environments, after.body.updatedAt]).toEqual([["production"], before.body.updatedAt]);
    const project = await world.api.get(`/v1/projects/${world.projectA}`, world.owner);
    expect(project.body.environments.map(({ id }: { id: string }) => id)).not.toContain(staging);
  });

  test("ends the access tokens and identity rules of it, and of no other", async () => {
    const id = await environment("callers");
    const token = await accessToken(world.api, world.owner, {
      role: "developer",
      projectId: world.projectA,
      environment: id,
    });
    const jwks = { keys: (await world.api.get("/.well-known/jwks.json")).body.keys };
    const issuer = "https://removal.example.org";
    await world.api.post("/v1/issuers", { issuer, audience: "a", jwks }, world.owner);
    const rules = `/v1/projects/${world.projectA}/identities`;
    for (const [environmentId, sub] of [
      [id, "x"],
      ["preview", "y"],
    ]) {
      const rule = { issuer, environment: environmentId, claims: { sub } };
      expect((await world.api.post(rules, rule, world.owner)).status).toBe(201);
    }
    expect([await count("access_tokens", id), await count("identities", id)]).toEqual([1, 1]);
    expect((await remove(id)).status).toBe(204);
    expect([await count("access_tokens", id), await count("identities", id)]).toEqual([0, 0]);
    expect([await count("access_tokens", "production"), await count("identities", "preview")]).toEqual([2, 1]);
    nowMs += 61_000;
    expect((await world.api.get(`/v1/connect/connectors/x`, token)).status).toBe(401);
  });

  test("says when it takes effect: after the longest lease of its links, and of its callers", async () => {
    const quick = await environment("quick");
    expect(Number((await remove(quick)).headers.get("valetkey-effective-by"))).toBe(nowMs + 62_000);
    const slow = await environment("slow");
    const connector = await created(world, apiKeyBody({ uid: "slow/x", leaseSeconds: 300 }));
    await world.api.post(linkPath(connector), { environments: [slow, "production"] }, world.owner);
    expect(Number((await remove(slow)).headers.get("valetkey-effective-by"))).toBe(nowMs + 302_000);
  });

  test("refuses the built-in ones, those of other projects, and unknown ones", async () => {
    for (const id of ["production", "preview", "development"]) expect((await remove(id)).status).toBe(409);
    const foreign = await environment("foreign", world.projectB);
    expect((await remove(foreign)).status).toBe(404);
    expect((await remove("env_00000000000000000000")).status).toBe(404);
    expect((await remove(foreign, world.projectB, world.managerOfA)).status).toBe(403);
    expect((await remove(foreign, world.projectB)).status).toBe(204);
    expect((await remove(foreign, world.projectB)).status).toBe(404);
  });
});

test("a link cannot be written for an environment that was deleted in between", async () => {
  const id = await environment("brief");
  const connectorId = await created(world, apiKeyBody({ uid: "brief/x" }));
  await remove(id);
  // The check before the write has passed by then: only the write itself can notice.
  const change = { id: "lnk_1", connectorId, projectId: world.projectA, environments: [id], narrowing: {} };
  expect(await putLink(world.services.db, change, nowMs)).toBeNull();
  expect(await putLink(world.services.db, { ...change, environments: ["preview"] }, nowMs)).not.toBeNull();
});
