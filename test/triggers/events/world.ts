import { env } from "cloudflare:workers";
import { sha256Base64url } from "../../../src/crypto/digest.ts";
import { sealBytes } from "../../../src/crypto/envelope.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import { sql } from "../../../src/store/database.ts";
import type { EventDeps } from "../../../src/triggers/events/deps.ts";
import type { EventRecord, IngestMessage } from "../../../src/triggers/events/event.ts";
import { newEventId } from "../../../src/triggers/events/event-id.ts";
import { payloadContext } from "../../../src/triggers/events/payload-store.ts";
import { keepUpEvents } from "../../../src/triggers/events/upkeep.ts";
import type { LaneItem, LaneStub } from "../../../src/triggers/lanes/protocol.ts";
import { type TestServices, testServices } from "../../support/services.ts";

const TEAM = "team_events";

export interface Handed extends LaneItem {
  destinationId: string;
  lane: number;
}

export interface World {
  deps: EventDeps;
  services: TestServices;
  connectorId: string;
  /** What lanes were given, in order. */
  handed: Handed[];
  canceled: string[];
  /** Moves the time that everything sees. */
  advance(ms: number): void;
  /** A round of this world's one Housekeeper. */
  keepUp(deps?: EventDeps): ReturnType<typeof keepUpEvents>;
  destination(fields?: Record<string, string | number | null>): Promise<string>;
  /** A message as the ingress makes it; by default of an id that no other has. */
  message(fields?: Partial<EventRecord>, body?: unknown): Promise<IngestMessage>;
  /** Another isolate of the same deployment, without what the first remembers. */
  fresh(replaced?: Partial<EventDeps>): EventDeps;
}

let connectors = 0;

/** A connector with its trigger, in the stores of this test file, and lanes that note what they get. */
export async function world(fields: { payloadDays?: number; type?: string } = {}): Promise<World> {
  const services = await testServices();
  const { db } = services;
  let offsetMs = 0;
  const now = () => Date.now() + offsetMs;
  const number = ++connectors;
  const connectorId = `scl_events${number}`;
  await db.batch([
    sql("INSERT INTO team (id, name, created_at_ms) VALUES (?, 't', 1) ON CONFLICT DO NOTHING", TEAM),
    sql(
      `INSERT INTO connectors (id, uid, name, type, service, config, lease_seconds, created_at_ms, updated_at_ms)
       VALUES (?, ?, 'Events', ?, 'github', '{}', 60, 1, 1)`,
      connectorId,
      `github/events${number}`,
      fields.type ?? "oauth",
    ),
    sql(
      `INSERT INTO triggers (connector_id, ingress_id, enabled, recipe, payload_days, created_at_ms, updated_at_ms)
       VALUES (?, ?, 1, '{"provider":"github"}', ?, 1, 1)`,
      connectorId,
      `ingress${number}`,
      fields.payloadDays ?? 7,
    ),
  ]);

  const handed: Handed[] = [];
  const canceled: string[] = [];
  const lane = (_: string, laneNumber: number): LaneStub => ({
    async enqueue(destinationId, items) {
      // The Housekeeper goes through what other tests of the file left, too.
      if (!destinationId.startsWith(`dst_${connectorId}_`)) return;
      handed.push(...items.map((item) => ({ ...item, destinationId, lane: laneNumber })));
    },
    cancel: async (ids) => void canceled.push(...ids),
    refresh: async () => {},
    status: async () => ({ waiting: 0, inFlight: 0, breaker: "closed", nextAtMs: null }),
  });
  const deps: EventDeps = { ...services, now, keys: async () => services.keys, lanes: { lane } };
  let destinations = 0;
  const marks = new Map<string, string>();

  return {
    deps,
    services,
    connectorId,
    handed,
    canceled,
    advance: (ms) => {
      offsetMs += ms;
    },
    keepUp: (given = deps) => {
      const stored = {
        get: async (step: string) => marks.get(step),
        put: async (...at: [string, string]) => marks.set(...at),
      };
      return keepUpEvents(given, stored);
    },
    async destination(given = {}) {
      const id = `dst_${connectorId}_${String(++destinations).padStart(3, "0")}`;
      const row: Record<string, string | number | null> = {
        id,
        connector_id: connectorId,
        url: `https://example.com/${id}`,
        audience: `https://example.com/${id}`,
        retry_schedule: "[5,30]",
        timeout_ms: 10_000,
        max_in_flight: 5,
        secrets_sealed: "x",
        secrets_kid: "k1",
        created_at_ms: destinations,
        updated_at_ms: 1,
        ...given,
      };
      const names = Object.keys(row);
      await env.DB.prepare(`INSERT INTO destinations (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`)
        .bind(...Object.values(row))
        .run();
      return id;
    },
    async message(given = {}, body: unknown = { action: "opened", number: 1, text: "x".repeat(80) }) {
      const bytes = body instanceof Uint8Array ? new Uint8Array(body) : new TextEncoder().encode(JSON.stringify(body));
      const id = newEventId(now(), randomBytes);
      const event: EventRecord = {
        id,
        connectorId,
        type: "pull_request.opened",
        tenants: ["42"],
        dedupKey: `id:${id}`,
        dedupSigned: true,
        receivedAtMs: now(),
        sentAtMs: null,
        contentType: "application/json",
        headers: { "x-github-event": "pull_request" },
        size: bytes.length,
        bodySha256: await sha256Base64url(bytes),
        ...given,
      };
      const sealed = await sealBytes(services.keys, payloadContext(TEAM, event.id), bytes, randomBytes);
      return { v: 1, event, payload: { kind: "inline", sealed }, journalKey: null, responded: null };
    },
    fresh: (replaced = {}) => ({ ...deps, db: { ...db }, ...replaced }),
  };
}

export interface EventFacts {
  state: string;
  duplicates: number;
  series: number;
  suspected_replay_of: string | null;
  body_sealed: string | null;
  body_blob: string | null;
}

export async function eventRow(id: string): Promise<EventFacts | null> {
  return env.EVENTS.prepare(
    "SELECT state, duplicates, series, suspected_replay_of, body_sealed, body_blob FROM events WHERE id = ?",
  )
    .bind(id)
    .first<EventFacts>();
}

export interface DeliveryFacts {
  id: string;
  destination_id: string;
  series: number;
  state: string;
  attempt_count: number;
}

export async function deliveryRows(eventId: string): Promise<DeliveryFacts[]> {
  const { results } = await env.EVENTS.prepare(
    "SELECT id, destination_id, series, state, attempt_count FROM deliveries WHERE event_id = ? ORDER BY series, destination_id",
  )
    .bind(eventId)
    .all<DeliveryFacts>();
  return results;
}

/** Ends every pending delivery of an event. */
export async function endDeliveries(eventId: string, state: "delivered" | "dead" | "canceled"): Promise<void> {
  await env.EVENTS.prepare("UPDATE deliveries SET state = ? WHERE event_id = ? AND state = 'pending'")
    .bind(state, eventId)
    .run();
}
