import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sha256Base64url } from "../../../src/crypto/digest.ts";
import { sealBytes } from "../../../src/crypto/envelope.ts";
import { EVENTS_SEARCHED } from "../../../src/triggers/api/event-list.ts";
import { maskedPayload } from "../../../src/triggers/api/masked-payload.ts";
import { deliveryId } from "../../../src/triggers/events/delivery-id.ts";
import { insertDeliveries, recordAttempts } from "../../../src/triggers/events/delivery-store.ts";
import type { DeliveryState, EventRecord } from "../../../src/triggers/events/event.ts";
import { newEventId } from "../../../src/triggers/events/event-id.ts";
import { finishEvents, recordEvent } from "../../../src/triggers/events/event-store.ts";
import { payloadContext } from "../../../src/triggers/events/payload-store.ts";
import { apiKeyBody, created, newWorld, type World } from "../../connectors/world.ts";
import { recordingLanes } from "../settings/lanes.ts";

let nowMs = 1_700_000_000_000;
const lanes = recordingLanes();
let world: World;
let connector: string;
let destination: string;
let nudges = 0;
beforeAll(async () => {
  world = await newWorld({
    now: () => nowMs,
    lanes: lanes.directory,
    nudgeHousekeeper: async () => {
      nudges += 1;
    },
  });
});
let number = 0;
beforeEach(async () => {
  connector = await created(world, apiKeyBody({ service: "github", uid: `events/${number++}` }));
  destination = await newDestination("https://hooks.acme.com/in");
  lanes.calls.length = 0;
});

async function newDestination(url: string): Promise<string> {
  const made = await world.api.post(`/v1/connect/connectors/${connector}/destinations`, { url }, world.owner);
  if (made.status !== 201) throw new Error(made.text);
  return made.body.id;
}

const get = (path: string, token = world.owner) => world.api.get(`/v1/connect${path}`, token);
const post = (path: string, body?: unknown, token = world.owner) => world.api.post(`/v1/connect${path}`, body, token);

/** An event in the log, with one delivery for each state. */
async function event(
  fields: Partial<EventRecord> = {},
  states: readonly DeliveryState[] = [],
  payload: string | Uint8Array<ArrayBuffer> = '{"action":"opened","secret":"s3cret-text","n":7}',
): Promise<{ id: string; deliveries: string[] }> {
  nowMs += 1;
  const { services } = world;
  const id = newEventId(nowMs, services.randomBytes);
  const bytes = typeof payload === "string" ? new Uint8Array(new TextEncoder().encode(payload)) : payload;
  const record: EventRecord = {
    id,
    connectorId: connector,
    type: "issues.opened",
    tenants: ["7"],
    dedupKey: `id:${id}`,
    dedupSigned: true,
    receivedAtMs: nowMs,
    sentAtMs: null,
    contentType: "application/json",
    headers: { "x-github-event": "issues" },
    size: bytes.length,
    bodySha256: await sha256Base64url(bytes),
    ...fields,
  };
  const sealed = await sealBytes(services.keys, payloadContext(world.teamId, id), bytes, services.randomBytes);
  const deliveries = await Promise.all(
    states.map(async (_, index) => ({
      id: await deliveryId(id, index === 0 ? destination : `dst_other${index}`, 0),
      eventId: id,
      connectorId: connector,
      destinationId: index === 0 ? destination : `dst_other${index}`,
      series: 0,
      lane: 0,
      state: "pending" as const,
      endedBecause: null,
      attemptCount: 0,
      attempts: [],
      nextAttemptAtMs: nowMs,
      createdAtMs: nowMs,
    })),
  );
  await services.events.batch([
    recordEvent(record, { kind: "inline", sealed }, 7),
    insertDeliveries(deliveries),
    finishEvents([{ id, series: 0 }], nowMs),
  ]);
  const ended = deliveries.flatMap((delivery, index) => {
    const state = states[index];
    return state === undefined || state === "pending" ? [] : [{ delivery, state }];
  });
  await recordAttempts(
    services.events,
    ended.map(({ delivery, state }) => ({
      deliveryId: delivery.id,
      attempts: [
        {
          id: `att_${delivery.id}`,
          startedAtMs: nowMs,
          durationMs: 5,
          status: 500,
          outcome: "rejected",
          response: "no",
        },
      ],
      attemptCount: 1,
      state,
      endedBecause: state === "dead" ? "attempts_exhausted" : state === "canceled" ? "canceled" : "delivered",
      nextAttemptAtMs: null,
      updatedAtMs: nowMs,
    })),
  );
  return { id, deliveries: deliveries.map((delivery) => delivery.id) };
}

