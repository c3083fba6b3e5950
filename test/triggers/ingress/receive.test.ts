import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { ApiError } from "../../../src/errors.ts";
import { createRateLimiter } from "../../../src/limits/rate-limiter.ts";
import { type Database, sql } from "../../../src/store/database.ts";
import { findTriggerConfig, rereadTriggerConfig } from "../../../src/triggers/ingress/trigger-directory.ts";
import { forgetTrigger } from "../../../src/triggers/ingress/trigger-memory.ts";
import { base256 } from "../recipes/signing.ts";
import { type Ingress, ingress, SECRET } from "./hooks.ts";

const BODY = '{"ref":"refs/heads/main","installation":{"id":7}}';

let at: Ingress;
beforeEach(async () => {
  at = await ingress();
});

/** How often each method of the database was called. */
function counted(db: Database): Database & { calls: () => number } {
  let calls = 0;
  const count = <Value>(value: Value) => {
    calls += 1;
    return value;
  };
  return {
    first: (statement) => count(db.first(statement)),
    all: (statement) => count(db.all(statement)),
    run: (statement) => count(db.run(statement)),
    batch: (statements) => count(db.batch(statements)),
    calls: () => calls,
  };
}

describe("a path that leads nowhere", () => {
  test("answers the same for unknown, disabled and deleted connectors", async () => {
    const disabled = await at.trigger({ enabled: false, connector: { draft: 1 } });
    const deleted = await at.trigger({ connector: { deletedAtMs: 5 } });
    const texts = new Set<string>();
    for (const id of ["0".repeat(32), "nonsense", disabled.ingressId, deleted.ingressId]) {
      const { status, text } = await at.deliver(id, BODY);
      expect(status).toBe(404);
      texts.add(text.replace(/req_\w+/, ""));
    }
    expect(texts.size).toBe(1);
    expect(at.queue.sent).toEqual([]);
  });

  test("is looked up again after five seconds, and not before", async () => {
    const { services } = at;
    const db = counted(services.db);
    const late = await ingress({ db, now: () => at.clock.nowMs });
    const { ingressId } = await late.trigger({ enabled: false });
    expect((await late.deliver(ingressId, BODY)).status).toBe(404);
    await db.run(sql("UPDATE triggers SET enabled = 1 WHERE ingress_id = ?", ingressId));
    const before = db.calls();
    at.clock.nowMs += 4_999;
    expect((await late.deliver(ingressId, BODY)).status).toBe(404);
    expect(db.calls()).toBe(before);
    at.clock.nowMs += 1;
    expect((await late.deliver(ingressId, BODY)).status).toBe(200);
  });
});

test("a draft answers handshakes and receives, so that its URL can be registered before its credentials exist", async () => {
  const { ingressId } = await at.trigger({ connector: { draft: 1 } });
  expect((await at.deliver(ingressId, BODY)).status).toBe(200);
  expect((await at.deliver(ingressId, BODY, { secret: "a guess" })).status).toBe(401);
  expect(at.queue.sent.length).toBe(1);
  const fresh = await at.trigger({
    provider: "asana",
    secrets: [],
    pendingVerification: true,
    connector: { draft: 1 },
  });
  const secret = "a".repeat(32);
  const answer = await at.call(fresh.ingressId, { body: "", headers: { "x-hook-secret": secret } });
  expect([answer.status, answer.headers.get("x-hook-secret")]).toEqual([200, secret]);
});

