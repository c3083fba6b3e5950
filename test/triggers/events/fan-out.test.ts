import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { ApiError } from "../../../src/errors.ts";
import { findTeam } from "../../../src/team/team-store.ts";
import { deliveryId } from "../../../src/triggers/events/delivery-id.ts";
import { eventsById } from "../../../src/triggers/events/event-store.ts";
import { fanOut } from "../../../src/triggers/events/fan-out.ts";
import { readPayload } from "../../../src/triggers/events/payload-store.ts";
import { deliveryRows, endDeliveries, eventRow, world } from "./world.ts";

describe("a verified event", () => {
  test("is recorded as it came, and each destination's lane gets one delivery", async () => {
    const at = await world();
    const destinations = [await at.destination(), await at.destination()];
    const message = await at.message();
    expect(await fanOut([message], at.deps)).toEqual([null]);
    const stored = (await eventsById(at.deps.events, [message.event.id])).get(message.event.id);
    expect(stored).toMatchObject({ ...message.event, state: "dispatched", duplicates: 0 });
    expect(stored?.payload).toEqual(message.payload);
    const rows = await deliveryRows(message.event.id);
    expect(rows.map((row) => row.destination_id)).toEqual(destinations);
    expect(at.handed.map(({ deliveryId: id, destinationId }) => ({ id, destination_id: destinationId }))).toEqual(
      expect.arrayContaining(rows.map(({ id, destination_id }) => ({ id, destination_id }))),
    );
    expect(at.handed).toHaveLength(2);
  });

  test("reaches a destination that was added a moment before it came, though the routes had just been read", async () => {
    const at = await world();
    const early = await at.destination();
    await fanOut([await at.message({ receivedAtMs: at.deps.now() })], at.deps);
    const late = await at.destination();
    at.handed.length = 0;
    await fanOut([await at.message({ receivedAtMs: at.deps.now() + 1 })], at.deps);
    expect(at.handed.map(({ destinationId }) => destinationId).toSorted()).toEqual([early, late].toSorted());
  });

  test("fault 40 of no use to any destination is kept, unrouted", async () => {
    const at = await world();
    await at.destination({ events: '["issues.*"]' });
    await at.destination({ filter: '{"tenants":["7"]}' });
    await at.destination({ disabled_reason: "operator" });
    const message = await at.message();
    expect(await fanOut([message], at.deps)).toEqual([null]);
    expect(await eventRow(message.event.id)).toMatchObject({ state: "unrouted" });
    expect(at.handed).toEqual([]);
  });

  test("fault 44 W-06 about two tenants does not reach who is entitled to one", async () => {
    const at = await world();
    const both = await at.destination({ filter: '{"tenants":["1","2"]}' });
    await at.destination({ filter: '{"tenants":["1"]}' });
    await fanOut([await at.message({ tenants: ["1", "2"] })], at.deps);
    expect(at.handed.map(({ destinationId }) => destinationId)).toEqual([both]);
  });

  test("fault 41 W-06 a tenant, signed or not, leads to no other connector's destinations", async () => {
    const [here, other] = [await world(), await world()];
    await other.destination({ filter: '{"tenants":["shop.example"]}' });
    const own = await here.destination();
    await fanOut([await here.message({ tenants: ["shop.example"] })], here.deps);
    expect(here.handed.map(({ destinationId }) => destinationId)).toEqual([own]);
    expect(other.handed).toEqual([]);
  });

  test("is filtered by what stands in its sealed body", async () => {
    const at = await world();
    const wanted = await at.destination({ filter: '{"equals":{"/repository/private":true,"/action":"opened"}}' });
    await at.destination({ filter: '{"equals":{"/repository/private":false}}' });
    await fanOut([await at.message({}, { action: "opened", repository: { private: true } })], at.deps);
    expect(at.handed.map(({ destinationId }) => destinationId)).toEqual([wanted]);
  });

  test("of more than 4 KiB lies in a blob, and opens there as it did in its message", async () => {
    const at = await world();
    await at.destination();
    const message = await at.message({}, { text: "y".repeat(50_000) });
    expect(await fanOut([message], at.deps)).toEqual([null]);
    expect(await eventRow(message.event.id)).toMatchObject({
      body_sealed: null,
      body_blob: `events/${at.connectorId}/${message.event.id}`,
    });
    const stored = (await eventsById(at.deps.events, [message.event.id])).get(message.event.id);
    const team = await findTeam(at.deps.db);
    const deps = { keys: at.services.keys, blobs: at.services.blobs, teamId: team?.id ?? "" };
    const opened = await readPayload(stored?.payload ?? { kind: "gone" }, message.event, deps);
    expect(opened.ok && JSON.parse(new TextDecoder().decode(opened.value as Uint8Array)).text).toHaveLength(50_000);
  });

  test("W-13 lies nowhere in plain", async () => {
    const at = await world();
    await at.destination();
    const message = await at.message({}, { secret: "plain-canary-of-fan-out", pad: "z".repeat(100) });
    await fanOut([message], at.deps);
    const { results } = await env.EVENTS.prepare("SELECT * FROM events WHERE id = ?").bind(message.event.id).all();
    expect(JSON.stringify(results)).not.toContain("plain-canary");
    expect(at.services.lines.join()).not.toContain("plain-canary");
  });

  test("that a destination has answered the provider for starts with that attempt", async () => {
    const at = await world();
    const [failed, answered, plain] = [await at.destination(), await at.destination(), await at.destination()];
    const attempt = { id: "att_1", startedAtMs: 5, durationMs: 7, status: 200, response: null };
    const delivered = {
      ...(await at.message()),
      responded: { destinationId: answered, attempt: { ...attempt, outcome: "delivered" as const } },
    };
    const rejected = {
      ...(await at.message()),
      responded: { destinationId: failed, attempt: { ...attempt, outcome: "timeout" as const } },
    };
    expect(await fanOut([delivered, rejected], at.deps)).toEqual([null, null]);
    expect(await deliveryRows(delivered.event.id)).toMatchObject([
      { destination_id: failed, state: "pending", attempt_count: 0 },
      { destination_id: answered, state: "delivered", attempt_count: 1 },
      { destination_id: plain, state: "pending", attempt_count: 0 },
    ]);
    const of = (eventId: string, destinationId: string) =>
      at.handed.find((item) => item.eventId === eventId && item.destinationId === destinationId);
    expect(of(delivered.event.id, answered)).toBeUndefined();
    expect(of(rejected.event.id, failed)).toMatchObject({ attemptCount: 1 });
    expect(of(rejected.event.id, failed)?.dueAtMs).toBeGreaterThan(at.deps.now() + 3000);
  });

  test("a tenant's events share a lane, and tenants are spread over the lanes", async () => {
    const at = await world();
    await at.destination({ lanes: 8 });
    const messages = await Promise.all(
      Array.from({ length: 40 }, (_, index) => at.message({ tenants: [`T${index % 20}`] })),
    );
    await fanOut(messages, at.deps);
    const lanes = new Map<string, Set<number>>();
    for (const { eventId, lane } of at.handed) {
      const tenant = messages.find(({ event }) => event.id === eventId)?.event.tenants[0] ?? "";
      lanes.set(tenant, (lanes.get(tenant) ?? new Set()).add(lane));
    }
    expect([...lanes.values()].every((used) => used.size === 1)).toBe(true);
    expect(new Set([...lanes.values()].flatMap((used) => [...used])).size).toBeGreaterThan(3);
  });
});

