import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { cancelDelivery } from "../../../src/triggers/events/cancel-delivery.ts";
import type { EventDeps } from "../../../src/triggers/events/deps.ts";
import { fanOut } from "../../../src/triggers/events/fan-out.ts";
import { messageText } from "../../../src/triggers/events/message-codec.ts";
import { replayDelivery } from "../../../src/triggers/events/replay-delivery.ts";
import { cancelReplay, startReplay } from "../../../src/triggers/events/replays.ts";
import { deliveryRows, endDeliveries, eventRow, type World, world } from "./world.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Lanes that cannot be reached. */
const noLanes: EventDeps["lanes"] = {
  lane: () => {
    throw new Error("no lanes");
  },
};

describe("what was left on its way", () => {
  test("fault 49 an event that was recorded and not handed over goes on after a minute, from its row", async () => {
    const at = await world();
    await at.destination({ filter: '{"equals":{"/action":"opened"}}' });
    const message = await at.message();
    await fanOut([message], at.fresh({ lanes: noLanes }));
    await at.keepUp();
    expect(at.handed).toEqual([]);
    at.advance(61_000);
    await at.keepUp();
    expect(at.handed.map(({ eventId }) => eventId)).toEqual([message.event.id]);
    expect(await eventRow(message.event.id)).toMatchObject({ state: "dispatched" });
    await at.keepUp();
    expect(at.handed).toHaveLength(1);
  });

  test("an event that cannot go on keeps no other from it", async () => {
    const at = await world();
    const stuck = await at.destination({ events: '["stuck"]' });
    await at.destination({ events: '["free"]' });
    const messages = [await at.message({ type: "stuck" }), await at.message({ type: "free" })];
    await fanOut(messages, at.fresh({ lanes: noLanes }));
    at.advance(61_000);
    const lanes: EventDeps["lanes"] = {
      lane: (id, ...rest) => (id === stuck ? noLanes : at.deps.lanes).lane(id, ...rest),
    };
    await at.keepUp(at.fresh({ lanes }));
    expect(at.handed.map(({ eventId }) => eventId)).toEqual([messages[1]?.event.id]);
    expect(await eventRow(messages[0]?.event.id ?? "")).toMatchObject({ state: "recorded" });
  });

  test("fault 47 what only the journal holds goes on after a minute, and leaves the journal", async () => {
    const at = await world();
    await at.destination();
    const messages = [await at.message(), await at.message()];
    const keys = messages.map(({ event }) => `journal/${event.id}`);
    for (const [index, message] of messages.entries()) await env.BLOBS.put(keys[index] ?? "", messageText(message));
    await at.keepUp();
    expect(at.handed).toEqual([]);
    at.advance(61_000);
    await at.keepUp(at.fresh({ events: at.deps.events, lanes: noLanes }));
    expect(await env.BLOBS.head(keys[0] ?? "")).not.toBeNull();
    await at.keepUp();
    expect(at.handed).toHaveLength(2);
    for (const key of keys) expect(await env.BLOBS.head(key)).toBeNull();
  });

  test("fault 55 an entry of the journal that nobody can read is put aside, and does not come again", async () => {
    const at = await world();
    const { event } = await at.message();
    const key = `journal/${event.id}`;
    await env.BLOBS.put(key, '{"v":7}');
    at.advance(61_000);
    await at.keepUp();
    expect(await env.BLOBS.head(key)).toBeNull();
    const letter = await env.EVENTS.prepare("SELECT reason, message FROM dead_letters WHERE id = ?").bind(key).first();
    expect(letter).toEqual({ reason: "unreadable", message: '"{\\"v\\":7}"' });
  });

  test("fault 58 a delivery whose lane has forgotten it is brought there again after ten minutes, once in ten minutes", async () => {
    const at = await world();
    await at.destination();
    const message = await at.message();
    await fanOut([message], at.deps);
    at.advance(9 * MINUTE_MS);
    await at.keepUp();
    expect(at.handed).toHaveLength(1);
    at.advance(MINUTE_MS + 1);
    await at.keepUp();
    await at.keepUp();
    expect(at.handed.map(({ deliveryId }) => deliveryId)).toEqual([at.handed[0]?.deliveryId, at.handed[0]?.deliveryId]);
    at.advance(11 * MINUTE_MS);
    await at.keepUp();
    expect(at.handed).toHaveLength(3);
    await endDeliveries(message.event.id, "delivered");
    at.advance(11 * MINUTE_MS);
    await at.keepUp();
    expect(at.handed).toHaveLength(3);
  });

  test("a step that fails keeps no other from its turn, and the round does not throw", async () => {
    const at = await world();
    await at.destination();
    await fanOut([await at.message()], at.fresh({ lanes: noLanes }));
    at.advance(61_000);
    const blobs = { ...at.deps.blobs, list: async () => Promise.reject(new Error("no listing")) };
    expect(await at.keepUp(at.fresh({ blobs }))).toBeGreaterThan(at.deps.now());
    expect(at.handed).toHaveLength(1);
    expect(at.services.lines.join()).toContain("drainJournal");
  });

  test("rounds come every minute while events do, and are left to the regular ones an hour after the last", async () => {
    const at = await world();
    const message = await at.message();
    await fanOut([message], at.deps);
    const inMs = ((await at.keepUp()) ?? 0) - at.deps.now();
    expect(inMs).toBeGreaterThan(59_000);
    expect(inMs).toBeLessThanOrEqual(60_000);
    await env.EVENTS.prepare("DELETE FROM events").run();
    expect(await at.keepUp()).toBeNull();
  });
});

