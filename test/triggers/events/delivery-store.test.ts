import { describe, expect, test } from "vitest";
import { type DeliveryUpdate, deliveriesById, recordAttempts } from "../../../src/triggers/events/delivery-store.ts";
import type { Attempt } from "../../../src/triggers/events/event.ts";
import { fanOut } from "../../../src/triggers/events/fan-out.ts";
import { eventRow, world } from "./world.ts";

const attempt = (id: string, fields: Partial<Attempt> = {}): Attempt => ({
  id,
  startedAtMs: 1,
  durationMs: 2,
  status: 500,
  outcome: "rejected",
  response: "oh",
  ...fields,
});

const failed = (deliveryId: string, count: number, attempts: Attempt[]): DeliveryUpdate => ({
  deliveryId,
  attempts,
  attemptCount: count,
  state: "pending",
  endedBecause: null,
  nextAttemptAtMs: 1000 * count,
  updatedAtMs: 10 + count,
});
const delivered = (deliveryId: string, count: number): DeliveryUpdate => ({
  ...failed(deliveryId, count, [attempt(`att_${count}`, { status: 200, outcome: "delivered" })]),
  state: "delivered",
  endedBecause: "delivered",
  nextAttemptAtMs: null,
});

async function pendingDelivery(payloadDays = 7) {
  const at = await world({ payloadDays });
  await at.destination();
  const message = await at.message();
  await fanOut([message], at.deps);
  const id = at.handed[0]?.deliveryId ?? "";
  const find = async () => (await deliveriesById(at.deps.events, [id])).get(id);
  return { at, id, find, eventId: message.event.id };
}

describe("attempts", () => {
  test("are recorded once, however often they are told", async () => {
    const { at, id, find } = await pendingDelivery();
    const update = failed(id, 1, [attempt("att_1")]);
    for (const _ of [1, 2]) await recordAttempts(at.deps.events, [update]);
    expect(await find()).toMatchObject({
      state: "pending",
      attemptCount: 1,
      attempts: [attempt("att_1")],
      nextAttemptAtMs: 1000,
    });
    await recordAttempts(at.deps.events, [update, delivered(id, 2)]);
    expect(await find()).toMatchObject({
      state: "delivered",
      endedBecause: "delivered",
      attemptCount: 2,
      attempts: [{ id: "att_1" }, { id: "att_2" }],
      nextAttemptAtMs: null,
    });
  });

  test("the last twelve are kept, in their order, and all are counted", async () => {
    const { at, id, find } = await pendingDelivery();
    for (let count = 1; count <= 20; count += 2) {
      await recordAttempts(at.deps.events, [
        failed(id, count + 1, [attempt(`att_${count}`), attempt(`att_${count + 1}`)]),
      ]);
    }
    const found = await find();
    expect(found?.attemptCount).toBe(20);
    expect(found?.attempts.map((each) => each.id)).toEqual(
      Array.from({ length: 12 }, (_, index) => `att_${index + 9}`),
    );
  });

  test("fault 58 a delivery that has ended stays as it ended, whatever is told late", async () => {
    const { at, id, find } = await pendingDelivery();
    await recordAttempts(at.deps.events, [delivered(id, 2)]);
    await recordAttempts(at.deps.events, [failed(id, 1, [attempt("att_1")])]);
    const dead = { ...failed(id, 9, []), state: "dead", endedBecause: "attempts_exhausted" } as const;
    await recordAttempts(at.deps.events, [dead]);
    expect(await find()).toMatchObject({ state: "delivered", endedBecause: "delivered", nextAttemptAtMs: null });
  });

  test("what was canceled in flight and arrived all the same is delivered; nothing else brings it back", async () => {
    const { at, id, find } = await pendingDelivery();
    const canceled = {
      ...failed(id, 0, []),
      state: "canceled",
      endedBecause: "canceled",
      nextAttemptAtMs: null,
    } as const;
    await recordAttempts(at.deps.events, [canceled]);
    await recordAttempts(at.deps.events, [failed(id, 1, [attempt("att_1")])]);
    expect(await find()).toMatchObject({ state: "canceled", nextAttemptAtMs: null });
    await recordAttempts(at.deps.events, [delivered(id, 2)]);
    expect(await find()).toMatchObject({ state: "delivered" });
  });

  test("a delivery that is not there is no error, and keeps no other from being told", async () => {
    const { at, id, find } = await pendingDelivery();
    await recordAttempts(at.deps.events, [failed("dlv_unknown", 1, [attempt("x")]), delivered(id, 1)]);
    await recordAttempts(at.deps.events, []);
    expect(await find()).toMatchObject({ state: "delivered" });
  });

  test("hundreds at once meet no limit of the database", async () => {
    const at = await world();
    await at.destination();
    const messages = await Promise.all(Array.from({ length: 50 }, () => at.message()));
    await fanOut(messages, at.deps);
    const updates = at.handed.flatMap(({ deliveryId }) => [
      failed(deliveryId, 1, [attempt("att_1")]),
      delivered(deliveryId, 2),
    ]);
    await recordAttempts(at.deps.events, updates);
    const found = await deliveriesById(
      at.deps.events,
      at.handed.map(({ deliveryId }) => deliveryId),
    );
    expect([...found.values()].map(({ state, attempts }) => [state, attempts.length])).toEqual(
      at.handed.map(() => ["delivered", 2]),
    );
  });
});

test("a payload that is kept only until it is delivered falls due with the last delivery", async () => {
  const { at, id, eventId } = await pendingDelivery(0);
  const due = async () =>
    (
      await at.deps.events.first<{ at: number }>({
        sql: "SELECT body_expires_at_ms AS at FROM events WHERE id = ?",
        values: [eventId],
      })
    )?.at ?? 0;
  await recordAttempts(at.deps.events, [failed(id, 1, [attempt("att_1")])]);
  expect(await due()).toBeGreaterThan(at.deps.now() + 14 * 86_400_000);
  await recordAttempts(at.deps.events, [delivered(id, 2)]);
  expect(await due()).toBe(12);
  expect(await eventRow(eventId)).toMatchObject({ state: "dispatched" });
});