describe("events", () => {
  test("are listed newest first, by connector, type and state, without their payload", async () => {
    const first = await event();
    const second = await event({ type: "push" }, ["pending"]);
    const { body, text } = await get(`/events?connector=events%2F${number - 1}`);
    expect(body.events.map(({ id }: { id: string }) => id)).toEqual([second.id, first.id]);
    expect(body.events[0]).toEqual({
      id: second.id,
      connectorId: connector,
      type: "push",
      tenants: ["7"],
      state: "dispatched",
      receivedAt: nowMs,
      sentAt: null,
      contentType: "application/json",
      size: expect.any(Number),
      duplicates: 0,
      hasPayload: true,
    });
    expect(text).not.toContain("s3cret-text");
    const only = async (query: string) =>
      (await get(`/events?connector=${connector}&${query}`)).body.events.map(({ id }: { id: string }) => id);
    expect(await only("type=push")).toEqual([second.id]);
    expect(await only("state=unrouted")).toEqual([first.id]);
    expect(await only("type=push&state=unrouted")).toEqual([]);
    const all = await get("/events?limit=2");
    expect(all.body.events.map(({ id }: { id: string }) => id)).toEqual([second.id, first.id]);
    expect((await get("/events?connector=no%2Fbody")).status).toBe(404);
  });

  test("a page ends where the search for rare ones does, and its cursor goes on from there", async () => {
    const rare = await event({ type: "rare" });
    const insert = env.EVENTS.prepare(
      `INSERT INTO events (id, connector_id, dedup_key, dedup_signed, type, tenants, received_at_ms, headers, size,
         body_sha256, state, expires_at_ms)
       SELECT 'evt_9' || printf('%025d', value), ?1, 'k' || value, 1, 'usual', '[]', 1, '{}', 0, '', 'unrouted', 9
       FROM json_each(?2)`,
    );
    await insert
      .bind(connector, JSON.stringify(Array.from({ length: EVENTS_SEARCHED + 10 }, (_, index) => index)))
      .run();
    const path = `/events?connector=${connector}&type=rare`;
    const first = await get(path);
    expect([first.body.events, first.body.pagination.next]).toEqual([[], expect.any(String)]);
    const second = await get(`${path}&cursor=${first.body.pagination.next}`);
    expect(second.body.events.map(({ id }: { id: string }) => id)).toEqual([rare.id]);
    expect(second.body.pagination.next).toBeNull();
    await env.EVENTS.prepare("DELETE FROM events WHERE type = 'usual'").run();
  });

  test("W-13 texts of a payload are masked, and only admins read it as it came, which is logged", async () => {
    const { id } = await event();
    const masked = await get(`/events/${id}`, world.viewer);
    expect(masked.body.payload).toEqual({ action: "[6 characters]", secret: "[11 characters]", n: 7 });
    expect(masked.body.headers).toEqual({ "x-github-event": "issues" });
    expect(masked.text).not.toContain("s3cret-text");
    expect((await get(`/events/${id}?payload=raw`, world.viewer)).status).toBe(403);
    expect((await get(`/events/${id}?payload=raw`, world.developer)).status).toBe(403);
    world.services.lines.length = 0;
    const raw = await get(`/events/${id}?payload=raw`);
    expect(JSON.parse(raw.body.payload.data)).toMatchObject({ secret: "s3cret-text" });
    const read = world.services.lines.filter((line) => line.includes("event.payload_read"));
    expect(read).toHaveLength(1);
    expect(JSON.parse(read[0] ?? "")).toMatchObject({ eventId: id, connectorId: connector });
    expect(world.services.lines.join()).not.toContain("s3cret-text");
  });

  test("bytes that are no text are shown as base64, and as nothing where texts are masked", async () => {
    const { id } = await event({ contentType: "application/octet-stream" }, [], Uint8Array.of(0xff, 0xfe, 0));
    expect((await get(`/events/${id}`)).body.payload).toBeNull();
    expect((await get(`/events/${id}?payload=raw`)).body.payload).toEqual({ encoding: "base64", data: "//4A" });
  });

  test("a payload that was purged is no longer there, and the event is", async () => {
    const { id } = await event();
    await env.EVENTS.prepare("UPDATE events SET body_sealed = NULL, body_kid = NULL WHERE id = ?").bind(id).run();
    const { status, body } = await get(`/events/${id}`);
    expect([status, body.hasPayload, body.payload]).toEqual([200, false, null]);
  });

  test("are the whole team's: tokens of a project read none", async () => {
    const { id } = await event();
    for (const path of ["/events", `/events/${id}`, "/deliveries", "/replays", "/dead-letters"]) {
      expect([path, (await get(path, world.managerOfA)).status]).toEqual([path, 403]);
      expect([path, (await get(path, world.productionOfA)).status]).toEqual([path, 403]);
      expect([path, (await get(path, world.viewer)).status]).toEqual([path, 200]);
    }
    expect((await get("/events/evt_0")).status).toBe(404);
  });
});

