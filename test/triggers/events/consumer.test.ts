import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { ApiError } from "../../../src/errors.ts";
import { consumeDead, consumeIngest } from "../../../src/triggers/events/consumer.ts";
import { resendDeadLetter } from "../../../src/triggers/events/dead-letters.ts";
import type { EventDeps } from "../../../src/triggers/events/deps.ts";
import { messageOfText, messageText, parseIngestMessage } from "../../../src/triggers/events/message-codec.ts";
import { deliveryRows, eventRow, world } from "./world.ts";

type Consume = typeof consumeIngest;

/** What the platform is told of each message. */
async function consumed(
  consume: Consume,
  bodies: unknown[],
  deps: EventDeps,
  attempts: number | ((index: number) => number) = 1,
) {
  const batch = createMessageBatch(
    "valetkey-ingest",
    bodies.map((body, index) => ({
      id: `m${index}`,
      timestamp: new Date(),
      attempts: typeof attempts === "number" ? attempts : attempts(index),
      body,
    })),
  );
  const ctx = createExecutionContext();
  // The platform's own account of a retry leaves out its delay.
  const delays = new Map<string, number | undefined>();
  const messages = batch.messages.map((message) => ({
    id: message.id,
    body: message.body,
    attempts: message.attempts,
    ack: () => message.ack(),
    retry(options?: QueueRetryOptions) {
      delays.set(message.id, options?.delaySeconds);
      message.retry(options);
    },
  }));
  await consume(messages, deps);
  const { outcome, explicitAcks, retryMessages, ackAll, retryBatch } = await getQueueResult(batch, ctx);
  expect([outcome, ackAll, retryBatch.retry]).toEqual(["ok", false, false]);
  return {
    acked: explicitAcks.toSorted(),
    retried: retryMessages.map(({ msgId }) => ({ msgId, delaySeconds: delays.get(msgId) })),
  };
}

const down = async () => {
  throw new ApiError("storage_unavailable", { reason: "d1: down" });
};
const noDatabase = { first: down, all: down, run: down, batch: down };

const deadLetters = async () =>
  (await env.EVENTS.prepare("SELECT id, event_id, reason, message FROM dead_letters ORDER BY id").all()).results;

describe("the consumer of verified events", () => {
  test("acknowledges each message that is done, once it is", async () => {
    const at = await world();
    await at.destination();
    const messages = [await at.message(), await at.message()];
    expect(await consumed(consumeIngest, messages, at.deps)).toEqual({ acked: ["m0", "m1"], retried: [] });
    for (const { event } of messages) expect(await eventRow(event.id)).toMatchObject({ state: "dispatched" });
  });

  test("fault 56 retries with growing delays while the database is down, and throws nothing", async () => {
    const at = await world();
    const messages = [await at.message(), await at.message()];
    const broken = at.fresh({ events: noDatabase });
    expect(await consumed(consumeIngest, messages, broken)).toEqual({
      acked: [],
      retried: [
        { msgId: "m0", delaySeconds: 2 },
        { msgId: "m1", delaySeconds: 2 },
      ],
    });
    expect((await consumed(consumeIngest, messages, broken, 7)).retried[0]?.delaySeconds).toBe(128);
    expect((await consumed(consumeIngest, messages, broken, 20)).retried[0]?.delaySeconds).toBe(600);
  });

  test("fault 55 W-11 puts aside what is of another version or of nobody, and goes on with the rest", async () => {
    const at = await world();
    await at.destination();
    const good = await at.message();
    const bodies = [
      { ...good, v: 2 },
      "nonsense",
      null,
      undefined,
      { v: 1 },
      good,
      { ...good, payload: { kind: "x" } },
    ];
    const { acked, retried } = await consumed(consumeIngest, bodies, at.deps);
    expect([acked.length, retried]).toEqual([bodies.length, []]);
    expect(await eventRow(good.event.id)).toMatchObject({ state: "dispatched" });
    const letters = await deadLetters();
    expect(letters.map(({ id }) => id)).toEqual(["m0", "m1", "m2", "m3", "m4", "m6"]);
    expect(new Set(letters.map(({ reason }) => reason))).toEqual(new Set(["unreadable"]));
    expect(at.services.lines.filter((line) => line.includes("events.dead_letter"))).toHaveLength(6);
  });

  test("fault 55 W-11 a message that breaks its whole batch fails alone from its fourth try on", async () => {
    const at = await world();
    await at.destination();
    const [good, poison] = [await at.message(), await at.message()];
    const events: EventDeps["events"] = {
      ...at.deps.events,
      batch: async (statements) =>
        statements.some(({ values }) => values.includes(poison.event.id)) ? down() : at.deps.events.batch(statements),
    };
    const first = await consumed(consumeIngest, [good, poison], at.fresh({ events }), 3);
    expect(first.acked).toEqual([]);
    const later = await consumed(consumeIngest, [good, poison], at.fresh({ events }), 4);
    expect(later).toEqual({ acked: ["m0"], retried: [{ msgId: "m1", delaySeconds: 16 }] });
  });

  test("fault 55 W-11 when each alone fails, it is not the messages: the rest of the batch is not tried", async () => {
    const at = await world();
    const messages = await Promise.all(Array.from({ length: 10 }, () => at.message()));
    let calls = 0;
    const batch = async () => {
      calls++;
      return down();
    };
    const result = await consumed(consumeIngest, messages, at.fresh({ events: { ...noDatabase, batch } }), 5);
    expect([result.retried.length, calls]).toEqual([10, 3]);
  });

  test("a message of the journal takes its key with it when it is done, and only then", async () => {
    const at = await world();
    const message = await at.message();
    const journalKey = `journal/${message.event.id}`;
    await env.BLOBS.put(journalKey, messageText(message));
    await consumed(consumeIngest, [{ ...message, journalKey }], at.fresh({ events: noDatabase }));
    expect(await env.BLOBS.head(journalKey)).not.toBeNull();
    await consumed(consumeIngest, [{ ...message, journalKey }], at.deps);
    expect(await env.BLOBS.head(journalKey)).toBeNull();
  });
});

