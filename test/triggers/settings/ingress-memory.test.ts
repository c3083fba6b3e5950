import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Database } from "../../../src/store/database.ts";
import { findTriggerConfig } from "../../../src/triggers/ingress/trigger-directory.ts";
import { apiKeyBody, created, newWorld, type World } from "../../connectors/world.ts";
import { recordingLanes } from "./lanes.ts";

const IN = "https://hooks.acme.com/in";
const nowMs = 1_700_000_000_000;
let world: World;
let connector: string;
let ingressId: string;
let number = 0;

beforeAll(async () => {
  world = await newWorld({
    now: () => nowMs,
    lanes: recordingLanes().directory,
    urlPolicy: { ownHosts: [], allowLoopback: false },
  });
});
beforeEach(async () => {
  ({ connector, ingressId } = await receiving());
});

/** A connector whose ingress is enabled. */
async function receiving() {
  const id = await created(world, apiKeyBody({ service: "github", uid: `remembered/${number++}`, triggers: true }));
  const settings = { enabled: true, provider: "github", secrets: ["s"] };
  const { body } = await world.api.put(`/v1/connect/connectors/${id}/triggers`, settings, world.owner);
  return { connector: id, ingressId: body.ingressUrl.split("/").at(-1) ?? "" };
}

const base = () => `/v1/connect/connectors/${connector}`;
const deps = () => ({ ...world.services, defer: () => {} });
/** Who answers the provider, as this isolate has it; time stands still, so nothing is renewed. */
async function responder(id = ingressId) {
  const config = await findTriggerConfig(id, deps());
  return config && (config.responder?.url ?? "nobody");
}

describe("the ingress of this isolate heeds at once", () => {
  test("that a destination was added, changed, disabled and removed", async () => {
    expect(await responder()).toBe("nobody");
    const { body } = await world.api.post(`${base()}/destinations`, { url: IN, responder: true }, world.owner);
    expect(await responder()).toBe(IN);
    const path = `${base()}/destinations/${body.id}`;
    await world.api.patch(path, { url: `${IN}/moved` }, world.owner);
    expect(await responder()).toBe(`${IN}/moved`);
    await world.api.patch(path, { responder: false }, world.owner);
    expect(await responder()).toBe("nobody");
    await world.api.patch(path, { responder: true }, world.owner);
    await world.api.patch(path, { enabled: false }, world.owner);
    expect(await responder()).toBe("nobody");
    await world.api.patch(path, { enabled: true }, world.owner);
    expect(await responder()).toBe(`${IN}/moved`);
    await world.api.delete(path, world.owner);
    expect(await responder()).toBe("nobody");
  });

  test("a responder's new signing secret", async () => {
    const { body } = await world.api.post(`${base()}/destinations`, { url: IN, responder: true }, world.owner);
    const generation = async () => (await findTriggerConfig(ingressId, deps()))?.responder?.secretsGeneration;
    const before = await generation();
    await world.api.post(`${base()}/destinations/${body.id}/secrets`, {}, world.owner);
    expect(await generation()).toBe((before ?? 0) + 1);
  });

  test("what becomes of a responder's environment, link and connector", async () => {
    const environments = `/v1/projects/${world.projectA}/environments`;
    await world.api.put(`${environments}/production`, { origin: "https://app.acme.com" }, world.owner);
    const place = { projectId: world.projectA, environment: "production", path: "/in", responder: true };
    await world.api.post(`${base()}/destinations`, place, world.owner);
    expect(await responder()).toBe("https://app.acme.com/in");
    await world.api.put(`${environments}/production`, { origin: "https://new.acme.com" }, world.owner);
    expect(await responder()).toBe("https://new.acme.com/in");
    const link = `${base()}/projects/${world.projectA}`;
    await world.api.post(link, { environments: ["preview"] }, world.owner);
    expect(await responder()).toBe("nobody");
    await world.api.post(link, { environments: ["production"] }, world.owner);
    expect(await responder()).toBe("https://new.acme.com/in");
    await world.api.delete(link, world.owner);
    expect(await responder()).toBe("nobody");
    const made = await world.api.post(environments, { slug: "qa", origin: "https://qa.acme.com" }, world.owner);
    await world.api.post(`${base()}/destinations`, { ...place, environment: made.body.id }, world.owner);
    expect(await responder()).toBe("https://qa.acme.com/in");
    await world.api.delete(`${environments}/${made.body.id}`, world.owner);
    expect(await responder()).toBe("nobody");
    await world.api.delete(base(), world.owner);
    expect(await responder()).toBeNull();
  });

  test("and goes on with what it knows of other connectors", async () => {
    const other = await receiving();
    expect(await responder(other.ingressId)).toBe("nobody");
    await world.api.post(`${base()}/destinations`, { url: IN, responder: true }, world.owner);
    const down: Database["first"] = () => Promise.reject(new Error("not asked"));
    const known = await findTriggerConfig(other.ingressId, { ...deps(), db: { ...world.services.db, first: down } });
    expect(known?.connector.id).toBe(other.connector);
  });
});

test("what was read before a change and arrives after it is not remembered", async () => {
  const { first, ...db } = world.services.db;
  const [hasRead, answers] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow: Database["first"] = async (statement) => {
    const row = await first<never>(statement);
    if (!statement.sql.includes("FROM triggers")) return row;
    hasRead.resolve();
    await answers.promise;
    return row;
  };
  const reading = findTriggerConfig(ingressId, { ...deps(), db: { ...db, first: slow } });
  await hasRead.promise;
  await world.api.post(`${base()}/destinations`, { url: IN, responder: true }, world.owner);
  answers.resolve();
  expect((await reading)?.responder).toBeNull();
  expect(await responder()).toBe(IN);
});
