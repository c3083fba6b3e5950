import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { ApiError } from "../../../src/errors.ts";
import type { Database, Statement } from "../../../src/store/database.ts";
import type { EventDeps } from "../../../src/triggers/events/deps.ts";
import { fanOut } from "../../../src/triggers/events/fan-out.ts";
import { messageText } from "../../../src/triggers/events/message-codec.ts";
import { type World, world } from "./world.ts";

const MINUTE_MS = 60_000;
const STUCK = "stuck";

let at: World;
beforeEach(async () => {
  await env.EVENTS.prepare("DELETE FROM events").run();
  const { objects } = await env.BLOBS.list({ prefix: "journal/" });
  await env.BLOBS.delete(objects.map(({ key }) => key));
  at = await world();
  await at.destination();
});

const isStuck = ({ values }: Statement) => values.includes(STUCK);
const failing = async () => {
  throw new ApiError("storage_unavailable");
};

/** A log that takes nothing as soon as one event of type `stuck` is with it. */
function pickyLog({ events }: EventDeps): Database {
  return { ...events, batch: (statements) => (statements.some(isStuck) ? failing() : events.batch(statements)) };
}

/** A database that says nothing of the connector `stuck`. */
function pickyDatabase({ db }: EventDeps): Database {
  return { ...db, first: (statement) => (isStuck(statement) ? failing() : db.first(statement)) };
}

/** Entries of the journal, received in that order; their keys. */
async function journal(...types: string[]): Promise<string[]> {
  const keys: string[] = [];
  for (const type of types) {
    const message = await at.message(type === STUCK ? { type, connectorId: STUCK } : { type });
    const key = `journal/${message.event.id}`;
    await env.BLOBS.put(key, messageText(message));
    keys.push(key);
    at.advance(1);
  }
  return keys;
}

const left = async (key: string | undefined) => (await env.BLOBS.head(key ?? "")) !== null;

describe("what fails time and again keeps nothing behind it from its turn", () => {
  test("250 entries of the journal, and one that came after them, and one from before that was written late", {
    timeout: 60_000,
  }, async () => {
    const early = await at.message({ type: "free" });
    at.advance(1);
    const keys = await journal(...Array<string>(250).fill(STUCK), "free");
    at.advance(2 * MINUTE_MS);
    const deps = at.fresh({ db: pickyDatabase(at.deps) });
    await at.keepUp(deps);
    expect(at.handed).toEqual([]);
    await env.BLOBS.put(`journal/${early.event.id}`, messageText(early));
    expect((await at.keepUp(deps)) ?? 0).toBeLessThanOrEqual(deps.now() + 1000);
    expect([at.handed.length, await left(keys.at(-1))]).toEqual([1, false]);
    await at.keepUp(deps);
    expect([at.handed.length, await left(`journal/${early.event.id}`)]).toEqual([2, false]);
    expect(await left(keys[0])).toBe(true);
  });

  test("entries that break the transaction of their batch, one among them that does not", async () => {
    const stuck = Array<string>(9).fill(STUCK);
    const keys = await journal(...stuck, "free", ...stuck);
    at.advance(2 * MINUTE_MS);
    const deps = at.fresh({ events: pickyLog(at.deps) });
    for (let rounds = 0; rounds < keys.length; rounds++) {
      await at.keepUp(deps);
      at.advance(MINUTE_MS);
    }
    expect(await Promise.all([keys[8], keys[9], keys[10]].map(left))).toEqual([true, false, true]);
  });

  test("a batch of the journal that cannot even be read", async () => {
    const keys = await journal(...Array<string>(51).fill("free"));
    at.advance(2 * MINUTE_MS);
    const { blobs } = at.deps;
    const get: typeof blobs.get = (key) => (key === keys[0] ? failing() : blobs.get(key));
    const deps = at.fresh({ blobs: { ...blobs, get } });
    await at.keepUp(deps);
    expect(at.handed).toEqual([]);
    await at.keepUp(deps);
    expect([at.handed.length, await left(keys[50])]).toEqual([1, false]);
  });

  test("550 events that do not get on, and one that the queue lost after them", { timeout: 60_000 }, async () => {
    await env.EVENTS.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 550)
       INSERT INTO events (id, connector_id, dedup_key, dedup_signed, tenants, received_at_ms, headers, size, body_sha256,
         state, expires_at_ms)
       SELECT 'evt_00' || printf('%04d', i), ?, 'k' || i, 1, '[]', 1, '{}', 1, 'x', 'recorded', 9e15 FROM n`,
    )
      .bind(STUCK)
      .run();
    const lost = await at.message();
    const deaf: EventDeps["lanes"] = { lane: () => ({ ...at.deps.lanes.lane("", 0, null), enqueue: failing }) };
    await fanOut([lost], at.fresh({ lanes: deaf }));
    at.advance(2 * MINUTE_MS);
    const deps = at.fresh({ db: pickyDatabase(at.deps) });
    await at.keepUp(deps);
    expect(at.handed).toEqual([]);
    await at.keepUp(deps);
    expect(at.handed.map(({ eventId }) => eventId)).toEqual([lost.event.id]);
  });
});