describe("what is too old", () => {
  test("W-13 payloads go first, with their blobs, and the rows with their deliveries later", async () => {
    const at = await world({ payloadDays: 2 });
    await at.destination();
    const [small, large] = [await at.message(), await at.message({}, { text: "b".repeat(20_000) })];
    await fanOut([small, large], at.deps);
    const blob = `events/${at.connectorId}/${large.event.id}`;
    at.advance(2 * DAY_MS + 1);
    await at.keepUp();
    expect(await env.BLOBS.head(blob)).not.toBeNull();
    await endDeliveries(small.event.id, "delivered");
    await endDeliveries(large.event.id, "dead");
    at.advance(DAY_MS + 1);
    await at.keepUp();
    expect(await env.BLOBS.head(blob)).toBeNull();
    for (const { event } of [small, large]) {
      expect(await eventRow(event.id)).toMatchObject({ body_sealed: null, body_blob: null, state: "dispatched" });
    }
    expect(await replayDelivery(at.handed[0]?.deliveryId ?? "", at.deps)).toMatchObject({ failure: { code: "gone" } });
    at.advance(30 * DAY_MS);
    await at.keepUp();
    for (const { event } of [small, large]) {
      expect(await eventRow(event.id)).toBeNull();
      expect(await deliveryRows(event.id)).toEqual([]);
    }
  });

  test("more than one statement takes are purged in one round after the other", async () => {
    const at = await world();
    await env.EVENTS.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2600)
       INSERT INTO events (id, connector_id, dedup_key, dedup_signed, tenants, received_at_ms, headers, size, body_sha256,
         state, expires_at_ms)
       SELECT 'evt_old' || i, 'scl_old', 'k' || i, 1, '[]', 1, '{}', 1, 'x', 'unrouted', 5 FROM n`,
    ).run();
    const left = async () =>
      (
        await env.EVENTS.prepare("SELECT count(*) AS n FROM events WHERE connector_id = 'scl_old'").first<{
          n: number;
        }>()
      )?.n;
    const dueAtMs = await at.keepUp();
    expect(await left()).toBe(600);
    expect((dueAtMs ?? 0) - at.deps.now()).toBeLessThanOrEqual(1000);
    await at.keepUp();
    expect(await left()).toBe(0);
  });
});

describe("replays", () => {
  async function ended(at: World, state: "dead" | "delivered", count = 1) {
    const messages = await Promise.all(Array.from({ length: count }, () => at.message()));
    await fanOut(messages, at.deps);
    await env.EVENTS.prepare("UPDATE deliveries SET state = ? WHERE connector_id = ? AND state = 'pending'")
      .bind(state, at.connectorId)
      .run();
    const deliveries = at.handed.splice(0);
    return { messages, deliveries };
  }
  const request = (at: World) => ({
    connectorId: at.connectorId,
    destinationId: null,
    states: ["dead" as const],
    sinceMs: null,
    untilMs: null,
  });
  const start = (at: World, fields: object = {}) =>
    startReplay({ ...request(at), ...fields }, { ...at.services, ...at.deps });

  test("one delivery is made again as the next series, not while one is under way, nor to who is disabled", async () => {
    const at = await world();
    const destination = await at.destination();
    const { deliveries } = await ended(at, "delivered");
    const id = deliveries[0]?.deliveryId ?? "";
    expect(await replayDelivery(id, at.deps)).toMatchObject({ ok: true, value: { series: 1, state: "pending" } });
    expect(at.handed).toMatchObject([{ series: 1, attemptCount: 0 }]);
    expect(await replayDelivery(id, at.deps)).toMatchObject({ failure: { code: "conflict" } });
    await endDeliveries(at.handed[0]?.eventId ?? "", "dead");
    await env.DB.prepare("UPDATE destinations SET disabled_reason = 'operator' WHERE id = ?").bind(destination).run();
    expect(await replayDelivery(id, at.deps)).toMatchObject({ failure: { code: "conflict" } });
    expect(await replayDelivery("dlv_none", at.deps)).toMatchObject({ failure: { code: "not_found" } });
  });

  test("a delivery is given up in its lane and in the log, once, and not while its lane cannot be told", async () => {
    const at = await world();
    await at.destination();
    const message = await at.message();
    await fanOut([message], at.deps);
    const id = at.handed[0]?.deliveryId ?? "";
    const deaf = at.fresh({ lanes: noLanes });
    expect(await cancelDelivery(id, deaf)).toMatchObject({ failure: { code: "storage_unavailable" } });
    expect((await deliveryRows(message.event.id))[0]?.state).toBe("pending");
    expect(await cancelDelivery(id, at.deps)).toMatchObject({ ok: true, value: { state: "canceled" } });
    expect([at.canceled, (await deliveryRows(message.event.id))[0]?.state]).toEqual([[id], "canceled"]);
    expect(await cancelDelivery(id, at.deps)).toMatchObject({ failure: { code: "conflict" } });
    expect(await cancelDelivery("dlv_none", at.deps)).toMatchObject({ failure: { code: "not_found" } });
  });

  test("fault 67 in bulk, everything that failed is made again in the order of receipt, and what was delivered is not", {
    timeout: 30_000,
  }, async () => {
    const at = await world();
    await at.destination();
    const dead = await ended(at, "dead", 250);
    await ended(at, "delivered", 5);
    const replay = await start(at);
    await at.keepUp();
    expect(at.handed.length).toBeGreaterThanOrEqual(200);
    await at.keepUp();
    await at.keepUp();
    const events = at.handed.map(({ eventId }) => eventId);
    expect(events).toHaveLength(250);
    expect(new Set(events)).toEqual(new Set(dead.messages.map(({ event }) => event.id)));
    // Within one call of a lane the order is the lane's own.
    const [first, second] = [events.slice(0, 195), events.slice(205)];
    expect(Math.max(...first.map(positionIn(events)))).toBeLessThan(Math.min(...second.map(positionIn(events))));
    const row = await env.EVENTS.prepare("SELECT state, made FROM replays WHERE id = ?").bind(replay.id).first();
    expect(row).toEqual({ state: "done", made: 250 });
  });

  test("fault 67 delivered ones come again only where that was asked for, to the named destination, within the named time", async () => {
    const at = await world();
    const [one] = [await at.destination(), await at.destination()];
    await ended(at, "delivered");
    at.advance(3_600_000);
    const late = await ended(at, "delivered");
    await start(at, { states: ["delivered"], destinationId: one, sinceMs: at.deps.now() - 1000 });
    await at.keepUp();
    expect(at.handed).toMatchObject([{ destinationId: one, eventId: late.messages[0]?.event.id, series: 1 }]);
    await start(at, { states: ["delivered"], destinationId: one, untilMs: at.deps.now() - 1000 });
    await at.keepUp();
    expect(at.handed).toHaveLength(2);
  });

  test("fault 67 what comes while a replay runs is not replayed, so that it ends", async () => {
    const at = await world();
    await at.destination();
    const before = await ended(at, "delivered");
    await start(at, { states: ["delivered"] });
    at.advance(1000);
    await ended(at, "delivered");
    await at.keepUp();
    expect(at.handed.map(({ eventId }) => eventId)).toEqual([before.messages[0]?.event.id]);
  });

  test("fault 67 a replay that is canceled makes no more, and one to who is disabled makes none", async () => {
    const at = await world();
    const destination = await at.destination();
    await ended(at, "dead", 3);
    const canceled = await start(at);
    expect(await cancelReplay(canceled.id, at.deps)).toBe(true);
    expect(await cancelReplay(canceled.id, at.deps)).toBe(false);
    await at.keepUp();
    await env.DB.prepare("UPDATE destinations SET disabled_reason = 'gone' WHERE id = ?").bind(destination).run();
    at.advance(5000);
    await start(at);
    await at.keepUp();
    expect(at.handed).toEqual([]);
  });

  test("fault 67 a step that is interrupted after its commit makes nothing twice", async () => {
    const at = await world();
    await at.destination();
    const { messages } = await ended(at, "dead", 3);
    await start(at);
    await at.keepUp(at.fresh({ lanes: noLanes }));
    await at.keepUp();
    for (const { event } of messages) expect(await deliveryRows(event.id)).toHaveLength(2);
    at.advance(11 * MINUTE_MS);
    await at.keepUp();
    expect(at.handed).toHaveLength(3);
  });
});

const positionIn = (events: string[]) => (id: string) => events.indexOf(id);
