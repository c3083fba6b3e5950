import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { apiKeyBody, created, newWorld, type World } from "../../connectors/world.ts";
import { recordingLanes } from "./lanes.ts";

const lanes = recordingLanes();
let world: World;
let connector: string;
beforeAll(async () => {
  world = await newWorld({ lanes: lanes.directory });
  for (const [environment, origin] of [
    ["production", "https://app.acme.com"],
    ["preview", "https://{branch}.preview.acme.com"],
  ]) {
    await world.api.put(`/v1/projects/${world.projectA}/environments/${environment}`, { origin }, world.owner);
  }
});
let number = 0;
beforeEach(async () => {
  connector = await created(world, apiKeyBody({ service: "github", uid: `typed/${number++}` }));
  lanes.calls.length = 0;
});

const replace = (destinations: unknown, token = world.owner) =>
  world.api.patch(`/v1/connect/connectors/${connector}/trigger-destinations`, { destinations }, token);
const destinations = async () =>
  (await world.api.get(`/v1/connect/connectors/${connector}/destinations`, world.owner)).body.destinations;

describe("trigger-destinations", () => {
  test("replaces what its shape can say, and answers the bare connector", async () => {
    const projectId = world.projectA;
    const answer = await replace([{ projectId }, { projectId, branch: "main", path: "/hook" }]);
    expect([answer.status, answer.body.id]).toEqual([200, connector]);
    expect(answer.body.triggerDestinations).toEqual([
      { projectId, path: "/github" },
      { projectId, path: "/hook", branch: "main" },
    ]);
    const read = await world.api.get(`/v1/connect/connectors/${connector}`, world.owner);
    expect(read.body.triggerDestinations).toEqual(answer.body.triggerDestinations);
    const link = await world.api.get(`/v1/connect/connectors/${connector}/projects/${projectId}`, world.owner);
    expect(link.body.environments).toEqual(["production", "preview"]);
    expect((await replace([])).body.triggerDestinations).toBeUndefined();
    expect(await destinations()).toEqual([]);
    expect(lanes.calls.map(([call]) => call)).toEqual(["refresh", "refresh"]);
  });

  test("leaves alone what its shape cannot say, and keeps what is named again with its settings", async () => {
    const base = `/v1/connect/connectors/${connector}/destinations`;
    const url = await world.api.post(base, { url: "https://hooks.acme.com/in" }, world.owner);
    const tuned = await world.api.post(
      base,
      { projectId: world.projectA, environment: "production", events: ["push"], ordered: true },
      world.owner,
    );
    await replace([
      { projectId: world.projectA, path: "/github" },
      { projectId: world.projectA, path: "/other" },
    ]);
    const now = await destinations();
    expect(now.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining([url.body.id, tuned.body.id]));
    expect(now).toHaveLength(3);
    expect(now.find(({ id }: { id: string }) => id === tuned.body.id)).toMatchObject({ ordered: true, revision: 1 });
    await replace([]);
    expect((await destinations()).map(({ id }: { id: string }) => id)).toEqual([url.body.id]);
  });

  test("an origin may be set later, as its clients know none, but a branch needs its template", async () => {
    const later = await replace([{ projectId: world.projectB }]);
    expect(later.status).toBe(200);
    expect((await destinations())[0]).toMatchObject({ url: null, enabled: true });
    const branch = await replace([{ projectId: world.projectB, branch: "main" }]);
    expect([branch.status, branch.body.error.code]).toEqual([422, "origin_not_configured"]);
    expect(await destinations()).toHaveLength(1);
  });

  test.for([
    [[{ projectId: "project-a", branch: "b", customEnvironmentId: "env_1" }], "customEnvironmentId"],
    [[{ projectId: "project-a", customEnvironmentId: "production" }], "customEnvironmentId"],
    [[{ projectId: "project-a", customEnvironmentId: "env_0" }], "environment"],
    [[{ branch: "b" }], "projectId"],
    [[{ projectId: "project-a", path: "no-slash" }], "path"],
    [[{ projectId: "project-a", branch: "x".repeat(251) }], "branch"],
    [[{ projectId: "project-a", events: ["push"] }], "events"],
  ] as const)("%j is refused, and nothing changes", async ([wanted, named]) => {
    await replace([{ projectId: world.projectA }]);
    const answer = await replace(wanted);
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain(named);
    expect(await destinations()).toHaveLength(1);
  });

  test("the same destination named twice is one", async () => {
    await replace([{ projectId: world.projectA }, { projectId: "project-a", path: "/github" }]);
    expect(await destinations()).toHaveLength(1);
  });

  test("a developer may not", async () => {
    expect((await replace([], world.developer)).status).toBe(403);
  });
});

describe("triggerDestination of a creation", () => {
  test("is the first destination, by default in the project that the connector is linked to", async () => {
    const body = { service: "github", triggers: true, projectId: world.projectA, environments: ["preview"] };
    const made = await world.api.post(
      "/v1/connect/connectors",
      apiKeyBody({ ...body, triggerDestination: { path: "/first" } }),
      world.owner,
    );
    expect([made.status, made.body.triggerDestinations]).toEqual([
      201,
      [{ projectId: world.projectA, path: "/first" }],
    ]);
    const link = `/v1/connect/connectors/${made.body.id}/projects/${world.projectA}`;
    expect((await world.api.get(link, world.owner)).body.environments).toEqual(["preview", "production"]);
  });

  test("links the project that it names, when the connector is linked to none", async () => {
    const made = await world.api.post(
      "/v1/connect/connectors",
      apiKeyBody({ service: "github", triggers: true, triggerDestination: { projectId: world.projectB } }),
      world.owner,
    );
    expect(made.status).toBe(201);
    const link = `/v1/connect/connectors/${made.body.id}/projects/${world.projectB}`;
    expect((await world.api.get(link, world.owner)).body.environments).toEqual(["production"]);
  });

  test.for([
    { triggers: false, triggerDestination: { projectId: "project-a" } },
    { triggers: true, triggerDestination: {} },
    { triggers: true, triggerDestination: { projectId: "nobody" } },
    { triggers: true, triggerDestination: { projectId: "project-b", branch: "main" } },
  ])("%j makes no connector", async (fields) => {
    const uid = `none/${number++}`;
    const refused = await world.api.post(
      "/v1/connect/connectors",
      apiKeyBody({ uid, service: "github", ...fields }),
      world.owner,
    );
    expect([400, 404, 422]).toContain(refused.status);
    expect((await world.api.get(`/v1/connect/connectors/${encodeURIComponent(uid)}`, world.owner)).status).toBe(404);
  });
});
