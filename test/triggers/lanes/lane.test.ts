import { describe, expect, test, vi } from "vitest";
import { sql } from "../../../src/store/database.ts";
import { findDestination } from "../../../src/triggers/settings/destination-store.ts";
import { db, signingSecret } from "../sending/world.ts";
import { answering, eventsDb, gate, withLane } from "./world.ts";

const short = { retrySchedule: [10, 20] };

describe("W-12 a delivery", () => {
  test("is sent, told to the log with its attempt, and forgotten", () =>
    withLane({}, async (world) => {
      const items = await world.deliveries(3);
      await world.enqueue(items);
      await world.rest();
      expect(world.received.map(({ deliveryId }) => deliveryId).sort()).toEqual(
        items.map((item) => item.deliveryId).sort(),
      );
      for (const logged of await world.log(items)) {
        expect(logged).toMatchObject({
          state: "delivered",
          endedBecause: "delivered",
          attemptCount: 1,
          nextAttemptAtMs: null,
        });
        expect(logged?.attempts).toMatchObject([{ outcome: "delivered", status: 200, response: null }]);
      }
      expect(await world.lane.status()).toEqual({ waiting: 0, inFlight: 0, breaker: "closed", nextAtMs: null });
    }));

  test("that comes again within an hour of its end is not sent again", () =>
    withLane({}, async (world) => {
      const items = await world.deliveries(1);
      await world.enqueue(items);
      await world.enqueue(items);
      await world.rest();
      await world.later(3_599_000);
      await world.enqueue(items);
      await world.rest();
      expect(world.received).toHaveLength(1);
    }));

  test("fault 58 that comes again while it is in flight is not sent twice", () =>
    withLane({}, async (world) => {
      const brake = gate();
      world.answer = async () => {
        await brake.pass();
        return new Response(null, { status: 204 });
      };
      const items = await world.deliveries(1);
      await world.enqueue(items);
      await vi.waitUntil(() => brake.held === 1);
      await world.enqueue(items);
      await world.later(9_000);
      expect(await world.lane.status()).toMatchObject({ waiting: 0, inFlight: 1 });
      brake.release();
      await world.rest();
      expect(world.received).toHaveLength(1);
    }));

  test("fault 58 that comes from the reconciler while its retry waits keeps its own time and its count", () =>
    withLane(short, async (world) => {
      world.answer = answering(500);
      const items = await world.deliveries(1);
      await world.enqueue(items);
      await world.rest();
      await world.enqueue(items.map((item) => ({ ...item, attemptCount: 1 })));
      await world.rest();
      expect(world.received).toHaveLength(1);
      expect((await world.log(items))[0]).toMatchObject({
        attemptCount: 1,
        nextAttemptAtMs: world.clock.nowMs + 10_000,
      });
    }));

  test("of a replay or after a responder's attempt goes on counting where it was", () =>
    withLane({}, async (world) => {
      const items = await world.deliveries(1);
      await world.enqueue(items.map((item) => ({ ...item, attemptCount: 1, series: 2 })));
      await world.rest();
      expect(world.received[0]?.attempt).toBe(2);
      expect(world.received[0]?.headers.get("connect-replay")).toBe("2");
    }));

  test("and its replay, which are due at once, are both sent", () =>
    withLane({}, async (world) => {
      const items = await world.deliveries(1);
      await world.enqueue(items.flatMap((item) => [item, { ...item, deliveryId: `${item.deliveryId}r`, series: 1 }]));
      await world.rest();
      expect(world.received.map(({ headers }) => headers.get("connect-replay")).toSorted()).toEqual(["1", null]);
    }));

  test("is not taken by the lane of another destination", () =>
    withLane({}, async (world) => {
      await expect(world.lane.enqueue("dst_other", await world.deliveries(1))).rejects.toThrow("wrong lane");
      expect(await world.lane.status()).toMatchObject({ waiting: 0 });
    }));

  test("whose event has been purged is over, and nothing is sent", () =>
    withLane({}, async (world) => {
      const items = await world.deliveries(2);
      await eventsDb.run(sql("DELETE FROM events WHERE id = ?", items[0]?.eventId ?? ""));
      await world.enqueue(items);
      await world.rest();
      expect(world.received.map(({ eventId }) => eventId)).toEqual([items[1]?.eventId]);
      expect(await world.lane.status()).toMatchObject({ waiting: 0 });
    }));

  test("whose payload has been purged is dead", () =>
    withLane({}, async (world) => {
      const items = await world.deliveries(1);
      await eventsDb.run(sql("UPDATE events SET body_sealed = NULL WHERE id = ?", items[0]?.eventId ?? ""));
      await world.enqueue(items);
      await world.rest();
      expect(world.received).toEqual([]);
      expect((await world.log(items))[0]).toMatchObject({
        state: "dead",
        endedBecause: "permanent_failure",
        attempts: [{ outcome: "payload_gone" }],
      });
    }));
});

