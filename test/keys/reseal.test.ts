import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { findConnector, updateConnector } from "../../src/connectors/connector-store.ts";
import { findRun, RESEAL_STAGES, startRun } from "../../src/keys/reseal-run.ts";
import { ROWS_PER_STEP, stepReseal } from "../../src/keys/reseal-step.ts";
import { grantsOf, nextRoundInMs, round } from "../housekeeping/support.ts";
import { accessToken } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { ask, scene } from "../support/connect.ts";
import { deploy, dropped, prepared, referencesOf, reset, rotated, untilResealed } from "./support.ts";

beforeEach(reset);

describe("re-sealing", () => {
  test("goes on over several alarms, each of which touches a bounded number of rows", async () => {
    const old = await deploy(prepared());
    const at = await scene(old.api, "many");
    const { owner } = at;
    const more = 2 * ROWS_PER_STEP;
    for (let index = 0; index < more; index++) {
      const key = { value: `secret-${index}` };
      const created = await old.api.post(
        "/v1/connect/connectors",
        { type: "api-key", name: `key ${index}`, uid: `many/${index}`, data: { values: [key] } },
        owner,
      );
      expect([created.status, created.text]).toEqual([201, created.text]);
    }
    const now = await deploy(rotated());
    await now.api.post("/v1/keys/reseal", undefined, owner);
    const left = [];
    for (let rounds = 0; rounds < 3; rounds++) {
      await round();
      left.push(referencesOf((await now.api.get("/v1/keys", owner)).body, "k1")?.connectors ?? 0);
    }
    expect(left[0]).toBeGreaterThanOrEqual(more + 1 - ROWS_PER_STEP);
    expect((left[0] ?? 0) - (left[1] ?? 0)).toBeLessThanOrEqual(ROWS_PER_STEP);
    expect(left[2]).toBe(0);
  });

  test("asked for again while it runs goes on where it was, and when it is done begins anew", async () => {
    const now = await deploy(rotated());
    const at = await scene(now.api, "again");
    const { db } = now.services;
    await now.api.post("/v1/keys/reseal", {}, at.owner);
    await round();
    const first = await findRun(db);
    clock.advance(5);
    await now.api.post("/v1/keys/reseal", {}, at.owner);
    expect(await findRun(db)).toEqual({ ...first, dueAtMs: expect.any(Number) });
    expect(first?.stage).not.toBe("connectors");
    await untilResealed();
    await now.api.post("/v1/keys/reseal", {}, at.owner);
    expect(await findRun(db)).toMatchObject({ stage: "connectors", finishedAtMs: null, resealed: 0 });
  });

  test("D-02 an envelope that does not open stays as it is, holds up no other, and keeps the run from ending", async () => {
    const old = await deploy(prepared());
    const broken = await scene(old.api, "broken");
    const sound = await scene(old.api, "sound");
    const query = env.DB.prepare("SELECT secrets_sealed AS s, secrets_kid AS k FROM connectors WHERE id = ?");
    const rowOf = (id: string) => query.bind(id).first<{ s: string; k: string }>();
    const [whole, other] = [await rowOf(broken.connectorId), await rowOf(sound.connectorId)];
    const put = env.DB.prepare("UPDATE connectors SET secrets_sealed = ? WHERE id = ?");
    await put.bind(other?.s ?? "", broken.connectorId).run();
    const now = await deploy(rotated());
    await now.api.post("/v1/keys/reseal", {}, sound.owner);
    for (let rounds = 0; rounds < RESEAL_STAGES.length; rounds++) await round();
    const after = [await rowOf(broken.connectorId), await rowOf(sound.connectorId)];
    await put.bind(whole?.s ?? "", broken.connectorId).run();
    expect(after).toEqual([
      { s: other?.s, k: "k1" },
      { s: expect.any(String), k: "k2" },
    ]);
    expect((await findRun(now.services.db))?.finishedAtMs).toBeNull();
    // It is tried again, but not in a hurry.
    expect(await nextRoundInMs()).toBeGreaterThan(50_000);
  });

  test("a PATCH that read the connector before it was re-sealed does not bring the old envelope back", async () => {
    const old = await deploy(prepared());
    const at = await scene(old.api, "overtaken");
    const found = await findConnector(old.services.db, at.connectorId);
    if (found === null) throw new Error("no connector");
    const now = await deploy(rotated());
    await now.services.db.batch(startRun("k2", clock.now()));
    await now.services.nudgeHousekeeper();
    await untilResealed();
    const { connector } = found;
    const renamed = { ...connector, name: "renamed", revision: connector.revision + 1 };
    expect(await updateConnector(now.services.db, renamed, connector)).toBe(false);
    const patched = await now.api.patch(`/v2/connect/connectors/${at.connectorId}`, { name: "renamed" }, at.owner);
    expect(patched.body.connector.name).toBe("renamed");
    // Re-sealing is no change of the connector: revisions, and with them tokens and ETags, stay.
    expect(patched.body.connector.revision).toBe(connector.revision + 1);
    expect(referencesOf((await now.api.get("/v1/keys", at.owner)).body, "k1")?.connectors).toBe(0);
  });

  test("an object with the ring of before a deploy leaves the work to the next one", async () => {
    const now = await deploy(rotated());
    const at = await scene(now.api, "lagging");
    await ask(now.api, at);
    const [name = ""] = await grantsOf(at.connectorId);
    expect(await env.GRANTS.getByName(name).reseal("k3")).toMatchObject({ done: false });
    const { db } = now.services;
    await db.batch(startRun("k3", clock.now()));
    const keys = await rotated();
    await stepReseal(100, { ...now.services, keys: async () => keys });
    expect(await findRun(db)).toMatchObject({ primaryKid: "k3", stage: "connectors", finishedAtMs: null });
    expect((await findRun(db))?.dueAtMs).toBeGreaterThan(clock.now() + 50_000);
  });

  test("a Grant that does not answer is asked again later, and its key may not be dropped until then", async () => {
    const old = await deploy(prepared());
    const at = await scene(old.api, "deaf");
    await ask(old.api, at);
    const now = await deploy(rotated());
    const { db } = now.services;
    await db.batch(startRun("k2", clock.now()));
    const deaf = { grant: () => ({ reseal: async () => Promise.reject(new Error("gone")) }) };
    const deps = { ...now.services, grants: deaf, keys: async () => now.services.keys };
    for (let steps = 0; steps < 5; steps++) await stepReseal(100, deps);
    expect((await findRun(db))?.finishedAtMs).toBeNull();
    const { body } = await now.api.get("/v1/keys", at.owner);
    expect(referencesOf(body, "k1")?.grants).toBe(1);
    expect(body.reseal.remaining.grants).toBe(1);
  });

  test("Grants from before keys were counted may need any key, until they have said which", async () => {
    const old = await deploy(prepared());
    const at = await scene(old.api, "uncounted");
    await ask(old.api, at);
    const [name = ""] = await grantsOf(at.connectorId);
    await env.DB.prepare("UPDATE grant_keys SET kid = '' WHERE grant_name = ?").bind(name).run();
    const now = await deploy(rotated());
    const unknown = await now.api.get("/v1/keys", at.owner);
    expect(unknown.body.grantsOfUnknownKey).toBe(1);
    expect(unknown.body.keys.map(({ mayBeDropped }: { mayBeDropped: boolean }) => mayBeDropped)).toEqual([
      false,
      false,
    ]);
    expect((await now.api.get("/health")).status).toBe(200);
    await now.api.post("/v1/keys/reseal", {}, at.owner);
    await untilResealed();
    const known = await now.api.get("/v1/keys", at.owner);
    expect(known.body.grantsOfUnknownKey).toBe(0);
    const kids = env.DB.prepare("SELECT kid FROM grant_keys WHERE grant_name = ?").bind(name);
    expect((await kids.all()).results).toEqual([{ kid: "k2" }]);
  });
});

