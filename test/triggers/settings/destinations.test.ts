import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { unwrap } from "../../../src/errors.ts";
import { openDestinationSecrets } from "../../../src/triggers/settings/destination-secrets.ts";
import {
  destinationsOf,
  disableDestination,
  findDestination,
} from "../../../src/triggers/settings/destination-store.ts";
import { apiKeyBody, created, newWorld, type World } from "../../connectors/world.ts";
import { HOSTILE_FORMS, HOSTILE_URLS, LOOPBACK_URLS } from "../../outbound/hostile-urls.ts";
import { recordingLanes } from "./lanes.ts";

const DAY_MS = 86_400_000;
let nowMs = 1_700_000_000_000;
const lanes = recordingLanes();
let world: World;
let connector: string;
beforeAll(async () => {
  world = await newWorld({
    now: () => nowMs,
    lanes: lanes.directory,
    urlPolicy: { ownHosts: ["connect.acme.dev"], allowLoopback: false },
  });
});
let number = 0;
beforeEach(async () => {
  connector = await created(world, apiKeyBody({ service: "github", uid: `destinations/${number++}` }));
  lanes.calls.length = 0;
  lanes.states.length = 0;
});

const base = () => `/v1/connect/connectors/${connector}/destinations`;
const post = (body: unknown, token = world.owner) => world.api.post(base(), body, token);
const get = (id = "", token = world.owner) => world.api.get(`${base()}${id && `/${id}`}`, token);
const patch = (id: string, body: unknown) => world.api.patch(`${base()}/${id}`, body, world.owner);
const setOrigin = (environment: string, origin: string | null, project = world.projectA) =>
  world.api.put(`/v1/projects/${project}/environments/${environment}`, { origin }, world.owner);
const link = (project = world.projectA) =>
  world.api.get(`/v1/connect/connectors/${connector}/projects/${project}`, world.owner);