describe("repeats", () => {
  test("fault 51 W-03 W-12 a message that the queue brings three times makes one delivery for each destination", async () => {
    const at = await world();
    await at.destination();
    await at.destination();
    const message = await at.message();
    for (const _ of [1, 2, 3]) expect(await fanOut([message], at.deps)).toEqual([null]);
    expect(await deliveryRows(message.event.id)).toHaveLength(2);
    expect(at.handed).toHaveLength(2);
    expect(await eventRow(message.event.id)).toMatchObject({ duplicates: 0 });
  });

  test("W-03 an event that the provider sends again under its id is delivered once", async () => {
    const at = await world();
    await at.destination();
    const first = await at.message({ dedupKey: "id:guid-1" });
    const second = await at.message({ dedupKey: "id:guid-1" });
    expect(await fanOut([first, second], at.deps)).toEqual([null, null]);
    expect(await fanOut([await at.message({ dedupKey: "id:guid-1" })], at.deps)).toEqual([null]);
    expect(at.handed).toHaveLength(1);
    expect(await eventRow(first.event.id)).toMatchObject({ state: "dispatched", duplicates: 2 });
    expect(await eventRow(second.event.id)).toBeNull();
  });

  test("the same id of another connector is another event", async () => {
    const [here, other] = [await world(), await world()];
    await here.destination();
    await other.destination();
    await fanOut([await here.message({ dedupKey: "id:same" })], here.deps);
    await fanOut([await other.message({ dedupKey: "id:same" })], other.deps);
    expect([here.handed.length, other.handed.length]).toEqual([1, 1]);
  });

  test("fault 52 of two that come at once and of which the first fails, the second brings the event to its end", async () => {
    const at = await world();
    await at.destination();
    const broken = at.fresh({ lanes: { lane: () => throwing("lane is down") } });
    const first = await at.message({ dedupKey: "id:twice" });
    expect(await fanOut([first], broken)).toEqual(["lane: lane is down"]);
    expect(await eventRow(first.event.id)).toMatchObject({ state: "recorded" });
    expect(await fanOut([await at.message({ dedupKey: "id:twice" })], at.deps)).toEqual([null]);
    expect(at.handed.map(({ eventId }) => eventId)).toEqual([first.event.id]);
    expect(await eventRow(first.event.id)).toMatchObject({ state: "dispatched", duplicates: 1 });
    expect(await fanOut([first], at.deps)).toEqual([null]);
    expect(at.handed).toHaveLength(1);
  });

  test("fault 53 a redelivery after all has failed is a new series; after a success, or while one is under way, it is a repeat", async () => {
    const at = await world();
    const [one, two] = [await at.destination(), await at.destination()];
    const first = await at.message({ dedupKey: "id:guid" });
    const again = async () => fanOut([await at.message({ dedupKey: "id:guid" })], at.deps);
    await fanOut([first], at.deps);
    await again();
    expect(at.handed).toHaveLength(2);
    await endDeliveries(first.event.id, "dead");
    await again();
    expect(at.handed).toHaveLength(4);
    expect(at.handed.slice(2).map(({ series, eventId }) => ({ series, eventId }))).toEqual(
      [1, 1].map((series) => ({ series, eventId: first.event.id })),
    );
    await again();
    expect(await deliveryRows(first.event.id)).toMatchObject([
      { destination_id: one, series: 0, state: "dead" },
      { destination_id: two, series: 0, state: "dead" },
      { destination_id: one, series: 1, state: "pending" },
      { destination_id: two, series: 1, state: "pending" },
    ]);
    await endDeliveries(first.event.id, "delivered");
    await again();
    expect(at.handed).toHaveLength(4);
    expect(await eventRow(first.event.id)).toMatchObject({ state: "dispatched", duplicates: 4 });
  });

  test("a redelivery of what no destination wanted is routed anew", async () => {
    const at = await world();
    const first = await at.message({ dedupKey: "id:later" });
    await fanOut([first], at.deps);
    expect(await eventRow(first.event.id)).toMatchObject({ state: "unrouted" });
    await at.destination();
    at.advance(10_000);
    await fanOut([await at.message({ dedupKey: "id:later" })], at.deps);
    expect(at.handed.map(({ eventId }) => eventId)).toEqual([first.event.id]);
  });

  test("the blob of a repeat is not left behind", async () => {
    const at = await world();
    await at.destination();
    const large = { text: "r".repeat(20_000) };
    const [first, second] = [
      await at.message({ dedupKey: "id:l" }, large),
      await at.message({ dedupKey: "id:l" }, large),
    ];
    await fanOut([first, second], at.deps);
    expect(await env.BLOBS.head(`events/${at.connectorId}/${first.event.id}`)).not.toBeNull();
    expect(await env.BLOBS.head(`events/${at.connectorId}/${second.event.id}`)).toBeNull();
  });
});