describe("the routes of the ring", () => {
  test("are the owner's, and show no key", async () => {
    const now = await deploy(rotated());
    const at = await scene(now.api, "routes");
    const admin = await accessToken(now.api, at.owner, { role: "admin" });
    expect((await now.api.get("/v1/keys", admin)).status).toBe(403);
    expect((await now.api.post("/v1/keys/reseal", {}, admin)).status).toBe(403);
    const { text, body } = await now.api.get("/v1/keys", at.owner);
    expect(body.keys.map(({ kid }: { kid: string }) => kid)).toEqual(["k2", "k1"]);
    for (const entry of env.MASTER_KEYS.split(",")) expect(text).not.toContain(entry.split(":")[1]);
  });

  test("an isolate that a deploy has not reached does not start a run towards the old key", async () => {
    const now = await deploy(prepared());
    const at = await scene(now.api, "early");
    const early = await now.api.post("/v1/keys/reseal", { primary: "k2" }, at.owner);
    expect([early.status, early.body.error.code]).toEqual([409, "conflict"]);
    expect(await findRun(now.services.db)).toBeNull();
  });

  test("a referenced key that the ring lacks is listed as not configured", async () => {
    const now = await deploy(rotated());
    const at = await scene(now.api, "lacking");
    const end = await deploy(dropped());
    await env.DB.prepare("UPDATE connectors SET secrets_kid = 'k0' WHERE id = ?").bind(at.connectorId).run();
    const { body } = await end.api.get("/v1/keys", at.owner);
    await env.DB.prepare("UPDATE connectors SET secrets_kid = 'k2' WHERE id = ?").bind(at.connectorId).run();
    const lacking = body.keys.find(({ kid }: { kid: string }) => kid === "k0");
    expect(lacking).toMatchObject({ configured: false, mayBeDropped: false, references: { connectors: 1 } });
  });
});
