import { beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { db } from "./rows.ts";
import { apiKeyBody, created, KEY, newWorld, oauthBody, type World } from "./world.ts";

let nowMs = Date.now();
let world: World;
beforeAll(async () => {
  world = await newWorld({ now: () => nowMs });
});
beforeEach(() => {
  nowMs += 1000;
});

const patch = (id: string, body: unknown, token = world.owner) =>
  world.api.patch(`/v2/connect/connectors/${id}`, body, token);
const get = (id: string, token = world.owner) => world.api.get(`/v1/connect/connectors/${id}`, token);
const remove = (id: string, token = world.owner) => world.api.delete(`/v1/connect/connectors/${id}`, token);
const withIfMatch = (method: string, path: string, tag: string, body?: unknown) =>
  world.api.send(path, {
    method,
    headers: { authorization: `Bearer ${world.owner}`, "if-match": tag, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

describe("change", () => {
  test("every field that is served changes, the rest stays, and the revision counts", async () => {
    const id = await created(world, oauthBody({ backgroundColor: "#000000" }));
    nowMs += 5;
    const change = {
      uid: `renamed/${id.slice(4)}`,
      name: "Renamed",
      minimumBinding: "confirm",
      leaseSeconds: 30,
      accentColor: "#123456",
      backgroundColor: null,
    };
    const { status, body, headers } = await patch(id, change);
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(["connector"]);
    const { backgroundColor: _removed, ...changed } = change;
    expect(body.connector).toMatchObject({ ...changed, displayName: "Renamed", id, revision: 2, updatedAt: nowMs });
    expect(body.connector).not.toHaveProperty("backgroundColor");
    expect(body.connector).not.toHaveProperty("data");
    expect(headers.get("etag")).toBe('"2"');
    expect((await get(encodeURIComponent(change.uid))).body.id).toBe(id);
  });

  test("an empty change changes nothing", async () => {
    const id = await created(world, apiKeyBody());
    expect((await patch(id, {})).body.connector.revision).toBe(1);
  });

  test("a change of data keeps what it does not name, makes tokens stale, and is sealed anew", async () => {
    const id = await created(world, oauthBody());
    const row = () =>
      db.first<{ config_revision: number; secrets_generation: number; secrets_sealed: string; secrets_kid: string }>({
        sql: "SELECT config_revision, secrets_generation, secrets_sealed, secrets_kid FROM connectors WHERE id = ?",
        values: [id],
      });
    const before = await row();
    expect((await patch(id, { data: { clientName: "New name" } })).status).toBe(200);
    const after = await row();
    expect(after).toMatchObject({ config_revision: 2, secrets_generation: 2, secrets_kid: "k1" });
    expect(after?.secrets_sealed).not.toBe(before?.secrets_sealed);
    const { data } = (await get(id)).body;
    expect(data).toMatchObject({ clientId: "c1", clientName: "New name", clientSecret: { set: true } });
    expect((await patch(id, { name: "Only the name" })).status).toBe(200);
    expect(await row()).toMatchObject({ config_revision: 2, secrets_generation: 2 });
  });

  test("a refused change of data changes nothing at all", async () => {
    const id = await created(world, oauthBody());
    const answer = await patch(id, { name: "Half", data: { serverUrl: `${inject("hostileOrigin")}/as/wrong-issuer` } });
    expect([answer.status, answer.body.error.code]).toEqual([400, "issuer_mismatch"]);
    expect((await get(id)).body).toMatchObject({ revision: 1, name: "127.0.0.1" });
  });

  test("the region never changes", async () => {
    const id = await created(world, apiKeyBody({ region: "eu" }));
    const answer = await patch(id, { region: "us" });
    expect([answer.status, answer.body.error.code]).toEqual([400, "bad_request"]);
    expect(answer.body.error.message).toContain("region");
  });

  test("a stale If-Match is refused before anything is changed or deleted", async () => {
    const id = await created(world, apiKeyBody());
    const path = `/v2/connect/connectors/${id}`;
    expect((await withIfMatch("PATCH", path, '"1"', { name: "First" })).status).toBe(200);
    const stale = await withIfMatch("PATCH", path, '"1"', { name: "Second" });
    expect([stale.status, stale.body.error.code]).toEqual([412, "precondition_failed"]);
    expect((await withIfMatch("DELETE", `/v1/connect/connectors/${id}`, '"1"')).status).toBe(412);
    expect((await get(id)).body).toMatchObject({ name: "First", revision: 2 });
    expect((await withIfMatch("DELETE", `/v1/connect/connectors/${id}`, '"2"')).status).toBe(204);
  });

  test("concurrent changes of different fields all survive", async () => {
    const id = await created(world, apiKeyBody());
    const answers = await Promise.all([
      patch(id, { name: "Concurrent" }),
      patch(id, { leaseSeconds: 10 }),
      patch(id, { accentColor: "#abcdef" }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const { body } = await get(id);
    expect(body).toMatchObject({ name: "Concurrent", leaseSeconds: 10, accentColor: "#abcdef", revision: 4 });
  });

  test("api-key values are added, replaced and deleted by id", async () => {
    const id = await created(world, apiKeyBody({}, { values: [{ value: KEY, scope: "read" }] }));
    const [first] = (await get(id)).body.data.values;
    expect(first).toEqual({ id: expect.any(String), scope: "read", value: { set: true } });
    const data = { toAdd: [{ value: "second" }], toUpdate: [{ id: first.id, value: "rolled" }], toDelete: [] };
    expect((await patch(id, { data })).status).toBe(200);
    const { values } = (await get(id)).body.data;
    expect(values).toHaveLength(2);
    expect((await patch(id, { data: { toDelete: [first.id] } })).status).toBe(200);
    expect((await get(id)).body.data.values).toEqual([values[1]]);
  });
});

describe("delete", () => {
  test("a deleted connector is gone for those who knew its id, its uid is free, and a sealed tombstone waits", async () => {
    const nudged: number[] = [];
    world.services.nudgeHousekeeper = async () => void nudged.push(1);
    const id = await created(world, oauthBody({ uid: "short/lived", projectId: world.projectA }));
    expect((await remove(id)).status).toBe(204);
    expect(nudged).toHaveLength(1);
    for (const answer of [await get(id), await remove(id), await patch(id, { name: "x" })]) {
      expect([answer.status, answer.body.error.code]).toEqual([410, "gone"]);
    }
    expect((await get("short%2Flived")).status).toBe(404);
    expect((await get(id, world.productionOfA)).status).toBe(404);
    const links = await world.api.get("/v2/connect/projects/project-a/connectors?limit=100", world.owner);
    expect(links.body.connectors.map((link: { connectorId: string }) => link.connectorId)).not.toContain(id);
    const row = await db.first({
      sql: `SELECT c.secrets_sealed IS NOT NULL AS sealed, c.revoked_before_ms = t.revocation_clock_ms AS revoked,
              w.revoked_before_ms = c.revoked_before_ms AS walks, w.after_name
            FROM connectors AS c JOIN revocation_walks AS w ON w.connector_id = c.id JOIN team AS t WHERE c.id = ?`,
      values: [id],
    });
    expect(row).toEqual({ sealed: 1, revoked: 1, walks: 1, after_name: null });
    expect(await created(world, apiKeyBody({ uid: "short/lived" }))).not.toBe(id);
  });

  test("of two concurrent deletions one wins and the other says so", async () => {
    const id = await created(world, apiKeyBody());
    const statuses = (await Promise.all([remove(id), remove(id)])).map(({ status }) => status).toSorted();
    expect(statuses[0]).toBe(204);
    expect(statuses[1]).toBe(410);
  });

  test("a change at the same moment does not save a connector from its deletion", async () => {
    const id = await created(world, apiKeyBody());
    const [, deletion] = await Promise.all([patch(id, { name: "Late" }), remove(id)]);
    expect(deletion.status).toBe(204);
    expect((await get(id)).status).toBe(410);
  });
});
