import { abortAllDurableObjects, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import type { Database } from "../../../src/store/database.ts";
import { deliveriesById } from "../../../src/triggers/events/delivery-store.ts";
import type { LaneDeps } from "../../../src/triggers/lanes/lane.ts";
import { type LaneItem, laneName } from "../../../src/triggers/lanes/protocol.ts";
import { hostile, requestCount } from "../../providers/hostile.ts";
import { db, keys } from "../sending/world.ts";
import { eventsDb, type LaneWorld, withLane } from "./world.ts";

const MAX_IN_FLIGHT = 2;

/**
 * Dependencies of an object that dies at the n-th point: before or after the n-th step that leaves it. From then on
 * nothing that it waits for ever comes, as when a process is killed; what it had stored is stored.
 */
function dying(deps: Pick<LaneDeps, "fetch" | "now">, dieAt: number) {
  let points = 0;
  const life = { dead: false, spared: false };
  const point = async () => {
    if (!life.spared && ++points === dieAt) life.dead = true;
    if (life.dead) await new Promise(() => {});
  };
  const through =
    <Args extends unknown[], Value>(call: (...args: Args) => Promise<Value>) =>
    async (...args: Args): Promise<Value> => {
      await point();
      const value = await call(...args);
      await point();
      return value;
    };
  const database = (target: Database): Database => ({
    first: through((statement) => target.first(statement)) as Database["first"],
    all: through((statement) => target.all(statement)) as Database["all"],
    run: through((statement) => target.run(statement)),
    batch: through((statements) => target.batch(statements)) as Database["batch"],
  });
  return {
    life,
    deps: {
      db: database(db),
      events: database(eventsDb),
      keys: through(async () => keys),
      fetch: through(deps.fetch),
      // To one that is dead, nothing is ever due.
      now: () => deps.now() - (life.dead ? 1e9 : 0),
    },
  };
}

/** Four deliveries, one of which fails once, by an object that dies at that point; then by one that lives. */
async function dieAt(point: number): Promise<{ died: boolean; repeats: number }> {
  let outcome = { died: false, repeats: 0 };
  await withLane({ maxInFlight: MAX_IN_FLIGHT, retrySchedule: [10, 10] }, async (world: LaneWorld) => {
    const items = await world.deliveries(4);
    const ids = items.map(({ deliveryId }) => deliveryId);
    world.answer = ({ deliveryId, attempt }) =>
      new Response(null, { status: deliveryId === ids[1] && attempt === 1 ? 500 : 204 });
    const { life, deps } = dying({ fetch: world.fetch, now: () => world.clock.nowMs }, point);
    world.revive(deps);
    await world.enqueue(items);
    await vi.waitUntil(async () => {
      const quiet =
        world.sql.exec("SELECT 1 FROM outbox UNION ALL SELECT 1 FROM waiting WHERE attempt_count = 0").toArray()
          .length === 0;
      return life.dead || quiet;
    }, 5000);
    await scheduler.wait(5);
    const settled = new Set(
      world.sql
        .exec<{ id: string }>("SELECT id FROM settled")
        .toArray()
        .map(({ id }) => id),
    );
    const before = world.received.length;

    if (life.dead) world.revive();
    else life.spared = true;
    // Until the lease of what was in flight has ended, and the retry is due.
    for (const ms of [1, 15_001, 10_000, 10_000]) {
      await world.later(ms);
      await world.rest();
    }
    for (const logged of await world.log(items))
      expect(logged).toMatchObject({ state: "delivered", nextAttemptAtMs: null });
    expect(await world.lane.status()).toMatchObject({ waiting: 0, inFlight: 0 });
    for (const { deliveryId } of world.received.slice(before)) expect(settled.has(deliveryId)).toBe(false);
    const tries = Map.groupBy(world.received, ({ deliveryId, attempt }) => `${deliveryId} ${attempt}`);
    for (const same of tries.values()) expect(new Set(same.map(({ eventId }) => eventId)).size).toBe(1);
    expect(new Set(world.received.map(({ deliveryId }) => deliveryId))).toEqual(new Set(ids));
    outcome = { died: life.dead, repeats: world.received.length - tries.size };
  });
  return outcome;
}

test("an object that dies at any step loses nothing, and sends again only what it had not stored the answer of", async () => {
  let repeats = 0;
  let points = 0;
  for (let point = 1; point < 500; point++) {
    const outcome = await dieAt(point);
    if (!outcome.died) break;
    points = point;
    expect(outcome.repeats).toBeLessThanOrEqual(MAX_IN_FLIGHT);
    repeats += outcome.repeats;
  }
  // It dies in the middle of attempts as well as between them, or this shows nothing.
  expect(points).toBeGreaterThan(20);
  expect(repeats).toBeGreaterThan(0);
}, 120_000);

test("the platform kills an object while it sends: it comes back, and what it was given arrives", async () => {
  const key = crypto.randomUUID();
  let destinationId = "";
  let items: LaneItem[] = [];
  await withLane({ url: hostile("/ok", { key }), timeoutMs: 1000 }, async (world) => {
    destinationId = world.destination.id;
    items = await world.deliveries(12);
  });
  const stub = () => env.LANES.getByName(laneName(destinationId, 0));
  await stub().enqueue(
    destinationId,
    items.map((item) => ({ ...item, dueAtMs: Date.now() })),
  );
  await abortAllDurableObjects();
  await vi.waitUntil(
    async () => {
      await runDurableObjectAlarm(stub());
      const logged = await deliveriesById(
        eventsDb,
        items.map(({ deliveryId }) => deliveryId),
      );
      return [...logged.values()].every(({ state }) => state === "delivered");
    },
    { timeout: 20_000, interval: 300 },
  );
  expect(await requestCount(key)).toBeGreaterThanOrEqual(12);
  expect(await requestCount(key)).toBeLessThanOrEqual(12 + 5);
}, 30_000);