describe("a destination that is a URL", () => {
  test("is made with its audience and a signing secret that is shown once", async () => {
    const made = await post({ url: "https://hooks.acme.com/in?from=us" });
    expect([made.status, made.text]).toEqual([201, made.text]);
    const { signingSecret, ...rest } = made.body;
    expect(rest).toEqual({
      id: expect.stringMatching(/^dst_[0-9a-z]{20}$/),
      connectorId: connector,
      url: "https://hooks.acme.com/in?from=us",
      audience: "https://hooks.acme.com/in",
      events: null,
      filter: null,
      ordered: false,
      lanes: 1,
      retrySchedule: [5, 30, 120, 600, 1800, 7200, 18000, 36000, 36000],
      timeoutMs: 15000,
      maxInFlight: 5,
      ratePerSecond: null,
      responder: false,
      enabled: true,
      createdAt: nowMs,
      updatedAt: nowMs,
      revision: 1,
    });
    expect(signingSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const read = await get(made.body.id);
    expect(read.body).toEqual({
      ...rest,
      secrets: [{ id: expect.stringMatching(/^sec_/), addedAt: nowMs }],
      lane: { state: "closed", queued: 0, inFlight: 0, nextAttemptAt: null },
    });
    expect((await get()).body).toEqual({ destinations: [rest], pagination: { next: null } });
    const row = await env.DB.prepare("SELECT * FROM destinations WHERE id = ?").bind(made.body.id).first();
    expect(JSON.stringify(row)).not.toContain(signingSecret.slice(6));
  });

  test("a creation that is repeated under its Idempotency-Key is one destination, with the same secret", async () => {
    const send = () =>
      world.api.send(base(), {
        method: "POST",
        headers: {
          authorization: `Bearer ${world.owner}`,
          "content-type": "application/json",
          "idempotency-key": connector,
        },
        body: JSON.stringify({ url: "https://hooks.acme.com/once" }),
      });
    const [first, second] = [await send(), await send()];
    expect(second.body).toEqual(first.body);
    expect((await get()).body.destinations).toHaveLength(1);
  });

  test.for([...HOSTILE_URLS, ...HOSTILE_FORMS, ...LOOPBACK_URLS])(
    "fault 66 W-08 %j is refused when it is saved, and when it is changed",
    async (url) => {
      const { body } = await post({ url: "https://hooks.acme.com/in" });
      for (const refused of [await post({ url }), await patch(body.id, { url })]) {
        const code = url === "" ? "bad_request" : "url_not_allowed";
        expect([refused.status, refused.body.error.code]).toEqual([400, code]);
      }
      expect((await get()).body.destinations).toMatchObject([{ url: "https://hooks.acme.com/in", revision: 1 }]);
    },
  );

  test("fault 66 W-08 our own host is refused, in every spelling", async () => {
    for (const url of ["https://connect.acme.dev/hooks/1", "https://CONNECT.acme.dev:443/"]) {
      expect((await post({ url })).body.error.code).toBe("url_not_allowed");
    }
  });

  test("W-10 two destinations of one connector never share an audience, even when one has moved", async () => {
    const { body } = await post({ url: "https://hooks.acme.com/a" });
    const taken = await post({ url: "https://hooks.acme.com/a?other=1" });
    expect([taken.status, taken.body.error.code]).toEqual([409, "conflict"]);
    const moved = await patch(body.id, { url: "https://hooks.acme.com/b" });
    expect(moved.body).toMatchObject({ url: "https://hooks.acme.com/b", audience: "https://hooks.acme.com/a" });
    expect((await post({ url: "https://hooks.acme.com/a" })).status).toBe(409);
  });

  test.for([
    [{}, "url"],
    [{ url: "https://a.acme.com/", projectId: "project-a" }, "url"],
    [{ url: "https://a.acme.com/", path: "/x" }, "url"],
    [{ projectId: "project-a" }, "environment"],
    [{ url: "https://a.acme.com/", timeoutMs: 999 }, "timeoutMs"],
    [{ url: "https://a.acme.com/", timeoutMs: 30_001 }, "timeoutMs"],
    [{ url: "https://a.acme.com/", maxInFlight: 7 }, "maxInFlight"],
    [{ url: "https://a.acme.com/", lanes: 17 }, "lanes"],
    [{ url: "https://a.acme.com/", ratePerSecond: 0 }, "ratePerSecond"],
    [{ url: "https://a.acme.com/", retrySchedule: Array.from({ length: 21 }, () => 1) }, "retrySchedule"],
    [{ url: "https://a.acme.com/", retrySchedule: [1_209_600, 1] }, "retrySchedule"],
    [{ url: "https://a.acme.com/", retrySchedule: [0] }, "retrySchedule"],
    [{ url: "https://a.acme.com/", filter: { equals: { "no-pointer": 1 } } }, "filter"],
    [{ url: "https://a.acme.com/", filter: { tenant: "1" } }, "filter"],
    [{ url: "https://a.acme.com/", headers: {} }, "headers"],
    [{ url: "https://a.acme.com/", signingSecret: "whsec_x" }, "signingSecret"],
  ] as const)("%j is refused by name", async ([body, named]) => {
    const { status, body: answer } = await post(body);
    expect(status).toBe(400);
    expect(answer.error.message).toContain(named);
  });

  test("what it receives and how can be changed, and its lanes are told", async () => {
    const { body } = await post({ url: "https://hooks.acme.com/in", lanes: 3 });
    const change = {
      events: ["push"],
      filter: { tenants: ["7"], equals: { "/action": "opened", "/a~1b": null } },
      ordered: true,
      lanes: 2,
      retrySchedule: [],
      timeoutMs: 1000,
      maxInFlight: 1,
      ratePerSecond: 10,
      responder: true,
      enabled: false,
    };
    nowMs += 5;
    const changed = await patch(body.id, change);
    expect(changed.body).toMatchObject({ ...change, disabledReason: "operator", revision: 2, updatedAt: nowMs });
    expect(lanes.calls).toEqual([0, 1, 2].map((lane) => ["refresh", body.id, lane]));
    const back = await patch(body.id, { events: null, filter: null, enabled: true, ratePerSecond: null });
    expect(back.body).toMatchObject({ events: null, filter: null, enabled: true, ordered: true });
    expect(back.body.disabledReason).toBeUndefined();
  });

  test("one destination of a connector is its responder", async () => {
    await post({ url: "https://hooks.acme.com/a", responder: true });
    expect((await post({ url: "https://hooks.acme.com/b", responder: true })).status).toBe(409);
    const { body } = await post({ url: "https://hooks.acme.com/b" });
    expect((await patch(body.id, { responder: true })).status).toBe(409);
  });

  test("one that answered 410 is enabled again by an operator only, and an operator's word is not overwritten", async () => {
    const { body } = await post({ url: "https://hooks.acme.com/in" });
    await disableDestination(world.services.db, body.id, "gone", nowMs);
    expect((await get(body.id)).body).toMatchObject({ enabled: false, disabledReason: "gone" });
    await patch(body.id, { enabled: false });
    await disableDestination(world.services.db, body.id, "gone", nowMs);
    expect((await get(body.id)).body.disabledReason).toBe("operator");
  });

  test("fault 57 its secret rotates: the former stays valid for a day, and the lanes are told", async () => {
    const { body } = await post({ url: "https://hooks.acme.com/in" });
    const rotated = await world.api.post(`${base()}/${body.id}/secrets`, {}, world.owner);
    expect(rotated.status).toBe(201);
    expect(rotated.body.signingSecret).toMatch(/^whsec_/);
    expect(rotated.body.signingSecret).not.toBe(body.signingSecret);
    expect(rotated.body.secrets.map(({ expiresAt }: { expiresAt?: number }) => expiresAt)).toEqual([
      undefined,
      nowMs + DAY_MS,
    ]);
    const found = await findDestination(world.services.db, body.id);
    if (found === null) throw new Error("it is gone");
    const secrets = unwrap(await openDestinationSecrets(world.services.keys, world.teamId, found.destination));
    expect(secrets.map(({ value }) => value.expose())).toEqual([rotated.body.signingSecret, body.signingSecret]);
    expect(lanes.calls).toEqual([["refresh", body.id, 0]]);
    nowMs += DAY_MS;
    expect((await get(body.id)).body.secrets).toHaveLength(1);
  });

  test("is shown with the state of all its lanes, and without it where one does not answer", async () => {
    const { body } = await post({ url: "https://hooks.acme.com/in", lanes: 3 });
    const lane = async () => (await get(body.id)).body.lane;
    lanes.states.push(
      { waiting: 3, inFlight: 1, breaker: "open", nextAtMs: nowMs + 20 },
      { waiting: 2, inFlight: 2, breaker: "half_open", nextAtMs: nowMs + 10 },
    );
    expect(await lane()).toEqual({ state: "open", queued: 5, inFlight: 3, nextAttemptAt: nowMs + 10 });
    lanes.states[0] = { waiting: 0, inFlight: 0, breaker: "closed", nextAtMs: null };
    expect(await lane()).toMatchObject({ state: "half_open", queued: 2 });
    // A list would ask too many objects, and a change answers for itself.
    expect((await get()).body.destinations[0]).not.toHaveProperty("lane");
    expect((await patch(body.id, { enabled: false })).body).not.toHaveProperty("lane");
    expect(await lane()).toMatchObject({ queued: 2, nextAttemptAt: null });
    lanes.states[2] = null;
    expect((await get(body.id)).status).toBe(200);
    expect(await lane()).toBeNull();
    expect(world.services.lines.at(-2)).toContain("lane.not_asked");
  });

  test("is removed for good, and its lanes are told", async () => {
    const { body } = await post({ url: "https://hooks.acme.com/in", lanes: 2 });
    expect((await world.api.delete(`${base()}/${body.id}`, world.owner)).status).toBe(204);
    expect((await get(body.id)).status).toBe(404);
    expect(await findDestination(world.services.db, body.id)).toBeNull();
    expect(lanes.calls).toEqual([
      ["refresh", body.id, 0],
      ["refresh", body.id, 1],
    ]);
  });

  test("is found only at its own connector", async () => {
    const { body } = await post({ url: "https://hooks.acme.com/in" });
    connector = await created(world, apiKeyBody());
    expect((await get(body.id)).status).toBe(404);
    expect((await patch(body.id, { enabled: false })).status).toBe(404);
    expect((await world.api.delete(`${base()}/${body.id}`, world.owner)).status).toBe(404);
  });

  test("If-Match of another revision refuses a change and a removal", async () => {
    const { body } = await post({ url: "https://hooks.acme.com/in" });
    const send = (method: string) =>
      world.api.send(`${base()}/${body.id}`, {
        method,
        headers: { authorization: `Bearer ${world.owner}`, "content-type": "application/json", "if-match": '"2"' },
        ...(method === "PATCH" && { body: JSON.stringify({ ordered: true }) }),
      });
    expect([(await send("PATCH")).status, (await send("DELETE")).status]).toEqual([412, 412]);
  });

  test("there may be many, and lists have pages", async () => {
    for (let index = 0; index < 5; index++) {
      nowMs += 1;
      expect((await post({ url: `https://hooks.acme.com/${index}` })).status).toBe(201);
    }
    const seen: string[] = [];
    let cursor = "";
    do {
      const { body } = await world.api.get(`${base()}?limit=2${cursor}`, world.owner);
      seen.push(...body.destinations.map(({ url }: { url: string }) => new URL(url).pathname));
      cursor = body.pagination.next === null ? "" : `&cursor=${body.pagination.next}`;
    } while (cursor !== "");
    expect(seen).toEqual(["/0", "/1", "/2", "/3", "/4"]);
  });

  test("only admins write, every member reads, and tokens of a project do neither", async () => {
    const url = "https://hooks.acme.com/in";
    for (const token of [world.developer, world.viewer, world.managerOfA]) {
      expect((await post({ url }, token)).status).toBe(403);
    }
    expect((await get("", world.viewer)).status).toBe(200);
    expect((await get("", world.managerOfA)).status).toBe(403);
  });
});

describe("a destination in a project's environment", () => {
  test("is at the environment's origin, by default at /{service}, and enables the environment on the link", async () => {
    await setOrigin("production", "https://app.acme.com");
    const made = await post({ projectId: "project-a", environment: "production" });
    expect(made.body).toMatchObject({
      url: "https://app.acme.com/github",
      projectId: world.projectA,
      environment: "production",
      path: "/github",
      audience: `project:${world.projectA}:production/github`,
    });
    expect((await link()).body.environments).toEqual(["production"]);
    await setOrigin("development", "https://dev.acme.com");
    const other = await post({ projectId: world.projectA, environment: "development", path: "/in?x=1" });
    expect(other.body).toMatchObject({ url: "https://dev.acme.com/in?x=1" });
    expect((await link()).body.environments).toEqual(["production", "development"]);
  });

  test("follows the environment's origin, and without one has no URL", async () => {
    await setOrigin("production", "https://app.acme.com");
    const { body } = await post({ projectId: "project-a", environment: "production" });
    await setOrigin("production", "https://new.acme.com");
    expect((await get(body.id)).body.url).toBe("https://new.acme.com/github");
    await setOrigin("production", null);
    expect((await get(body.id)).body.url).toBeNull();
    const refused = await post({ projectId: "project-a", environment: "production", path: "/x" });
    expect([refused.status, refused.body.error.code]).toEqual([422, "origin_not_configured"]);
  });

  test("of a preview's branch is at the origin that the template makes of it", async () => {
    await setOrigin("preview", "https://{branch}-app.acme.com");
    const made = await post({ projectId: "project-a", environment: "preview", branch: "Feature/New_Thing" });
    expect(made.body).toMatchObject({
      url: "https://feature-new-thing-app.acme.com/github",
      branch: "Feature/New_Thing",
      audience: `project:${world.projectA}:preview:Feature%2FNew_Thing/github`,
    });
    const none = await post({ projectId: "project-a", environment: "preview" });
    expect([none.status, none.body.error.message]).toEqual([400, expect.stringContaining("branch")]);
    const long = await post({ projectId: "project-a", environment: "preview", branch: "x".repeat(250) });
    expect(new URL(long.body.url).hostname.split(".")[0]).toBe(`${"x".repeat(59)}-app`);
    await setOrigin("preview", "https://preview.acme.com");
    const plain = await post({ projectId: "project-a", environment: "preview", branch: "main" });
    expect([plain.status, plain.body.error.code]).toEqual([422, "origin_not_configured"]);
    expect((await post({ projectId: "project-a", environment: "preview" })).body.url).toBe(
      "https://preview.acme.com/github",
    );
  });

  test("of a custom environment takes no branch, and another project's environment is refused", async () => {
    const environment = { slug: `qa-${number}`, origin: "https://qa.acme.com" };
    const made = await world.api.post(`/v1/projects/${world.projectA}/environments`, environment, world.owner);
    const custom = made.body.id;
    const branch = await post({ projectId: "project-a", environment: custom, branch: "main" });
    expect([branch.status, branch.body.error.code]).toEqual([400, "bad_request"]);
    expect((await post({ projectId: "project-b", environment: custom })).status).toBe(400);
    expect((await post({ projectId: "project-c", environment: custom })).status).toBe(404);
    expect((await post({ projectId: "project-a", environment: custom })).body.url).toBe("https://qa.acme.com/github");
  });

  test.for(["//evil.dev/x", "https://evil.dev", "x", "/a\\b", "/a#b", "/a b", "/\u00e9"])(
    "fault 66 W-08 the path %j, which might leave the origin, is refused",
    async (path) => {
      await setOrigin("production", "https://app.acme.com");
      expect((await post({ projectId: "project-a", environment: "production", path })).status).toBe(400);
    },
  );

  test.for(["/@evil.dev", "/..//evil.dev", "/%2f%2fevil.dev", "/:443@evil.dev"])(
    "fault 66 W-08 the path %j does not leave the origin",
    async (path) => {
      await setOrigin("production", "https://app.acme.com");
      const { status, body } = await post({ projectId: "project-a", environment: "production", path });
      expect([status, new URL(body.url).origin]).toEqual([201, "https://app.acme.com"]);
    },
  );

  test("rests while the link does not have its environment, and goes with the link", async () => {
    await setOrigin("production", "https://app.acme.com");
    const { body } = await post({ projectId: "project-a", environment: "production" });
    const path = `/v1/connect/connectors/${connector}/projects/${world.projectA}`;
    await world.api.post(path, { environments: ["preview"] }, world.owner);
    expect((await get(body.id)).body).toMatchObject({ enabled: false, disabledReason: "unlinked" });
    expect(lanes.calls).toEqual([["refresh", body.id, 0]]);
    await world.api.post(path, { environments: ["preview", "production"] }, world.owner);
    expect((await get(body.id)).body).toMatchObject({ enabled: true });
    lanes.calls.length = 0;
    expect((await world.api.delete(path, world.owner)).status).toBe(204);
    expect((await get(body.id)).status).toBe(404);
    expect(lanes.calls).toEqual([["refresh", body.id, 0]]);
  });

  test("goes with its custom environment, and is rerouted nowhere", async () => {
    const environment = { slug: `gone-${number}`, origin: "https://qa.acme.com" };
    const made = await world.api.post(`/v1/projects/${world.projectA}/environments`, environment, world.owner);
    const { body } = await post({ projectId: "project-a", environment: made.body.id });
    await world.api.delete(`/v1/projects/${world.projectA}/environments/${made.body.id}`, world.owner);
    expect((await get(body.id)).status).toBe(404);
    expect(lanes.calls).toEqual([["refresh", body.id, 0]]);
  });
});

test("deleting a connector removes its destinations, and a deleted connector gets none", async () => {
  const { body } = await post({ url: "https://hooks.acme.com/in" });
  await world.api.delete(`/v1/connect/connectors/${connector}`, world.owner);
  expect(lanes.calls).toEqual([["refresh", body.id, 0]]);
  expect(await destinationsOf(world.services.db, connector)).toEqual([]);
  expect((await post({ url: "https://hooks.acme.com/in" })).status).toBe(410);
});