describe("W-11 retries", () => {
  test("E-11 are not made of an event that goes round in circles: it is dead at once", () =>
    withLane(short, async (world) => {
      const items = await world.deliveries(1);
      const headers = JSON.stringify({ "connect-hop": "3" });
      await eventsDb.run(sql("UPDATE events SET headers = ? WHERE id = ?", headers, items[0]?.eventId ?? ""));
      await world.enqueue(items);
      await world.rest();
      const [logged] = await world.log(items);
      expect(logged).toMatchObject({ state: "dead", endedBecause: "permanent_failure", attemptCount: 1 });
      expect(logged?.attempts[0]).toMatchObject({ outcome: "too_many_hops", status: null });
      expect(world.received).toEqual([]);
    }));

  test("are made towards a destination without a URL: its environment may get an origin", () =>
    withLane({ ...short, url: null }, async (world) => {
      const items = await world.deliveries(1);
      await world.enqueue(items);
      await world.rest();
      expect((await world.log(items))[0]).toMatchObject({ state: "pending", attempts: [{ outcome: "misconfigured" }] });
    }));

  test("follow the schedule and end in a dead letter, each attempt with an id of its own under the same delivery", () =>
    withLane(short, async (world) => {
      world.answer = answering(503);
      const items = await world.deliveries(1);
      await world.enqueue(items);
      await world.rest();
      await world.later(9_999);
      expect(world.received).toHaveLength(1);
      await world.later(1);
      await world.rest();
      expect(world.received).toHaveLength(2);
      await world.later(20_000);
      await world.rest();
      const [logged] = await world.log(items);
      expect(logged).toMatchObject({ state: "dead", endedBecause: "attempts_exhausted", attemptCount: 3 });
      expect(logged?.attempts.map(({ status, response }) => [status, response])).toEqual(Array(3).fill([503, "said"]));
      expect(new Set(logged?.attempts.map(({ id }) => id)).size).toBe(3);
      expect(new Set(world.received.map(({ eventId, deliveryId }) => `${eventId} ${deliveryId}`)).size).toBe(1);
      expect(world.received.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
      expect(world.lines.join()).toContain("lane.delivery_dead");
    }));

  test("a delivery that failed does not hold others up", () =>
    withLane(short, async (world) => {
      world.answer = ({ attempt }) => new Response(null, { status: attempt === 1 ? 500 : 204 });
      const [first] = await world.deliveries(1);
      if (first === undefined) throw new Error("no delivery");
      await world.enqueue([first]);
      await world.rest();
      world.answer = answering(204);
      const others = await world.deliveries(2);
      await world.enqueue(others);
      await world.rest();
      expect((await world.log(others)).map((logged) => logged?.state)).toEqual(["delivered", "delivered"]);
      await world.later(10_000);
      await world.rest();
      expect((await world.log([first]))[0]).toMatchObject({ state: "delivered", attemptCount: 2 });
    }));

  test("fault 62 a Retry-After keeps the whole lane quiet, its own delivery for as long as it asked", () =>
    withLane({ ...short, maxInFlight: 1 }, async (world) => {
      world.answer = answering(429, { "retry-after": "120" });
      const items = await world.deliveries(3);
      await world.enqueue(items);
      await world.rest();
      expect(world.received).toHaveLength(1);
      world.answer = answering(204);
      await world.later(119_000);
      expect(world.received).toHaveLength(1);
      await world.later(1_000);
      await world.rest();
      expect((await world.log(items)).map((logged) => logged?.state)).toEqual(["delivered", "delivered", "delivered"]);
    }));

  test("fault 62 a Retry-After of a day keeps the lane quiet for an hour at most", () =>
    withLane({ ...short, maxInFlight: 1 }, async (world) => {
      world.answer = answering(503, { "retry-after": "86400" });
      const items = await world.deliveries(2);
      await world.enqueue(items);
      await world.rest();
      world.answer = answering(204);
      world.revive();
      await world.later(3_599_000);
      expect(world.received).toHaveLength(1);
      await world.later(1_000);
      await world.rest();
      const states = (await world.log(items)).map((logged) => logged?.state);
      expect(states.toSorted()).toEqual(["delivered", "pending"]);
    }));

  test("fault 62 two 410 in a row disable the destination, and what waits stays", () =>
    withLane({ ...short, maxInFlight: 1 }, async (world) => {
      world.answer = answering(410);
      const [first, second] = await world.deliveries(2);
      if (first === undefined || second === undefined) throw new Error("no deliveries");
      await world.enqueue([first]);
      await world.rest();
      expect((await findDestination(db, world.destination.id))?.destination.disabledReason).toBeNull();
      await world.later(10_000);
      await world.rest();
      expect((await findDestination(db, world.destination.id))?.destination.disabledReason).toBe("gone");
      expect((await world.log([first]))[0]).toMatchObject({ state: "dead", endedBecause: "gone" });
      await world.later(6_000);
      await world.enqueue([second]);
      await world.rest();
      expect(world.received).toHaveLength(2);
      expect((await world.log([second]))[0]).toMatchObject({ state: "pending", attemptCount: 0 });
    }));

  test("what keeps us from sending is no attempt, and is tried again", () => {
    let fails = true;
    return withLane(
      {},
      async (world) => {
        const items = await world.deliveries(1);
        await world.enqueue(items);
        await world.rest();
        expect(world.received).toEqual([]);
        fails = false;
        await world.later(5_000);
        await world.rest();
        expect((await world.log(items))[0]).toMatchObject({ state: "delivered", attemptCount: 1 });
      },
      {
        keys: async () => {
          if (fails) throw new Error("no keys");
          return (await import("../sending/world.ts")).keys;
        },
      },
    );
  });
});

describe("fault 57 while a retry waits", () => {
  async function failedOnce(
    work: (
      world: Parameters<Parameters<typeof withLane>[1]>[0],
      items: Awaited<ReturnType<(typeof world)["deliveries"]>>,
    ) => Promise<void>,
  ) {
    await withLane(short, async (world) => {
      world.answer = answering(500);
      const items = await world.deliveries(1);
      await world.enqueue(items);
      await world.rest();
      world.answer = answering(200);
      await work(world, items);
    });
  }

  test("the destination's URL is changed: the retry goes to the new one", () =>
    failedOnce(async (world, items) => {
      await db.run(sql("UPDATE destinations SET url = 'https://new.acme.com/h' WHERE id = ?", world.destination.id));
      await world.lane.refresh();
      await world.later(10_000);
      await world.rest();
      expect(world.received.map(({ url }) => url)).toEqual(["https://app.acme.com/hooks", "https://new.acme.com/h"]);
      expect((await world.log(items))[0]).toMatchObject({ state: "delivered" });
    }));

  test("the same without being told, a few seconds later", () =>
    failedOnce(async (world) => {
      await db.run(sql("UPDATE destinations SET url = 'https://new.acme.com/h' WHERE id = ?", world.destination.id));
      await world.later(10_000);
      await world.rest();
      expect(world.received.at(-1)?.url).toBe("https://new.acme.com/h");
    }));

  test("the destination is disabled: the retry waits, however long, and is made when it is enabled", () =>
    failedOnce(async (world, items) => {
      await db.run(sql("UPDATE destinations SET disabled_reason = 'operator' WHERE id = ?", world.destination.id));
      await world.lane.refresh();
      await world.later(10 * 86_400_000);
      await world.rest();
      expect(world.received).toHaveLength(1);
      expect((await world.log(items))[0]).toMatchObject({ state: "pending" });
      await db.run(sql("UPDATE destinations SET disabled_reason = NULL WHERE id = ?", world.destination.id));
      await world.lane.refresh();
      await world.rest();
      await vi.waitUntil(() => world.received.length === 2);
    }));

  test("the destination is removed: what waits is canceled", () =>
    failedOnce(async (world, items) => {
      const more = await world.deliveries(3);
      await db.run(sql("UPDATE destinations SET disabled_reason = 'operator' WHERE id = ?", world.destination.id));
      await world.lane.refresh();
      await world.enqueue(more);
      await world.rest();
      await db.run(sql("DELETE FROM destinations WHERE id = ?", world.destination.id));
      await world.lane.refresh();
      await vi.waitUntil(async () => (await world.log(items))[0]?.state === "canceled");
      await world.rest();
      for (const logged of await world.log([...items, ...more])) {
        expect(logged).toMatchObject({ state: "canceled", endedBecause: "destination_removed" });
      }
      expect(world.received).toHaveLength(1);
      expect(await world.lane.status()).toMatchObject({ waiting: 0 });
    }));

  test("the destination is removed while an attempt is in flight: its success counts, its failure is the end", () =>
    withLane(short, async (world) => {
      const brake = gate();
      world.answer = async ({ eventId }) => {
        await brake.pass();
        return new Response(null, { status: eventId === items[0]?.eventId ? 204 : 500 });
      };
      const items = await world.deliveries(2);
      await world.enqueue(items);
      await vi.waitUntil(() => brake.held === 2);
      await db.run(sql("DELETE FROM destinations WHERE id = ?", world.destination.id));
      await world.lane.refresh();
      brake.release();
      await vi.waitUntil(async () => (await world.log(items))[1]?.state === "canceled");
      expect((await world.log(items)).map((logged) => logged?.endedBecause)).toEqual([
        "delivered",
        "destination_removed",
      ]);
    }));

  test("the connector is deleted: the same", () =>
    failedOnce(async (world, items) => {
      await db.run(sql("UPDATE connectors SET deleted_at_ms = 1 WHERE id = ?", world.destination.connectorId));
      await world.lane.refresh();
      await vi.waitUntil(async () => (await world.log(items))[0]?.state === "canceled");
    }));

  test("the delivery is canceled: it is not made", () =>
    failedOnce(async (world, items) => {
      await world.lane.cancel(items.map((item) => item.deliveryId));
      await world.rest();
      await world.later(10_000);
      expect(world.received).toHaveLength(1);
      expect((await world.log(items))[0]).toMatchObject({
        state: "canceled",
        endedBecause: "canceled",
        attemptCount: 1,
      });
    }));

  test("a delivery that is canceled in flight ends as it ends", () =>
    withLane(short, async (world) => {
      const brake = gate();
      world.answer = async ({ eventId }) => {
        await brake.pass();
        return new Response(null, { status: eventId === items[0]?.eventId ? 204 : 500 });
      };
      const items = await world.deliveries(2);
      await world.enqueue(items);
      await vi.waitUntil(() => brake.held === 2);
      await world.lane.cancel(items.map((item) => item.deliveryId));
      brake.release();
      await world.rest();
      expect((await world.log(items)).map((logged) => logged?.state)).toEqual(["delivered", "canceled"]);
      await world.later(10_000);
      expect(world.received).toHaveLength(2);
    }));

  test("the database of destinations is away: nothing goes to one that was told to be read anew", () =>
    failedOnce(async (world) => {
      let away = true;
      const broken = new Proxy(db, {
        get: (target, name, self) =>
          away && name === "batch" ? () => Promise.reject(new Error("away")) : Reflect.get(target, name, self),
      });
      world.revive({ db: broken });
      await world.later(10_000);
      await world.later(60_000);
      expect(world.received).toHaveLength(1);
      away = false;
      await world.later(10_000);
      await world.rest();
      expect(world.received).toHaveLength(2);
    }));
});

describe("how many at once", () => {
  test("is the destination's cap, whatever waits", () =>
    withLane({ maxInFlight: 3 }, async (world) => {
      const brake = gate();
      world.answer = async () => {
        await brake.pass();
        return new Response(null, { status: 204 });
      };
      const items = await world.deliveries(10);
      await world.enqueue(items);
      for (let done = 0; done < 10; done++) {
        await vi.waitUntil(() => brake.held === Math.min(3, 10 - done));
        expect((await world.lane.status()).inFlight).toBeLessThanOrEqual(3);
        brake.release(1);
      }
      await world.rest();
      expect(world.received).toHaveLength(10);
    }));

  test("W-12 in order is one, by time of receipt, and the next one waits for its retries", () =>
    withLane({ ordered: true, retrySchedule: [10] }, async (world) => {
      const items = await world.deliveries(4);
      const second = items[1]?.eventId;
      world.answer = ({ eventId, attempt }) =>
        new Response(null, { status: eventId === second && attempt === 1 ? 500 : 204 });
      await world.enqueue(items.toReversed());
      await vi.waitUntil(() => world.received.length === 2);
      await world.rest();
      expect(world.received.map(({ eventId }) => eventId)).toEqual([items[0]?.eventId, second]);
      await world.later(10_000);
      await world.rest();
      expect(world.received.map(({ eventId }) => eventId)).toEqual(
        [0, 1, 1, 2, 3].map((index) => items[index]?.eventId),
      );
    }));

  test("W-12 in order, a dead one makes way", () =>
    withLane({ ordered: true, retrySchedule: [] }, async (world) => {
      const items = await world.deliveries(2);
      world.answer = ({ eventId }) => new Response(null, { status: eventId === items[0]?.eventId ? 500 : 204 });
      await world.enqueue(items);
      await world.rest();
      expect((await world.log(items)).map((logged) => logged?.state)).toEqual(["dead", "delivered"]);
    }));

  test("follows the rate, and what waits for it is not counted as tried", () =>
    withLane({ ratePerSecond: 2 }, async (world) => {
      const items = await world.deliveries(5);
      await world.enqueue(items);
      await world.rest();
      expect(world.received).toHaveLength(2);
      await world.later(1_000);
      await world.rest();
      expect(world.received).toHaveLength(4);
      await world.later(500);
      await world.rest();
      expect(
        (await world.log(items)).every((logged) => logged?.state === "delivered" && logged.attemptCount === 1),
      ).toBe(true);
    }));
});

describe("fault 64 a destination that is down", () => {
  test("for one event in three is not one that is down: the others get through, and each again until it does", () =>
    withLane({ retrySchedule: [1, 1, 1, 1], maxInFlight: 5 }, async (world) => {
      let count = 0;
      world.answer = () => new Response(null, { status: ++count % 3 === 0 ? 500 : 204 });
      const items = await world.deliveries(60);
      await world.enqueue(items);
      for (let round = 0; round < 6; round++) {
        await world.rest();
        expect((await world.lane.status()).breaker).toBe("closed");
        await world.later(1_200);
      }
      await world.rest();
      expect(new Set((await world.log(items)).map((logged) => logged?.state))).toEqual(new Set(["delivered"]));
    }));

  test("is left alone, probed by one delivery, and gets what waited in growing numbers", () =>
    withLane({ maxInFlight: 5 }, async (world) => {
      world.answer = answering(500);
      const items = await world.deliveries(20);
      await world.enqueue(items);
      await world.rest();
      expect(await world.lane.status()).toMatchObject({ breaker: "open", nextAtMs: world.clock.nowMs + 10_000 });
      // What was under way when the tenth failed has ended as well.
      const tried = world.received.length;
      expect(tried).toBeLessThanOrEqual(14);
      await world.later(9_000);
      await world.rest();
      expect(world.received).toHaveLength(tried);

      const brake = gate();
      world.answer = async () => {
        await brake.pass();
        return new Response(null, { status: 204 });
      };
      await world.later(1_000);
      await vi.waitUntil(() => brake.held === 1);
      expect((await world.lane.status()).breaker).toBe("half_open");
      const atOnce: number[] = [];
      for (const expected of [1, 1, 2, 5]) {
        await vi.waitUntil(() => brake.held === expected);
        await scheduler.wait(20);
        atOnce.push(brake.held);
        brake.release();
      }
      expect(atOnce).toEqual([1, 1, 2, 5]);
      await vi.waitUntil(() => brake.held > 0);
      expect((await world.lane.status()).breaker).toBe("closed");
      while ((await world.lane.status()).inFlight > 0) {
        brake.release();
        await scheduler.wait(5);
      }
    }));

  test("stays left alone by an object that lost its memory", () =>
    withLane({ maxInFlight: 1 }, async (world) => {
      world.answer = answering(500);
      await world.enqueue(await world.deliveries(12));
      await world.rest();
      world.revive();
      await world.later(9_000);
      expect(world.received).toHaveLength(10);
      expect((await world.lane.status()).breaker).toBe("open");
      await world.later(1_000);
      await world.rest();
      expect(world.received).toHaveLength(11);
    }));

  test("for longer than the schedule: what waited for all of it is dead, tried or not", () =>
    withLane({ retrySchedule: [10, 20], maxInFlight: 5 }, async (world) => {
      world.answer = answering(500);
      const items = await world.deliveries(12);
      await world.enqueue(items);
      await world.rest();
      await world.later(2 * 3_600_000);
      await world.rest();
      const logged = await world.log(items);
      expect(new Set(logged.map((one) => one?.endedBecause))).toEqual(new Set(["attempts_exhausted"]));
    }));
});

describe("what the log is told", () => {
  test("fault 56 waits while the log is away, is told once it is back, and nothing is sent twice meanwhile", () => {
    let away = true;
    const events = new Proxy(eventsDb, {
      get: (target, name, self) =>
        away && name === "batch" ? () => Promise.reject(new Error("away")) : Reflect.get(target, name, self),
    });
    return withLane(
      {},
      async (world) => {
        const items = await world.deliveries(3);
        await world.enqueue(items);
        await vi.waitUntil(() => world.lines.some((line) => line.includes("lane.report_failed")));
        expect(world.received).toHaveLength(3);
        await world.later(2 * 3_600_000);
        await world.enqueue(items);
        away = false;
        await world.later(60_000);
        await world.rest();
        expect(world.received).toHaveLength(3);
        expect((await world.log(items)).map((logged) => logged?.state)).toEqual(Array(3).fill("delivered"));
      },
      { events },
    );
  });

  test("W-13 nothing of a payload or a secret is in the lane's storage or in the log", () =>
    withLane(short, async (world) => {
      world.answer = () => new Response("bad", { status: 500 });
      const items = await world.deliveries(2, '{"card":"4111-1111-1111-1111"}');
      await world.enqueue(items);
      await world.rest();
      expect(world.received[0]?.body).toContain("4111-1111-1111-1111");
      const stored = ["waiting", "settled", "outbox", "kept"].map((table) =>
        world.sql.exec(`SELECT * FROM ${table}`).toArray(),
      );
      for (const text of [JSON.stringify(stored), world.lines.join("\n"), JSON.stringify(await world.log(items))]) {
        expect(text).not.toMatch(/4111|whsec_|eyJ/);
        expect(text).not.toContain(signingSecret(1).slice(6, 30));
      }
    }));
});

describe("what it says of itself", () => {
  test("is when it sends next, in the order that its destination wants", () =>
    withLane({ ordered: true, retrySchedule: [30] }, async (world) => {
      world.answer = answering(500);
      await world.enqueue(await world.deliveries(2));
      await world.rest();
      const { nowMs } = world.clock;
      const status = await world.lane.status(true);
      expect(status).toMatchObject({ waiting: 2, inFlight: 0, breaker: "closed" });
      expect(status.nextAtMs).toBeGreaterThanOrEqual(nowMs + 20_000);
      // The second is due, and waits for the first.
      expect((await world.lane.status(false)).nextAtMs).toBeLessThanOrEqual(nowMs);
    }));

  test("heeds that the destination asked for quiet, and leaves out what is in flight", () =>
    withLane({ retrySchedule: [30], maxInFlight: 1 }, async (world) => {
      world.answer = () => new Response(null, { status: 429, headers: { "retry-after": "100" } });
      await world.enqueue(await world.deliveries(2));
      await world.rest();
      expect((await world.lane.status()).nextAtMs).toBe(world.clock.nowMs + 100_000);
      const brake = gate();
      world.answer = async () => {
        await brake.pass();
        return new Response(null, { status: 204 });
      };
      await world.later(130_000);
      await vi.waitUntil(() => brake.held === 1);
      expect(await world.lane.status()).toMatchObject({ waiting: 1, inFlight: 1 });
      brake.release();
      await vi.waitUntil(() => brake.held === 1);
      expect(await world.lane.status()).toMatchObject({ waiting: 0, inFlight: 1, nextAtMs: null });
      brake.release();
      await world.rest();
    }));
});

test("a lane that was never given anything has no tables", () =>
  withLane({}, async (world) => {
    expect(await world.lane.status()).toMatchObject({ waiting: 0 });
    await world.lane.cancel(["dlv_x"]);
    await world.lane.refresh();
    await world.lane.alarm();
    await scheduler.wait(20);
    expect(world.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray()).toEqual(
      [],
    );
  }));
