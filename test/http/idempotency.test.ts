import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { CLAIM_MS, claimKey, KEPT_MS, keepAnswer, purgeKeys } from "../../src/http/idempotency-store.ts";
import { ROUTES } from "../../src/routes.ts";
import { apiKeyBody, newWorld, type World } from "../connectors/world.ts";
import { accessToken } from "../support/api.ts";

let nowMs = 1_700_000_000_000;
let world: World;
beforeAll(async () => {
  world = await newWorld({ now: () => nowMs });
});

let keys = 0;
const newKey = () => `key-${++keys}`;
const post = (path: string, body: unknown, key: string, token = world.owner) =>
  world.api.send(path, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(body),
  });
const connectorCount = async () =>
  (await world.api.get("/v2/connect/connectors?limit=100", world.owner)).body.connectors.length;

describe("a creation under an Idempotency-Key", () => {
  test("happens once, and every repeat gets the same answer with its headers", async () => {
    const key = newKey();
    const before = await connectorCount();
    const first = await post("/v1/connect/connectors", apiKeyBody(), key);
    const again = await post("/v1/connect/connectors", apiKeyBody(), key);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
    expect([again.headers.get("etag"), again.headers.get("idempotency-replayed")]).toEqual(['"1"', "true"]);
    expect(first.headers.has("idempotency-replayed")).toBe(false);
    expect(again.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
    expect(await connectorCount()).toBe(before + 1);
  });

  test("shows the same secret again, and stores it sealed", async () => {
    const key = newKey();
    const body = { name: "ci", role: "viewer" };
    const first = await post("/v1/access-tokens", body, key);
    expect((await post("/v1/access-tokens", body, key)).body.token).toBe(first.body.token);
    const stored = await env.DB.prepare("SELECT * FROM idempotency_keys").all();
    expect(stored.results.length).toBeGreaterThan(0);
    expect(JSON.stringify(stored.results)).not.toContain(first.body.token);
    expect(JSON.stringify(stored.results)).not.toContain(key);
  });

  test("of ten at the same moment makes one thing; nobody gets another answer than that or 409 with Retry-After", async () => {
    const key = newKey();
    const answers = await Promise.all(Array.from({ length: 10 }, () => post("/v1/projects", { slug: "crowd" }, key)));
    const made = answers.filter(({ status }) => status === 201);
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
    for (const { status, headers } of answers.filter((answer) => !made.includes(answer))) {
      expect([status, headers.get("retry-after")]).toEqual([409, "1"]);
    }
  });

  test("with another body is 409 with a sentence, and creates nothing", async () => {
    const key = newKey();
    await post("/v1/projects", { slug: "one" }, key);
    const other = await post("/v1/projects", { slug: "two" }, key);
    expect([other.status, other.body.error.code]).toEqual([409, "conflict"]);
    expect(other.body.error.message).toContain("another body");
    expect((await world.api.get("/v1/projects/two", world.owner)).status).toBe(404);
  });

  test("is of one access token and one path: others are not answered with it", async () => {
    const key = newKey();
    const admin = await accessToken(world.api, world.owner, { role: "admin" });
    const mine = await post(`/v1/projects/${world.projectA}/environments`, { slug: "qa" }, key);
    const elsewhere = await post(`/v1/projects/${world.projectB}/environments`, { slug: "qa" }, key);
    expect([mine.status, elsewhere.status]).toEqual([201, 201]);
    expect(elsewhere.body.id).not.toBe(mine.body.id);
    expect((await post(`/v1/projects/${world.projectA}/environments`, { slug: "qa" }, key, admin)).status).toBe(409);
    expect((await post(`/v1/projects/${world.projectA}/environments`, { slug: "qa" }, key, world.viewer)).status).toBe(
      403,
    );
  });

  test("that failed may be tried again under the same key, with another body too", async () => {
    const key = newKey();
    expect((await post("/v1/projects", { slug: "crowd" }, key)).status).toBe(409);
    expect((await post("/v1/projects", { slug: "retried" }, key)).status).toBe(201);
  });

  test("is forgotten after a day", async () => {
    const key = newKey();
    await post("/v1/connect/connectors", apiKeyBody(), key);
    nowMs += KEPT_MS - 1;
    const before = await connectorCount();
    await post("/v1/connect/connectors", apiKeyBody(), key);
    expect(await connectorCount()).toBe(before);
    nowMs += 1;
    expect((await post("/v1/connect/connectors", apiKeyBody(), key)).headers.has("idempotency-replayed")).toBe(false);
    expect(await connectorCount()).toBe(before + 1);
    await purgeKeys(world.services.db, nowMs + KEPT_MS + 1);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM idempotency_keys").first("n")).toBe(0);
  });

  test("with a malformed key is refused before anything happens", async () => {
    for (const key of ["", " ", "a b", "k".repeat(256)]) {
      expect([key, (await post("/v1/projects", { slug: "never" }, key)).status]).toEqual([key, 400]);
    }
    expect((await world.api.get("/v1/projects/never", world.owner)).status).toBe(404);
  });
});

test("a claim whose request died is free after a minute, and the late answer of the dead one is not kept", async () => {
  const dead = { id: "dead", claimedAtMs: nowMs };
  expect(await claimKey(world.services, dead.id, nowMs)).toBe(true);
  expect(await claimKey(world.services, dead.id, nowMs + CLAIM_MS - 1)).toBe(false);
  expect(await claimKey(world.services, dead.id, nowMs + CLAIM_MS)).toBe(true);
  await keepAnswer(world.services, world.teamId, dead, { fingerprint: "f", status: 201, body: {}, headers: {} });
  const row = await env.DB.prepare("SELECT answer_sealed AS sealed FROM idempotency_keys WHERE id = 'dead'").first();
  expect(row).toEqual({ sealed: null });
});

test("every POST that creates takes keys, and nothing else claims to", () => {
  const creating = ROUTES.filter(([, , endpoint]) => endpoint.access === "management" && endpoint.creates === true);
  expect(creating.map(([method, pattern]) => `${method} ${pattern}`).sort()).toEqual([
    "POST /v1/access-tokens",
    "POST /v1/connect/connectors",
    "POST /v1/connect/connectors/:c/destinations",
    "POST /v1/connect/connectors/:c/destinations/:id/secrets",
    "POST /v1/connect/connectors/:c/destinations/:id/test",
    "POST /v1/connect/connectors/:c/installations",
    "POST /v1/connect/deliveries/:id/replay",
    "POST /v1/connect/replays",
    "POST /v1/issuer/keys",
    "POST /v1/issuers",
    "POST /v1/projects",
    "POST /v1/projects/:p/environments",
    "POST /v1/projects/:p/identities",
  ]);
});