describe("the consumer of what failed too often", () => {
  test("keeps the message, and an operator can send it again", async () => {
    const at = await world();
    await env.EVENTS.prepare("DELETE FROM dead_letters").run();
    await at.destination();
    const message = await at.message({}, { canary: "dead-letter-canary", pad: "p".repeat(80) });
    const journalKey = `journal/${message.event.id}`;
    await env.BLOBS.put(journalKey, "x");
    expect(await consumed(consumeDead, [{ ...message, journalKey }], at.deps)).toEqual({ acked: ["m0"], retried: [] });
    expect(await env.BLOBS.head(journalKey)).toBeNull();
    // The queue may bring it twice.
    await consumed(consumeDead, [message], at.deps);
    expect(await deadLetters()).toMatchObject([{ event_id: message.event.id, reason: "attempts_exhausted" }]);
    expect(JSON.stringify(await deadLetters())).not.toContain("dead-letter-canary");

    const broken = await resendDeadLetter("m0", at.fresh({ events: { ...at.deps.events, batch: down } }));
    expect(broken).toMatchObject({ ok: false, failure: { code: "storage_unavailable" } });
    expect(await resendDeadLetter("m0", at.deps)).toEqual({ ok: true, value: { eventId: message.event.id } });
    expect(await deliveryRows(message.event.id)).toHaveLength(1);
    expect(await deadLetters()).toEqual([]);
    expect(await resendDeadLetter("m0", at.deps)).toMatchObject({ failure: { code: "not_found" } });
  });

  test("fault 59 tries again when it fails itself", async () => {
    const at = await world();
    const message = await at.message();
    expect(await consumed(consumeDead, [message], at.fresh({ events: noDatabase }), 2)).toEqual({
      acked: [],
      retried: [{ msgId: "m0", delaySeconds: 4 }],
    });
    expect(await consumed(consumeIngest, ["nonsense"], at.fresh({ events: noDatabase }), 1)).toEqual({
      acked: [],
      retried: [{ msgId: "m0", delaySeconds: 2 }],
    });
  });

  test("a dead letter that no version reads is refused, and stays", async () => {
    const at = await world();
    await env.EVENTS.prepare("DELETE FROM dead_letters").run();
    await consumed(consumeDead, [{ v: 9, bytes: new Uint8Array([1, 2]) }], at.deps);
    expect(await resendDeadLetter("m0", at.deps)).toMatchObject({ failure: { code: "conflict" } });
    expect(await deadLetters()).toMatchObject([{ message: '{"v":9,"bytes":"AQI"}' }]);
  });
});

describe("a message as text", () => {
  test("is the same message again, with every kind of payload", async () => {
    const at = await world();
    const message = await at.message({ type: null, sentAtMs: 5, contentType: null });
    const attempt = {
      id: "a",
      startedAtMs: 1,
      durationMs: 2.5,
      status: null,
      outcome: "network",
      response: null,
    } as const;
    for (const variant of [
      message,
      { ...message, payload: { kind: "gone" } as const },
      { ...message, payload: { kind: "blob", key: "k", kid: "k1", segmentBytes: 5 } as const, journalKey: "journal/x" },
      { ...message, responded: { destinationId: "dst_x", attempt } },
    ]) {
      expect(messageOfText(messageText(variant))).toEqual(variant);
      expect(parseIngestMessage(structuredClone(variant))).toEqual(variant);
    }
    for (const text of ["", "{", "[]", '"x"', '{"v":1}']) expect(messageOfText(text)).toBeNull();
  });
});

test("what reaches the queue comes out of the deployed consumer recorded", async () => {
  const at = await world();
  const message = await at.message();
  await env.INGEST.send(message, { contentType: "v8" });
  await expect.poll(async () => (await eventRow(message.event.id))?.state, { timeout: 10_000 }).toBe("unrouted");
});