describe("a captured request under a new id that nobody signed", () => {
  const unsigned = (id: string) => ({ dedupKey: `id:${id}`, dedupSigned: false });

  test("fault 26 W-03 is recorded as a suspected replay and not delivered", async () => {
    const at = await world();
    await at.destination();
    const [original, replay] = [await at.message(unsigned("a")), await at.message(unsigned("b"))];
    await fanOut([original], at.deps);
    expect(await fanOut([replay], at.deps)).toEqual([null]);
    expect(await eventRow(replay.event.id)).toMatchObject({
      state: "unrouted",
      suspected_replay_of: original.event.id,
    });
    expect(await deliveryRows(replay.event.id)).toEqual([]);
    expect(at.handed).toHaveLength(1);
  });

  test("W-03 is told in one batch with the first, and again when it is repeated itself", async () => {
    const at = await world();
    await at.destination();
    const [original, replay] = [await at.message(unsigned("c")), await at.message(unsigned("d"))];
    await fanOut([original, replay], at.deps);
    await fanOut([replay, await at.message(unsigned("d"))], at.deps);
    await fanOut([await at.message(unsigned("e"))], at.deps);
    expect(at.handed).toHaveLength(1);
  });

  test("is let through after a day, after everything failed, with a signed id, with another body, or with hardly any", async () => {
    const at = await world();
    await at.destination();
    const body = (text: string) => ({ text: text.repeat(100) });
    const send = async (id: string, content: unknown, signed = false) => {
      const message = await at.message({ ...unsigned(id), dedupSigned: signed }, content);
      await fanOut([message], at.deps);
      return message.event.id;
    };
    const first = await send("1", body("p"));
    expect(at.handed).toHaveLength(1);
    await send("2", body("q"));
    expect(at.handed).toHaveLength(2);
    await send("3", body("p"), true);
    expect(at.handed).toHaveLength(3);
    await send("4", {});
    await send("5", {});
    expect(at.handed).toHaveLength(5);
    await endDeliveries(first, "dead");
    await env.EVENTS.prepare("UPDATE deliveries SET state = 'dead' WHERE connector_id = ?").bind(at.connectorId).run();
    await send("6", body("p"));
    expect(at.handed).toHaveLength(6);
    await send("7", body("p"));
    expect(at.handed).toHaveLength(6);
    at.advance(86_400_001);
    await send("8", body("p"));
    expect(at.handed).toHaveLength(7);
  });
});

