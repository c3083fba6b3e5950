import { beforeAll, describe, expect, test } from "vitest";
import { putLink } from "../../src/connectors/link-store.ts";
import { sql } from "../../src/store/database.ts";
import { seedInstallation } from "../support/installations.ts";
import { db } from "./rows.ts";
import { apiKeyBody, created, newWorld, type World } from "./world.ts";

let nowMs = 1_700_000_000_000;
let world: World;
let connectorId: string;
let stagingId: string;

beforeAll(async () => {
  world = await newWorld({ now: () => nowMs });
  connectorId = await created(world, apiKeyBody({ uid: "links/test" }));
  const staging = await world.api.post("/v1/projects/project-a/environments", { slug: "staging" }, world.owner);
  stagingId = staging.body.id;
});

const pathOf = (project = world.projectA, connector = connectorId) =>
  `/v1/connect/connectors/${connector}/projects/${project}`;
const get = (path = pathOf()) => world.api.get(path, world.owner);
const put = (body: unknown, path = pathOf()) => world.api.post(path, body, world.owner);
const unlink = (path = pathOf()) => world.api.delete(path, world.owner);
const clockOf = async () =>
  (await db.first<{ clock: number }>(sql("SELECT revocation_clock_ms AS clock FROM team")))?.clock ?? -1;

describe("a link", () => {
  test("has exactly the contract's fields, and creating it answers 200", async () => {
    const { status, body } = await put({ environments: ["production", stagingId, "production"] });
    expect(status).toBe(200);
    expect(body).toEqual({
      connectorId,
      enabledEnvironments: ["production", stagingId],
      environments: ["production", stagingId],
      project: { id: world.projectA, name: "project-a", customEnvironments: [{ id: stagingId, slug: "staging" }] },
      returnOrigins: [],
      webhookOrigins: [],
      createdAt: nowMs,
      updatedAt: nowMs,
    });
    expect((await get()).body).toEqual(body);
    expect((await get(pathOf("project-a", "links%2Ftest"))).body).toEqual(body);
  });

  test("a project without custom environments lists none", async () => {
    const { body } = await put({ environments: ["production"] }, pathOf(world.projectB));
    expect(body.project).toEqual({ id: world.projectB, name: "project-b" });
  });

  test("posting again replaces the environments and keeps the link's age", async () => {
    const before = (await put({ environments: ["production", "preview"] })).body;
    nowMs += 1000;
    const after = (await put({ environments: ["development"] })).body;
    expect(after).toMatchObject({ environments: ["development"], createdAt: before.createdAt, updatedAt: nowMs });
  });

  test("goes as one, with whatever its users were asked", async () => {
    const id = await created(world, apiKeyBody({ uid: "links/asked" }));
    const path = pathOf(world.projectA, id);
    await put({ environments: ["production"] }, path);
    await db.run(
      sql(
        `INSERT INTO authorization_requests (id, verifier_hash, connector_id, project_id, link_id, environment, grant_name,
           request, config_revision, revoked_before_ms, binding, status, created_at_ms, expires_at_ms)
         SELECT 'sca_asked', 'hash', connector_id, project_id, id, 'production', 'g1:asked', '{}', 1, 0, 'confirm',
           'pending', 1, 2 FROM links WHERE connector_id = ?`,
        id,
      ),
    );
    expect((await unlink(path)).status).toBe(204);
    expect(await db.all(sql("SELECT id FROM authorization_requests WHERE id = 'sca_asked'"))).toEqual([]);
  });

  test("two changes in the same millisecond differ in updatedAt, on which caches depend", async () => {
    const first = (await put({ environments: ["production"] })).body;
    const second = (await put({ environments: ["preview"] })).body;
    expect(second.updatedAt).toBeGreaterThan(first.updatedAt);
  });

  test("a client that knows no narrowing does not widen a link by changing its environments; null widens it", async () => {
    const narrowing = {
      installations: ["ins_1"],
      subjects: ["app", "user"],
      subjectNamespace: "crm",
      scopes: ["read"],
      returnOrigins: ["https://app.example.com"],
      webhookOrigins: ["https://hooks.example.com"],
    };
    const { body: linked } = await put({ environments: ["production"] });
    await seedInstallation(linked.connectorId, "ins_1");
    expect((await put({ environments: ["production"], ...narrowing })).body).toMatchObject(narrowing);
    expect((await put({ environments: ["preview"] })).body).toMatchObject({ environments: ["preview"], ...narrowing });
    const cleared = Object.fromEntries(Object.keys(narrowing).map((name) => [name, null]));
    const { body } = await put({ environments: ["preview"], ...cleared });
    for (const field of ["installations", "subjects", "subjectNamespace", "scopes"]) {
      expect(body).not.toHaveProperty(field);
    }
    expect(body).toMatchObject({ returnOrigins: [], webhookOrigins: [] });
  });

  test("origins default to those of the enabled environments, and follow them", async () => {
    const setOrigin = (environment: string, origin: string | null) =>
      world.api.put(`/v1/projects/project-a/environments/${environment}`, { origin }, world.owner);
    await setOrigin("production", "https://app.example.org");
    await setOrigin("preview", "https://preview.example.org");
    expect((await put({ environments: ["production"] })).body.returnOrigins).toEqual(["https://app.example.org"]);
    await setOrigin("production", "https://new.example.org");
    expect((await get()).body).toMatchObject({
      returnOrigins: ["https://new.example.org"],
      webhookOrigins: ["https://new.example.org"],
    });
    await setOrigin("production", null);
    await setOrigin("preview", null);
  });

  test.for<[string, Record<string, unknown>, string]>([
    ["no environments", {}, "bad_request"],
    ["an empty set", { environments: [] }, "bad_request"],
    ["an environment of nobody", { environments: ["production", "env_none"] }, "bad_request"],
    ["a slug instead of an id", { environments: ["staging"] }, "bad_request"],
    ["an unknown subject", { environments: ["preview"], subjects: ["root"] }, "bad_request"],
    ["no subject at all", { environments: ["preview"], subjects: [] }, "bad_request"],
    ["a scope with a space", { environments: ["preview"], scopes: ["a b"] }, "bad_request"],
    ["an unknown field", { environments: ["preview"], verified: true }, "unknown_field"],
    ["an origin with a path", { environments: ["preview"], returnOrigins: ["https://a.example.com/x"] }, "bad_request"],
    [
      "an origin as a template",
      { environments: ["preview"], returnOrigins: ["https://{branch}.example.com"] },
      "bad_request",
    ],
    ["plain http", { environments: ["development"], returnOrigins: ["http://app.example.com"] }, "url_not_allowed"],
    ["a script URL", { environments: ["development"], returnOrigins: ["javascript:alert(1)"] }, "url_not_allowed"],
    ["a private address", { environments: ["development"], webhookOrigins: ["https://10.0.0.1"] }, "url_not_allowed"],
  ])("%s is refused", async ([, body, code]) => {
    const answer = await put(body);
    expect([answer.status, answer.body.error.code]).toEqual([400, code]);
  });

  test("a custom environment of another project does not exist here", async () => {
    const answer = await put({ environments: [stagingId] }, pathOf(world.projectB));
    expect([answer.status, answer.body.error.code]).toEqual([400, "bad_request"]);
  });
});