describe("masked payloads", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);

  test("fault 45 a payload that nests deeply is cut, and strange members do no harm", () => {
    const deep = `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`;
    expect(JSON.stringify(maskedPayload(bytes(deep), null))).toContain("[deeper]");
    const strange = maskedPayload(bytes('{"__proto__":{"x":"secret"},"constructor":"y"}'), null);
    expect(JSON.stringify(strange)).toBe('{"__proto__":{"x":"[6 characters]"},"constructor":"[1 characters]"}');
  });

  test("fields of a form are named, and their values are not", () => {
    const form = maskedPayload(bytes("token=abc&text=hello+there"), "application/x-www-form-urlencoded; charset=utf-8");
    expect(form).toEqual({ token: "[3 characters]", text: "[11 characters]" });
  });
});

describe("deliveries", () => {
  const ids = (answer: { body: { deliveries: { id: string }[] } }) => answer.body.deliveries.map(({ id }) => id);

  test("are listed by event, destination, connector and state, those of the newest events first", async () => {
    const a = await event({}, ["dead", "delivered"]);
    const b = await event({}, ["pending"]);
    const c = await event({}, ["delivered"]);
    expect(ids(await get(`/deliveries?event=${a.id}`)).toSorted()).toEqual(a.deliveries.toSorted());
    expect(ids(await get(`/deliveries?event=${a.id}&state=dead`))).toEqual([a.deliveries[0]]);
    expect(ids(await get(`/deliveries?destination=${destination}`))).toEqual(
      [c, b, a].map(({ deliveries }) => deliveries[0]),
    );
    expect(ids(await get(`/deliveries?destination=${destination}&state=pending`))).toEqual(b.deliveries);
    expect(ids(await get(`/deliveries?connector=${connector}&state=delivered`))).toEqual([
      c.deliveries[0],
      a.deliveries[1],
    ]);
    expect(ids(await get("/deliveries?limit=1"))).toEqual(c.deliveries);
    expect((await get(`/deliveries?connector=${connector}&destination=${destination}`)).body.deliveries).toHaveLength(
      3,
    );
  });

  test("every list has pages that miss none and repeat none", async () => {
    const made = [];
    for (let index = 0; index < 3; index++) {
      made.push(...(await event({}, ["dead", "delivered", "pending", "canceled"])).deliveries);
    }
    for (const [query, expected] of [
      [`connector=${connector}`, 12],
      [`destination=${destination}`, 3],
      [`connector=${connector}&state=dead`, 3],
    ] as const) {
      const seen: string[] = [];
      let cursor = "";
      do {
        const answer = await get(`/deliveries?${query}&limit=2${cursor}`);
        seen.push(...ids(answer));
        cursor = answer.body.pagination.next === null ? "" : `&cursor=${answer.body.pagination.next}`;
      } while (cursor !== "");
      expect([query, seen.length, new Set(seen).size]).toEqual([query, expected, expected]);
      for (const id of seen) expect(made).toContain(id);
    }
  });

  test("one is read with its attempts", async () => {
    const { id, deliveries } = await event({}, ["dead"]);
    const { body } = await get(`/deliveries/${deliveries[0]}`);
    expect(body).toEqual({
      id: deliveries[0],
      eventId: id,
      connectorId: connector,
      destinationId: destination,
      series: 0,
      state: "dead",
      endedBecause: "attempts_exhausted",
      attemptCount: 1,
      nextAttemptAt: null,
      createdAt: nowMs,
      updatedAt: nowMs,
      attempts: [
        {
          id: `att_${deliveries[0]}`,
          startedAt: nowMs,
          durationMs: 5,
          status: 500,
          outcome: "rejected",
          response: "no",
        },
      ],
    });
    expect((await get("/deliveries/dlv_0")).status).toBe(404);
  });

  test("a dead one is replayed as a delivery of its own, with its event's id", async () => {
    const { id, deliveries } = await event({}, ["dead"]);
    const answer = await post(`/deliveries/${deliveries[0]}/replay`, undefined, world.developer);
    expect(answer.body).toMatchObject({ eventId: id, destinationId: destination, series: 1, state: "pending" });
    expect(answer.status).toBe(201);
    expect(lanes.calls).toEqual([["enqueue", destination, 0, [answer.body.id]]]);
    expect((await get(`/deliveries/${deliveries[0]}`)).body.state).toBe("dead");
    const again = await post(`/deliveries/${deliveries[0]}/replay`);
    expect([again.status, again.body.error.code]).toEqual([409, "conflict"]);
    expect((await post(`/deliveries/${deliveries[0]}/replay`, undefined, world.viewer)).status).toBe(403);
    expect((await post("/deliveries/dlv_0/replay")).status).toBe(404);
  });

  test("fault 57 a replay to a disabled or removed destination is refused, and so is one without a payload", async () => {
    const disabled = await event({}, ["dead", "dead"]);
    const path = `/v1/connect/connectors/${connector}/destinations/${destination}`;
    await world.api.patch(path, { enabled: false }, world.owner);
    expect((await post(`/deliveries/${disabled.deliveries[0]}/replay`)).status).toBe(409);
    expect((await post(`/deliveries/${disabled.deliveries[1]}/replay`)).status).toBe(409);
    await world.api.patch(path, { enabled: true }, world.owner);
    await env.EVENTS.prepare("UPDATE events SET body_sealed = NULL, body_kid = NULL WHERE id = ?")
      .bind(disabled.id)
      .run();
    const gone = await post(`/deliveries/${disabled.deliveries[0]}/replay`);
    expect([gone.status, gone.body.error.code]).toEqual([410, "gone"]);
  });

  test("a pending one is canceled once, and its lane is told", async () => {
    const { deliveries } = await event({}, ["pending"]);
    const canceled = await post(`/deliveries/${deliveries[0]}/cancel`, undefined, world.developer);
    expect(canceled.body).toMatchObject({ state: "canceled", endedBecause: "canceled", nextAttemptAt: null });
    expect(lanes.calls).toEqual([["cancel", destination, 0, [deliveries[0]]]]);
    expect((await get(`/deliveries/${deliveries[0]}`)).body.state).toBe("canceled");
    expect((await post(`/deliveries/${deliveries[0]}/cancel`)).status).toBe(409);
    expect((await post(`/deliveries/${deliveries[0]}/cancel`, undefined, world.viewer)).status).toBe(403);
  });
});