describe("an event without an id", () => {
  test("W-03 is known by its payload for a day", async () => {
    const at = await world();
    await at.destination();
    const send = async (content: unknown) => {
      const message = await at.message({}, content);
      await fanOut(
        [{ ...message, event: { ...message.event, dedupKey: `sha256:${message.event.bodySha256}` } }],
        at.deps,
      );
    };
    const content = { text: "n".repeat(100) };
    await send(content);
    await send(content);
    expect(at.handed).toHaveLength(1);
    at.advance(86_400_001);
    await send(content);
    await send(content);
    expect(at.handed).toHaveLength(2);
    await send({ ping: 1 });
    await send({ ping: 1 });
    expect(at.handed).toHaveLength(4);
  });
});

describe("size and load", () => {
  test("fault 54 one event for 101 destinations, and a batch of fifty of them, meet no limit of the database", async () => {
    const at = await world();
    for (let index = 0; index < 101; index++) await at.destination();
    const messages = await Promise.all(Array.from({ length: 50 }, () => at.message()));
    expect(await fanOut(messages, at.deps)).toEqual(messages.map(() => null));
    expect(at.handed).toHaveLength(50 * 101);
    const count = await env.EVENTS.prepare("SELECT count(*) AS n FROM deliveries WHERE connector_id = ?")
      .bind(at.connectorId)
      .first<{ n: number }>();
    expect(count?.n).toBe(50 * 101);
  });

  test("fault 50 of lanes of which one fails, the others have theirs, and the event comes again for that one", async () => {
    const at = await world();
    const [good, bad] = [await at.destination(), await at.destination()];
    const broken = at.fresh({
      lanes: { lane: (id, lane, region) => (id === bad ? throwing("no room") : at.deps.lanes.lane(id, lane, region)) },
    });
    const message = await at.message();
    expect(await fanOut([message], broken)).toEqual(["lane: no room"]);
    expect(at.handed.map(({ destinationId }) => destinationId)).toEqual([good]);
    expect(await eventRow(message.event.id)).toMatchObject({ state: "recorded" });
    expect(await fanOut([message], at.deps)).toEqual([null]);
    expect(at.handed.filter(({ destinationId }) => destinationId === bad)).toHaveLength(1);
    expect(await deliveryRows(message.event.id)).toHaveLength(2);
  });

  test("fault 48 a blob that is stored before the database fails is that of the repeat, and one that is missing keeps no event", async () => {
    const at = await world();
    const plain = await at.destination();
    await at.destination({ filter: '{"equals":{"/text":"x"}}' });
    const large = await at.message({}, { text: "k".repeat(10_000) });
    const batch = async () => {
      throw new ApiError("storage_unavailable", { reason: "d1: down" });
    };
    expect(await fanOut([large], at.fresh({ events: { ...at.deps.events, batch } }))).toEqual(["d1: down"]);
    expect(await fanOut([large], at.deps)).toEqual([null]);
    const { objects } = await env.BLOBS.list({ prefix: `events/${at.connectorId}/` });
    expect(objects.map(({ key }) => key)).toEqual([`events/${at.connectorId}/${large.event.id}`]);

    const missing = await at.message();
    const payload = { kind: "blob", key: "events/none", kid: "k1", segmentBytes: 5 } as const;
    expect(await fanOut([{ ...missing, payload }], at.deps)).toEqual([null]);
    expect(await deliveryRows(missing.event.id)).toMatchObject([{ destination_id: plain }]);
  });

  test("fault 56 while the database is down every message comes again, and nothing is thrown", async () => {
    const at = await world();
    await at.destination();
    const message = await at.message();
    const down = async () => {
      throw new ApiError("storage_unavailable", { reason: "d1: D1 DB is overloaded" });
    };
    const events = { first: down, all: down, run: down, batch: down };
    expect(await fanOut([message], at.fresh({ events }))).toEqual(["d1: D1 DB is overloaded"]);
    expect(await fanOut([message], at.fresh({ db: events }))).toEqual(["d1: D1 DB is overloaded"]);
    expect(await fanOut([message], at.deps)).toEqual([null]);
    expect(at.handed).toHaveLength(1);
  });
});

test("a delivery's id is the same whenever it is made, and another for every destination and series", async () => {
  const ids = await Promise.all([
    deliveryId("evt_a", "dst_a", 0),
    deliveryId("evt_a", "dst_a", 1),
    deliveryId("evt_a", "dst_b", 0),
    deliveryId("evt_b", "dst_a", 0),
    deliveryId("evt_ad", "st_a", 0),
  ]);
  expect(new Set(ids).size).toBe(5);
  for (const id of ids) expect(id).toMatch(/^dlv_[0-9a-hjkmnp-tv-z]{20}$/);
  expect(await deliveryId("evt_a", "dst_a", 0)).toBe(ids[0]);
});

function throwing(message: string): never {
  throw new Error(message);
}