test("where loopback is not allowed, only a link for development may name it", async () => {
  const { services } = world;
  const urlPolicy = { ...services.urlPolicy, allowLoopback: false };
  const policy = services.urlPolicy;
  services.urlPolicy = urlPolicy;
  const returnOrigins = ["http://localhost:3000"];
  const refused = await put({ environments: ["production", "preview"], returnOrigins });
  expect([refused.status, refused.body.error.code]).toEqual([400, "url_not_allowed"]);
  expect((await put({ environments: ["development"], returnOrigins })).body.returnOrigins).toEqual(returnOrigins);
  services.urlPolicy = policy;
});

describe("unlinking", () => {
  test("takes the revocation clock, and linking again makes another link", async () => {
    await put({ environments: ["production"], scopes: ["read"] });
    const idOf = async () =>
      (
        await db.first<{ id: string }>(
          sql("SELECT id FROM links WHERE connector_id = ? AND project_id = ?", connectorId, world.projectA),
        )
      )?.id;
    const [before, id] = [await clockOf(), await idOf()];
    expect((await unlink()).status).toBe(204);
    expect(await clockOf()).toBeGreaterThan(before);
    expect((await get()).status).toBe(404);
    expect((await unlink()).status).toBe(404);
    const { body } = await put({ environments: ["production"] });
    expect(body).not.toHaveProperty("scopes");
    expect(await idOf()).not.toBe(id);
  });

  test("B-11 no link comes into being on a connector that was deleted at the same moment", async () => {
    const id = await created(world, apiKeyBody());
    await world.api.delete(`/v1/connect/connectors/${id}`, world.owner);
    expect((await put({ environments: ["production"] }, pathOf(world.projectA, id))).status).toBe(410);
    const change = { id: "lnk_late", connectorId: id, projectId: world.projectA, environments: ["production"] };
    expect(await putLink(db, { ...change, narrowing: {} }, 1)).toBeNull();
  });
});

describe("lists", () => {
  test("the projects of a connector and the connectors of a project come in pages of links", async () => {
    const ids = [];
    for (let index = 0; index < 5; index++) {
      ids.push(await created(world, apiKeyBody({ projectId: world.projectB, environments: ["preview"] })));
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page = await world.api.get(`/v2/connect/projects/project-b/connectors?limit=2${query}`, world.owner);
      expect(page.status).toBe(200);
      expect(Object.keys(page.body)).toEqual(["connectors", "pagination"]);
      seen.push(...page.body.connectors.map((link: { connectorId: string }) => link.connectorId));
      cursor = page.body.pagination.next;
    } while (cursor !== null && seen.length < 20);
    expect(seen.toSorted()).toEqual([...ids, connectorId].toSorted());

    const projects = await world.api.get(`/v2/connect/connectors/${connectorId}/projects`, world.owner);
    expect(projects.body.pagination).toEqual({ next: null });
    expect(projects.body.projects).toContainEqual((await get(pathOf(world.projectB))).body);
    expect(projects.body.projects).toHaveLength(2);
  });
});
