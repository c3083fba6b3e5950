import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { createLogger } from "../../../src/log.ts";
import { createGuardedFetch } from "../../../src/outbound/guarded-fetch.ts";
import { r2BlobStore } from "../../../src/store/blob-store.ts";
import { d1Database } from "../../../src/store/database.ts";
import { deliveryId } from "../../../src/triggers/events/delivery-id.ts";
import { deliveriesById, insertDeliveries } from "../../../src/triggers/events/delivery-store.ts";
import type { Delivery } from "../../../src/triggers/events/event.ts";
import { recordEvent } from "../../../src/triggers/events/event-store.ts";
import { DestinationLaneObject, type LaneDeps } from "../../../src/triggers/lanes/lane.ts";
import { type LaneItem, laneName } from "../../../src/triggers/lanes/protocol.ts";
import type { StoredDestination } from "../../../src/triggers/settings/destination-row.ts";
import { db, event, forwardedConnector, keys, randomBytes, storedDestination } from "../sending/world.ts";

export const eventsDb = d1Database(env.EVENTS);
/** So late that no alarm rings by itself while a test runs. */
const START_MS = Date.UTC(2040, 0, 1);

export interface Received {
  url: string;
  /** `evt_…` */
  eventId: string;
  deliveryId: string;
  attempt: number;
  atMs: number;
  headers: Headers;
  body: string;
}

/** How a destination answers; it may take its time. */
export type Answer = (received: Received) => Response | Promise<Response>;
export const answering =
  (status: number, headers: Record<string, string> = {}): Answer =>
  () =>
    new Response(status === 204 ? null : "said", { status, headers });

/** A hand on the brake: attempts wait here until they are let go. */
export function gate() {
  const waiting: (() => void)[] = [];
  return {
    get held() {
      return waiting.length;
    },
    pass: () => new Promise<void>((resolve) => waiting.push(resolve)),
    release(count = waiting.length) {
      for (const resolve of waiting.splice(0, count)) resolve();
    },
  };
}

export interface LaneWorld {
  lane: DestinationLaneObject;
  clock: { nowMs: number };
  destination: StoredDestination;
  received: Received[];
  lines: string[];
  /** How the destination answers from now on. */
  answer: Answer;
  /** Deliveries of as many new events to it, recorded as fan-out does. */
  deliveries(count: number, body?: string): Promise<LaneItem[]>;
  enqueue(items: LaneItem[]): Promise<void>;
  /** What the log says of them, in that order. */
  log(items: LaneItem[]): Promise<(Delivery | undefined)[]>;
  /** Waits until nothing is under way and all is told. */
  rest(): Promise<void>;
  /** Moves the clock and rings the alarm. */
  later(ms: number): Promise<void>;
  /** A new object on the same storage; the one before must not go on. */
  revive(deps?: Partial<LaneDeps>): DestinationLaneObject;
  sql: SqlStorage;
  /** The lane's way to the scripted destination. */
  fetch: LaneDeps["fetch"];
}

/** A lane with a destination of its own, a scripted one, over real storage and databases, with a clock that a test moves. */
export async function withLane(
  fields: Partial<StoredDestination>,
  work: (world: LaneWorld) => Promise<void>,
  replaced: Partial<LaneDeps> = {},
): Promise<void> {
  const connector = await forwardedConnector();
  const destination = await storedDestination(connector.id, { url: "https://app.acme.com/hooks", ...fields });
  const clock = { nowMs: START_MS };
  const received: Received[] = [];
  const lines: string[] = [];
  const stub = env.LANES.getByName(laneName(destination.id, 0));
  await runInDurableObject(stub, async (_, state) => {
    const network: typeof fetch = async (input, init) => {
      const request = new Request(input as string, init);
      const signal = init?.signal;
      const one: Received = {
        url: request.url,
        eventId: request.headers.get("webhook-id") ?? "",
        deliveryId: request.headers.get("connect-delivery") ?? "",
        attempt: Number(request.headers.get("connect-attempt")),
        atMs: clock.nowMs,
        headers: request.headers,
        body: await request.text(),
      };
      received.push(one);
      const aborted = new Promise<never>((_resolve, reject) =>
        signal?.addEventListener("abort", () => reject(signal.reason)),
      );
      return Promise.race([world.answer(one), aborted]);
    };
    const policy = { ownHosts: ["connect.acme.com"], allowLoopback: true };
    const deps: LaneDeps = {
      db,
      events: eventsDb,
      blobs: r2BlobStore(env.BLOBS),
      fetch: createGuardedFetch({ fetch: network, policy }),
      now: () => clock.nowMs,
      random: () => 0.5,
      randomBytes,
      settings: { publicOrigin: env.PUBLIC_ORIGIN } as LaneDeps["settings"],
      log: createLogger((line) => lines.push(line)),
      keys: async () => keys,
      ...replaced,
    };
    const world: LaneWorld = {
      lane: new DestinationLaneObject(state, {}, deps),
      clock,
      destination,
      received,
      lines,
      answer: answering(200),
      sql: state.storage.sql,
      fetch: deps.fetch,
      async deliveries(count, body) {
        const items: LaneItem[] = [];
        for (let index = 0; index < count; index++) {
          const { record, payload } = await event(connector.id, body, { receivedAtMs: clock.nowMs + index });
          const id = await deliveryId(record.id, destination.id, 0);
          const delivery = { eventId: record.id, connectorId: connector.id, destinationId: destination.id, lane: 0 };
          await eventsDb.batch([
            recordEvent(record, payload, 7),
            insertDeliveries([
              {
                ...delivery,
                id,
                series: 0,
                state: "pending",
                endedBecause: null,
                attemptCount: 0,
                attempts: [],
                nextAttemptAtMs: clock.nowMs,
                createdAtMs: clock.nowMs,
              },
            ]),
          ]);
          items.push({ deliveryId: id, eventId: record.id, series: 0, attemptCount: 0, dueAtMs: clock.nowMs });
        }
        return items;
      },
      enqueue: (items) => world.lane.enqueue(destination.id, items),
      async log(items) {
        const found = await deliveriesById(
          eventsDb,
          items.map((item) => item.deliveryId),
        );
        return items.map((item) => found.get(item.deliveryId));
      },
      async rest() {
        await vi.waitUntil(
          async () => {
            // A round may be between two awaits: twice quiet is quiet.
            for (let look = 0; look < 3; look++) {
              if ((await world.lane.status()).inFlight > 0) return false;
              if (state.storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'outbox'").toArray().length === 0)
                continue;
              if (state.storage.sql.exec("SELECT 1 FROM outbox LIMIT 1").toArray().length > 0) return false;
              await scheduler.wait(15);
            }
            return true;
          },
          { timeout: 5000, interval: 10 },
        );
      },
      async later(ms) {
        clock.nowMs += ms;
        await world.lane.alarm();
        await scheduler.wait(15);
      },
      revive(changed = {}) {
        world.lane = new DestinationLaneObject(state, {}, { ...deps, ...changed });
        return world.lane;
      },
    };
    await work(world);
  });
}