describe("bulk replays", () => {
  test("are noted for the Housekeeper, listed, read and canceled", async () => {
    nudges = 0;
    const made = await post("/replays", { connector, destination, since: 5, until: 9 });
    expect(made.status).toBe(201);
    expect(nudges).toBe(1);
    expect(made.body).toEqual({
      id: expect.stringMatching(/^rpl_/),
      state: "running",
      connectorId: connector,
      destinationId: destination,
      states: ["dead", "canceled"],
      since: 5,
      until: 9,
      made: 0,
      createdAt: nowMs,
      updatedAt: nowMs,
    });
    expect((await get(`/replays/${made.body.id}`)).body).toEqual(made.body);
    expect((await get("/replays")).body.replays).toContainEqual(made.body);
    expect((await world.api.delete(`/v1/connect/replays/${made.body.id}`, world.owner)).status).toBe(204);
    expect((await get(`/replays/${made.body.id}`)).body.state).toBe("canceled");
    expect((await world.api.delete(`/v1/connect/replays/${made.body.id}`, world.owner)).status).toBe(409);
  });

  test("fault 67 what has arrived comes again only where that was asked for by name", async () => {
    expect((await post("/replays", { connector, states: ["delivered"] })).status).toBe(400);
    const forced = await post("/replays", { connector, states: ["dead"], includeDelivered: true });
    expect(forced.body.states).toEqual(["dead", "delivered"]);
  });

  test.for([
    {},
    { until: 5 },
    { destination: "dst_0" },
    { connector: "no/body" },
    { since: -1 },
    { states: ["pending"] },
  ])("%j is refused", async (body) => {
    expect([400, 404]).toContain((await post("/replays", body)).status);
  });

  test("only admins start and cancel them", async () => {
    expect((await post("/replays", { connector }, world.developer)).status).toBe(403);
    expect((await world.api.delete("/v1/connect/replays/rpl_0", world.developer)).status).toBe(403);
  });
});

