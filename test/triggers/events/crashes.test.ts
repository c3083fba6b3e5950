import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { EventDeps } from "../../../src/triggers/events/deps.ts";
import type { IngestMessage } from "../../../src/triggers/events/event.ts";
import { fanOut } from "../../../src/triggers/events/fan-out.ts";
import { messageText } from "../../../src/triggers/events/message-codec.ts";
import { deliveryRows, eventRow, type World, world } from "./world.ts";

class Crash extends Error {}

/** Dependencies of which call number `at` never comes back, before it acts or after it did; and nothing after it does. */
function crashing(deps: EventDeps, at: number, when: "before" | "after"): { deps: EventDeps; calls: () => number } {
  let calls = 0;
  const dying = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        return async (...values: unknown[]) => {
          const call = ++calls;
          if (call > at || (call === at && when === "before")) throw new Crash();
          const answer: unknown = await Reflect.apply(member, target, values);
          if (call === at) throw new Crash();
          return answer;
        };
      },
    });
  return {
    calls: () => calls,
    deps: {
      ...deps,
      db: dying(deps.db),
      events: dying(deps.events),
      blobs: dying(deps.blobs),
      lanes: { lane: (...of) => dying(deps.lanes.lane(...of)) },
    },
  };
}

/** A repeat, a large one, one that only some want, and a plain one; two destinations. */
async function batchOf(at: World): Promise<IngestMessage[]> {
  await at.destination();
  await at.destination({ filter: '{"equals":{"/action":"opened"}}' });
  const messages = [
    await at.message({ dedupKey: "id:twice" }),
    await at.message({ dedupKey: "id:twice" }),
    await at.message({}, { action: "closed", text: "l".repeat(9000) }),
    await at.message(),
  ];
  return Promise.all(
    messages.map(async (message) => {
      const journalKey = `journal/${message.event.id}`;
      await env.BLOBS.put(journalKey, messageText({ ...message, journalKey }));
      return { ...message, journalKey };
    }),
  );
}

/** Each event has exactly one delivery for each destination that wants it, and each of those reached its lane. */
async function expectAllThere(at: World, [one, other, large, plain]: IngestMessage[]): Promise<void> {
  const rows = new Map<IngestMessage | undefined, number>();
  for (const message of [one, other, large, plain]) {
    const id = message?.event.id ?? "";
    const deliveries = await deliveryRows(id);
    const reached = new Set(at.handed.filter(({ eventId }) => eventId === id).map(({ deliveryId }) => deliveryId));
    expect(reached).toEqual(new Set(deliveries.map((row) => row.id)));
    rows.set(message, deliveries.length);
    const event = await eventRow(id);
    // Of the repeat and what it repeats, whichever came first is there.
    if (event === null) expect([one, other]).toContain(message);
    else expect(event).toMatchObject({ state: "dispatched" });
  }
  const counts = [one, other].map((message) => rows.get(message)).toSorted();
  expect([...counts, rows.get(large), rows.get(plain)]).toEqual([0, 2, 1, 2]);
}

const calls = await countCalls();

async function countCalls(): Promise<number> {
  const at = await world();
  const messages = await batchOf(at);
  const whole = crashing(at.deps, Number.POSITIVE_INFINITY, "before");
  await fanOut(messages, whole.deps);
  return whole.calls();
}

test("there are steps to be interrupted at", () => {
  expect(calls).toBeGreaterThan(10);
});

describe.for(["before", "after"] as const)("fault 49 whoever dies %s a step", (when) => {
  const steps = Array.from({ length: calls }, (_, index) => index + 1);

  test("loses nothing and doubles nothing: the queue brings the batch again", { timeout: 60_000 }, async () => {
    for (const step of steps) {
      const at = await world();
      const messages = await batchOf(at);
      const outcomes = await fanOut(messages, crashing(at.deps, step, when).deps);
      const again = messages.filter((_, index) => outcomes[index] !== null);
      // What was done needs no second time, and bears one: the acknowledgement may be lost as well.
      expect(await fanOut(again, at.fresh())).toEqual(again.map(() => null));
      await expectAllThere(at, messages);
      expect(await fanOut(messages, at.fresh())).toEqual(messages.map(() => null));
      await expectAllThere(at, messages);
      for (const { journalKey } of messages) expect(await env.BLOBS.head(journalKey ?? "")).toBeNull();
    }
  });

  test("loses nothing when the queue forgets the batch, too: the Housekeeper goes on", {
    timeout: 60_000,
  }, async () => {
    for (const step of steps) {
      const at = await world();
      const messages = await batchOf(at);
      await fanOut(messages, crashing(at.deps, step, when).deps);
      at.advance(61_000);
      await at.keepUp(at.fresh());
      await expectAllThere(at, messages);
      for (const { journalKey } of messages) expect(await env.BLOBS.head(journalKey ?? "")).toBeNull();
    }
  });
});