describe("a method", () => {
  test("that the recipe does not know is 405, and HEAD is 200 without a body", async () => {
    const { ingressId } = await at.trigger();
    expect((await at.call(ingressId, { method: "GET" })).status).toBe(405);
    expect((await at.call(ingressId, { method: "PUT", body: BODY })).status).toBe(405);
    const head = await at.call(ingressId, { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    expect((await at.call("0".repeat(32), { method: "HEAD" })).status).toBe(404);
    expect(at.queue.sent).toEqual([]);
  });
});

describe("a signed event", () => {
  test("is in the queue before it is acknowledged, with what its provider said of it", async () => {
    const { ingressId, connectorId } = await at.trigger();
    const answer = await at.deliver(ingressId, BODY, { id: "guid-1" });
    expect([answer.status, at.queue.sent.length]).toEqual([200, 1]);
    const { event, journalKey, responded, v } = at.queue.last;
    expect({ v, journalKey, responded }).toEqual({ v: 1, journalKey: null, responded: null });
    expect(event).toMatchObject({
      connectorId,
      type: "push",
      tenants: ["7"],
      dedupKey: "id:guid-1",
      dedupSigned: false,
      receivedAtMs: at.clock.nowMs,
      contentType: "application/json",
      size: BODY.length,
    });
    expect(event.id).toMatch(/^evt_[0-9a-z]{26}$/);
    expect(new TextDecoder().decode(await at.payloadOf(at.queue.last))).toBe(BODY);
  });

  test("costs no database, KV or bucket call once its connector is known", async () => {
    const { ingressId } = await at.trigger();
    await at.deliver(ingressId, BODY);
    const none = () => {
      throw new Error("a store was asked");
    };
    const unreachable = { first: none, all: none, run: none, batch: none };
    Object.assign(at.services, { db: unreachable, events: unreachable });
    Object.assign(at.services.leases, { get: none, put: none });
    Object.assign(at.services.blobs, { get: none, put: none });
    const { triggerMemory } = at.services;
    expect(triggerMemory.known.size).toBe(1);
    expect((await at.deliver(ingressId, BODY)).status).toBe(200);
    expect(at.queue.sent.length).toBe(2);
  });

  test("W-01 fault 16 whose body was serialised anew is refused, whatever it means", async () => {
    const { ingressId } = await at.trigger();
    const same = [
      JSON.stringify(JSON.parse(BODY), null, 1),
      BODY.replace("main", "m\\u0061in"),
      '{"installation":{"id":7},"ref":"refs/heads/main"}',
    ];
    for (const sent of same) expect((await at.deliver(ingressId, sent, { signed: BODY })).status).toBe(401);
    expect(at.queue.sent).toEqual([]);
  });

  test("faults 17, 18 and 19 W-01 keeps line ends, byte order marks and bytes that are no UTF-8", async () => {
    const { ingressId } = await at.trigger();
    const raw = new Uint8Array(new TextEncoder().encode(BODY));
    const bodies = [
      Uint8Array.of(...raw, 0x0a),
      Uint8Array.of(0xef, 0xbb, 0xbf, ...raw),
      Uint8Array.of(0x7b, 0xff, 0xfe, 0x22, 0x00, 0xc3, 0x28, 0x7d),
    ];
    for (const body of bodies) {
      expect((await at.deliver(ingressId, body)).status).toBe(200);
      expect(await at.payloadOf(at.queue.last)).toEqual(body);
      expect((await at.deliver(ingressId, body, { signed: raw })).status).toBe(401);
    }
  });

  test("fault 20 may have an empty body, if that is what was signed", async () => {
    const { ingressId } = await at.trigger();
    expect((await at.deliver(ingressId, "")).status).toBe(200);
    expect((await at.payloadOf(at.queue.last)).length).toBe(0);
    expect((await at.deliver(ingressId, "", { signed: "x" })).status).toBe(401);
  });

  test("W-03 fault 26 is the same event for the fan-out when the provider sends it again", async () => {
    const { ingressId } = await at.trigger();
    for (let times = 0; times < 2; times++) await at.deliver(ingressId, BODY, { id: "guid-again" });
    const [first, second] = at.queue.sent;
    expect(first?.event.dedupKey).toBe(second?.event.dedupKey);
    expect(first?.event.id).not.toBe(second?.event.id);
  });

  test("without an id of its own is known by its payload, and no id can pass for that", async () => {
    const { ingressId } = await at.trigger();
    await at.deliver(ingressId, BODY, { id: null });
    const { dedupKey, dedupSigned, bodySha256 } = at.queue.last.event;
    expect([dedupKey, dedupSigned]).toEqual([`sha256:${bodySha256}`, true]);
    await at.deliver(ingressId, "{}", { id: dedupKey });
    expect(at.queue.last.event.dedupKey).toBe(`id:${dedupKey}`);
  });

  test("of a type that the connector does not want is acknowledged, counted and not kept", async () => {
    const { ingressId } = await at.trigger({ events: ["issues.*"] });
    expect((await at.deliver(ingressId, BODY)).status).toBe(200);
    expect(at.queue.sent).toEqual([]);
    expect(at.services.points.at(-1)).toMatchObject({ kind: "request", verdict: "unwanted" });
    const opened = { "x-github-event": "issues" };
    expect((await at.deliver(ingressId, '{"action":"opened"}', { headers: opened })).status).toBe(200);
    expect(at.queue.sent.length).toBe(1);
    expect(at.queue.last.newsOnly).toBeUndefined();
  });

  test("of a type that tells of an installation is passed on to be read, whatever the connector wants", async () => {
    const { ingressId } = await at.trigger({ events: ["issues.*"] });
    const headers = { "x-github-event": "installation" };
    expect((await at.deliver(ingressId, '{"action":"deleted"}', { headers })).status).toBe(200);
    expect(at.services.points.at(-1)).toMatchObject({ kind: "request", verdict: "unwanted" });
    expect(at.queue.sent.length).toBe(1);
    expect(at.queue.last).toMatchObject({ newsOnly: true, event: { type: "installation.deleted" } });
    expect((await at.deliver(ingressId, '{"action":"renamed"}', { headers })).status).toBe(200);
    expect(at.queue.sent.length).toBe(1);
  });
});

describe("the line of a webhook", () => {
  test("says what it was, and nothing that its sender or its owner keeps secret", async () => {
    const { ingressId, connectorId } = await at.trigger();
    await at.deliver(ingressId, BODY);
    const line = JSON.parse(at.services.lines.findLast((text) => text.includes('"event":"request"')) ?? "{}");
    expect(line).toMatchObject({
      route: "/hooks/:ingressId",
      status: 200,
      connectorId,
      connectorType: "github",
      verdict: "event",
      matchedId: "sec_00",
      eventId: at.queue.last.event.id,
      eventType: "push",
      bytes: BODY.length,
    });
    expect(JSON.stringify(line)).not.toContain(ingressId);
    expect(at.services.points.at(-1)).toMatchObject({ verdict: "event", bytes: BODY.length, connectorId });
    await at.deliver(ingressId, BODY, { secret: "a guess" });
    const refused = at.services.points.at(-1);
    expect(refused).toMatchObject({ verdict: "refused", outcome: "invalid_signature" });
    expect(refused).not.toHaveProperty("eventType");
  });
});

describe("a request that does not verify", () => {
  test("is 401 and tells its sender nothing of why", async () => {
    const { ingressId } = await at.trigger();
    const texts = new Set<string>();
    const missing = await at.call(ingressId, { body: BODY });
    const forged = await at.deliver(ingressId, BODY, { secret: "a guess" });
    const malformed = await at.deliver(ingressId, BODY, { headers: { "x-hub-signature-256": "sha256=zz" } });
    for (const { status, text } of [missing, forged, malformed]) {
      expect(status).toBe(401);
      texts.add(text.replace(/req_\w+/, ""));
    }
    expect(texts.size).toBe(1);
    const reasons = at.services.lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "request");
    expect(reasons.slice(-3).map(({ reason }) => reason)).toEqual([
      "signature_missing",
      "signature_mismatch",
      "signature_malformed",
    ]);
  });

  test("is 401 without a body: Xero accepts a URL only if it refuses a forged intent to receive like that", async () => {
    const { ingressId } = await at.trigger({ provider: "xero" });
    const body = '{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"x"}';
    const intent = async (secret: string) => {
      return at.call(ingressId, { body, headers: { "x-xero-signature": await base256(secret, body) } });
    };
    const forged = await intent("a guess");
    expect([forged.status, forged.text, forged.headers.get("content-type")]).toEqual([401, "", null]);
    const genuine = await intent(SECRET);
    expect([genuine.status, genuine.text]).toEqual([200, ""]);
  });

  test("fault 15 W-06 may carry the secret of another connector: that one does not count here", async () => {
    const mine = await at.trigger();
    await at.trigger({ secrets: [{ value: "another connector's" }] });
    expect((await at.deliver(mine.ingressId, BODY, { secret: "another connector's" })).status).toBe(401);
  });

  test("fault 13 for want of a usable secret is 503, so that it comes again", async () => {
    const { ingressId } = await at.trigger({ secrets: [] });
    const answer = await at.deliver(ingressId, BODY);
    expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([503, "webhook_not_configured"]);
    const undecided = await at.trigger({ provider: null });
    expect((await at.deliver(undecided.ingressId, BODY)).status).toBe(503);
    const unheard = await at.trigger({ provider: "of a later version" });
    expect((await at.deliver(unheard.ingressId, BODY)).status).toBe(503);
    expect(at.queue.sent).toEqual([]);
  });

  test("is 429 when its address sends too many, and signed events from there still pass", async () => {
    const limits = createRateLimiter(
      { ip: { limit: async () => ({ success: false }) } },
      { now: () => Date.now(), log: at.services.log },
    );
    at = await ingress({ limits });
    const { ingressId } = await at.trigger();
    const headers = { "cf-connecting-ip": "192.0.2.7" };
    expect((await at.deliver(ingressId, BODY, { secret: "a guess", headers })).status).toBe(429);
    expect((await at.call("0".repeat(32), { body: BODY, headers })).status).toBe(429);
    for (let times = 0; times < 3; times++) {
      expect((await at.deliver(ingressId, BODY, { headers })).status).toBe(200);
    }
    expect(at.queue.sent.length).toBe(3);
  });
});

describe("a rotation of the secret", () => {
  test("works at once, though the old secret is in memory", async () => {
    const { ingressId, connectorId } = await at.trigger();
    expect((await at.deliver(ingressId, BODY)).status).toBe(200);
    await at.rotate(connectorId, [{ value: "the new one" }]);
    expect((await at.deliver(ingressId, BODY, { secret: "the new one" })).status).toBe(200);
  });

  test("fault 14 leaves the previous secret valid until its end, and no longer", async () => {
    const endMs = at.clock.nowMs + 20_000;
    const { ingressId } = await at.trigger({ secrets: [{ value: "new" }, { value: "old", expiresAtMs: endMs }] });
    expect((await at.deliver(ingressId, BODY, { secret: "old" })).status).toBe(200);
    at.clock.nowMs = endMs - 1;
    expect((await at.deliver(ingressId, BODY, { secret: "old" })).status).toBe(200);
    at.clock.nowMs = endMs;
    expect((await at.deliver(ingressId, BODY, { secret: "old" })).status).toBe(401);
    expect((await at.deliver(ingressId, BODY, { secret: "new" })).status).toBe(200);
  });

  test("is looked for at most once in ten seconds, however much is forged", async () => {
    const db = counted(at.services.db);
    const watched = await ingress({ db, now: () => at.clock.nowMs });
    const { ingressId } = await watched.trigger();
    await watched.deliver(ingressId, BODY);
    const before = db.calls();
    for (let times = 0; times < 5; times++) await watched.deliver(ingressId, BODY, { secret: "a guess" });
    const reread = db.calls() - before;
    expect(reread).toBe(1);
    at.clock.nowMs += 10_000;
    await watched.deliver(ingressId, BODY, { secret: "a guess" });
    expect(db.calls() - before).toBe(2);
  });

  test("fault 56 is 503 while the settings cannot be read, for everybody, at the cost of one reading in ten seconds", async () => {
    const { ingressId, connectorId } = await at.trigger();
    await at.deliver(ingressId, BODY);
    await at.rotate(connectorId, [{ value: "the new one" }]);
    const { first } = at.services.db;
    let readings = 0;
    at.services.db.first = async () => {
      readings += 1;
      throw new ApiError("storage_unavailable");
    };
    const send = async (secret?: string) =>
      (await at.deliver(ingressId, BODY, secret === undefined ? {} : { secret })).status;
    expect([await send("the new one"), await send("the new one"), await send("a guess")]).toEqual([503, 503, 503]);
    const once = readings;
    at.clock.nowMs += 4_000;
    const { status, headers } = await at.deliver(ingressId, BODY, { secret: "the new one" });
    expect([status, headers.get("retry-after"), readings]).toEqual([503, "6", once]);
    expect(await send()).toBe(200);
    at.clock.nowMs += 6_000;
    expect(await send("the new one")).toBe(503);
    expect(readings).toBe(2 * once);
    at.services.db.first = first;
    at.clock.nowMs += 10_000;
    expect([await send("the new one"), await send("a guess"), await send()]).toEqual([200, 401, 401]);
  });

  test("is not missed by who comes while the settings are read, or was judged by those of before", async () => {
    const { ingressId, connectorId } = await at.trigger();
    await at.deliver(ingressId, BODY);
    const deps = { ...at.services, defer: () => {} };
    const former = await findTriggerConfig(ingressId, deps);
    if (former === null) throw new Error("nothing is received");
    await at.rotate(connectorId, [{ value: "the new one" }]);
    const { first } = at.services.db;
    const answers = Promise.withResolvers<void>();
    at.services.db.first = async (statement) => {
      await answers.promise;
      return first<never>(statement);
    };
    const guess = at.deliver(ingressId, BODY, { secret: "a guess" });
    while (at.services.triggerMemory.rereads.size === 0) await scheduler.wait(1);
    expect((await at.deliver(ingressId, BODY, { secret: "the new one" })).status).toBe(503);
    answers.resolve();
    expect((await guess).status).toBe(401);
    const current = await rereadTriggerConfig(ingressId, former, deps);
    expect(current?.secrets.map(({ value }) => value.expose())).toEqual(["the new one"]);
    expect(current && (await rereadTriggerConfig(ingressId, current, deps))).toBeUndefined();
  });
});

describe("settings", () => {
  test("are used for half a minute, then renewed behind a request", async () => {
    const db = counted(at.services.db);
    const watched = await ingress({ db, now: () => at.clock.nowMs });
    const { ingressId } = await watched.trigger();
    await watched.deliver(ingressId, BODY);
    await db.run(sql("UPDATE triggers SET enabled = 0 WHERE ingress_id = ?", ingressId));
    const before = db.calls();
    at.clock.nowMs += 29_999;
    expect((await watched.deliver(ingressId, BODY)).status).toBe(200);
    expect(db.calls()).toBe(before);
    at.clock.nowMs += 1;
    expect((await watched.deliver(ingressId, BODY)).status).toBe(200);
    expect((await watched.deliver(ingressId, BODY)).status).toBe(404);
  });

  test("that were just changed are read anew by the isolate that changed them", async () => {
    const { ingressId } = await at.trigger({ enabled: false });
    expect((await at.deliver(ingressId, BODY)).status).toBe(404);
    for (const [enabled, status] of [
      [1, 200],
      [0, 404],
      [1, 200],
    ] as const) {
      await at.services.db.run(sql("UPDATE triggers SET enabled = ? WHERE ingress_id = ?", enabled, ingressId));
      forgetTrigger(at.services.triggerMemory, ingressId);
      expect((await at.deliver(ingressId, BODY)).status).toBe(status);
    }
  });

  test("fault 56 go on for a quarter of an hour while the database is down", async () => {
    const { ingressId } = await at.trigger();
    await at.deliver(ingressId, BODY);
    const down = async () => {
      throw new ApiError("storage_unavailable");
    };
    Object.assign(at.services.db, { first: down, all: down, run: down, batch: down });
    at.clock.nowMs += 14 * 60_000;
    expect((await at.deliver(ingressId, BODY)).status).toBe(200);
    at.clock.nowMs += 60_000;
    expect((await at.deliver(ingressId, BODY)).status).toBe(503);
    const fresh = await ingress({ db: at.services.db });
    expect((await fresh.deliver(ingressId, BODY)).status).toBe(503);
  });

  test("forget that nothing was verified yet with the first event that is", async () => {
    const { ingressId } = await at.trigger({ pendingVerification: true });
    await at.deliver(ingressId, BODY, { secret: "a guess" });
    const pending = () =>
      env.DB.prepare("SELECT pending_verification AS pending FROM triggers WHERE ingress_id = ?")
        .bind(ingressId)
        .first();
    expect(await pending()).toEqual({ pending: 1 });
    await at.deliver(ingressId, BODY);
    expect(await pending()).toEqual({ pending: 0 });
  });
});