describe("dead letters", () => {
  test("are listed, and one that nobody can read is not sent again", async () => {
    await env.EVENTS.prepare(
      `INSERT INTO dead_letters (id, connector_id, event_id, reason, message, created_at_ms, expires_at_ms)
       VALUES ('letter', ?, NULL, 'unreadable', '{"v":9}', 5, 9)`,
    )
      .bind(connector)
      .run();
    expect((await get("/dead-letters")).body.deadLetters).toEqual([
      { id: "letter", connectorId: connector, eventId: null, reason: "unreadable", createdAt: 5 },
    ]);
    expect((await post("/dead-letters/letter/replay")).status).toBe(409);
    expect((await post("/dead-letters/none/replay")).status).toBe(404);
    expect((await post("/dead-letters/letter/replay", undefined, world.developer)).status).toBe(403);
  });
});

describe("a test event", () => {
  const path = () => `/connectors/${connector}/destinations/${destination}/test`;

  test("goes through the log and the lane, to this destination alone, whatever its filters", async () => {
    await newDestination("https://hooks.acme.com/other");
    const settings = `/v1/connect/connectors/${connector}/destinations/${destination}`;
    await world.api.patch(settings, { events: ["push"] }, world.owner);
    lanes.calls.length = 0;
    const sent = await post(path(), undefined, world.developer);
    expect(sent.body).toMatchObject({ destinationId: destination, state: "pending", series: 0 });
    expect(sent.status).toBe(201);
    expect(lanes.calls).toEqual([["enqueue", destination, 0, [sent.body.id]]]);
    const logged = await get(`/events/${sent.body.eventId}?payload=raw`);
    expect(logged.body).toMatchObject({ type: "connect.test", state: "dispatched" });
    expect(JSON.parse(logged.body.payload.data)).toMatchObject({ type: "connect.test", destination });
    expect((await get(`/deliveries?event=${sent.body.eventId}`)).body.deliveries).toHaveLength(1);
  });

  test("to a disabled destination is refused", async () => {
    await world.api.patch(
      `/v1/connect/connectors/${connector}/destinations/${destination}`,
      { enabled: false },
      world.owner,
    );
    expect((await post(path())).status).toBe(409);
    expect((await post(path(), undefined, world.viewer)).status).toBe(403);
  });
});
