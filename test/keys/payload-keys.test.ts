import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { KeyRing } from "../../src/crypto/key-ring.ts";
import { unwrap } from "../../src/errors.ts";
import { ringStatus } from "../../src/keys/key-status.ts";
import { countAllReferences, referencedKeyIds } from "../../src/keys/references.ts";
import { findRun, startRun } from "../../src/keys/reseal-run.ts";
import { findUnderWay, QUEUE_KEEPS_MS } from "../../src/keys/under-way.ts";
import { recordDeadLetter, resendDeadLetter } from "../../src/triggers/events/dead-letters.ts";
import { eventsById } from "../../src/triggers/events/event-store.ts";
import { readPayload } from "../../src/triggers/events/payload-store.ts";
import { world } from "../triggers/events/world.ts";
import { dropped, initial, rotated } from "./support.ts";

let at: Awaited<ReturnType<typeof world>>;
beforeEach(async () => {
  await env.EVENTS.batch(
    ["dead_letters", "deliveries", "events"].map((each) => env.EVENTS.prepare(`DELETE FROM ${each}`)),
  );
  await env.DB.exec("DELETE FROM key_reseal");
  for (const { key } of (await env.BLOBS.list()).objects) await env.BLOBS.delete(key);
  at = await world();
});

/** What an operator sees, and a deploy asks. */
async function status(ring: Promise<KeyRing> = rotated()) {
  const services = { ...at.services, now: at.deps.now, keys: await ring };
  const run = await findRun(services.db);
  const shown = ringStatus(services.keys, await countAllReferences(services), run, await findUnderWay(services, run));
  // Other rows of the world need keys, too.
  const { events, deadLetters } = shown.keys.find(({ kid }) => kid === "k1")?.references ?? {};
  const all = Object.values(shown.keys.find(({ kid }) => kid === "k1")?.references ?? {}).reduce(
    (sum, n) => sum + n,
    0,
  );
  return { ...shown, k1: { events, deadLetters, all }, droppable: shown.keys[1]?.mayBeDropped };
}

describe("D-05 a dead letter", () => {
  test("D-05 keeps the key that its payload needs, and is replayed after a rotation", async () => {
    const message = await at.message({}, { text: "kept through a rotation" });
    await recordDeadLetter({ id: "letter", body: message, reason: "attempts_exhausted" }, at.deps);
    expect((await status()).k1).toEqual({ events: 0, deadLetters: 1, all: 1 });
    expect((await status()).droppable).toBe(false);
    expect(await referencedKeyIds(at.services)).toEqual(new Set(["k1"]));

    const keys = await rotated();
    expect(await resendDeadLetter("letter", at.fresh({ keys: async () => keys }))).toMatchObject({ ok: true });
    expect((await status()).k1).toEqual({ events: 1, deadLetters: 0, all: 1 });
    const event = (await eventsById(at.services.events, [message.event.id])).get(message.event.id);
    if (event === undefined) throw new Error("no event was recorded");
    const payload = unwrap(await readPayload(event.payload, event, { ...at.services, keys, teamId: "team_events" }));
    expect(new TextDecoder().decode(payload as Uint8Array)).toBe('{"text":"kept through a rotation"}');
  });

  test("D-05 with its payload in a blob names that key; without a payload it needs none", async () => {
    const message = await at.message();
    const blob = { kind: "blob", key: "events/x", kid: "k1", segmentBytes: 9 } as const;
    await recordDeadLetter({ id: "a", body: { ...message, payload: blob }, reason: "attempts_exhausted" }, at.deps);
    expect((await status()).k1).toMatchObject({ deadLetters: 1 });
    await env.EVENTS.exec("DELETE FROM dead_letters");
    const gone = { ...message, payload: { kind: "gone" } };
    await recordDeadLetter({ id: "b", body: gone, reason: "attempts_exhausted" }, at.deps);
    expect((await status()).droppable).toBe(true);
  });

  test.for(["which nobody can read", "of the code before"])("D-05 %s keeps every key", async (which) => {
    if (which === "which nobody can read") {
      await recordDeadLetter({ id: "a", body: { v: 9 }, reason: "attempts_exhausted" }, at.deps);
    } else {
      const columns = "(id, reason, message, created_at_ms, expires_at_ms)";
      await env.EVENTS.exec(`INSERT INTO dead_letters ${columns} VALUES ('a', 'unreadable', '{}', 1, 2)`);
    }
    expect(await status()).toMatchObject({ deadLettersOfUnknownKey: 1, droppable: false, underWay: null });
    // It names no key that could be missing.
    expect(await referencedKeyIds(at.services)).toEqual(new Set());
  });
});

describe("D-05 payloads under way", () => {
  const begin = async (kid: string) => at.services.db.batch(startRun(kid, at.deps.now()));
  const received = () =>
    env.EVENTS.exec(
      "INSERT INTO events (id, connector_id, dedup_key, dedup_signed, tenants, received_at_ms, headers, size, body_sha256, " +
        "state, expires_at_ms) VALUES ('evt_a', 'c', 'k', 1, '[]', 1, '{}', 0, '', 'unrouted', 9000000000000000)",
    );

  test("D-05 no key may be dropped before the queue has lost what was sealed before re-sealing began", async () => {
    await received();
    expect(await status()).toMatchObject({ underWay: { until: null }, droppable: false });
    await begin("k1");
    expect(await status()).toMatchObject({ underWay: { until: null }, droppable: false });
    await begin("k2");
    const until = ((await findRun(at.services.db))?.startedAtMs ?? 0) + QUEUE_KEEPS_MS;
    expect(await status()).toMatchObject({ underWay: { until }, droppable: false });
    at.advance(QUEUE_KEEPS_MS - 60_000);
    expect((await status()).underWay).toEqual({ until });
    at.advance(61_000);
    expect(await status()).toMatchObject({ underWay: null, droppable: true });
    // Promoted again, and nothing is known of what was sealed meanwhile.
    await begin("k1");
    expect((await status()).underWay).toEqual({ until: null });
  });

  test("D-05 what the journal holds from before re-sealing keeps every key, and what came since does not", async () => {
    const earlier = await at.message();
    await env.BLOBS.put(`journal/${earlier.event.id}`, "x");
    expect(await status()).toMatchObject({ underWay: { until: null }, droppable: false });
    at.advance(1_000);
    await begin("k2");
    expect(await status()).toMatchObject({ underWay: { until: null }, droppable: false });
    await env.BLOBS.delete(`journal/${earlier.event.id}`);
    at.advance(1_000);
    await env.BLOBS.put(`journal/${(await at.message()).event.id}`, "x");
    expect(await status()).toMatchObject({ underWay: null, droppable: true });
  });

  test("D-05 where nothing was received, or there is one key, nothing is waited for", async () => {
    expect(await status()).toMatchObject({ underWay: null, droppable: true });
    await received();
    expect((await status(initial())).underWay).toBeNull();
    expect((await status(dropped())).underWay).toBeNull();
  });
});
