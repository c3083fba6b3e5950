import { base64url, fromBase64url } from "../../crypto/bytes.ts";
import { kidOf } from "../../crypto/envelope.ts";
import { ApiError } from "../../errors.ts";
import { type Database, type Statement, sql } from "../../store/database.ts";
import type { EventRecord, PayloadRef } from "./event.ts";

/**
 * `recorded`: its deliveries are not all with their lanes. `dispatched`: they are. `unrouted`: no destination wanted it,
 * or it is suspected to be a replay.
 */
export type EventState = "recorded" | "dispatched" | "unrouted";

/** An event as the log holds it. */
export interface StoredEvent extends EventRecord {
  payload: PayloadRef;
  state: EventState;
  /** How often the provider sent it again. */
  duplicates: number;
  /** An earlier event with the same payload under another unsigned id. */
  suspectedReplayOf: string | null;
  /** Of the deliveries that are made of it now. */
  series: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const REPLAY_WINDOW_MS = DAY_MS;
/** Shorter bodies say hardly more than that something happened, and are legitimately the same time and again. */
const HEARTBEAT_BYTES = 64;
/** Rows outlive their payloads, and any schedule of retries. */
const ROW_DAYS = 30;
/** Where a payload is kept only until it is delivered: how long it waits for that. Longer than any schedule of retries. */
const UNDELIVERED_DAYS = 16;

/** A row as `EVENT_COLUMNS` selects it. */
interface EventRow {
  id: string;
  connectorId: string;
  dedupKey: string;
  dedupSigned: number;
  type: string | null;
  tenants: string;
  receivedAtMs: number;
  sentAtMs: number | null;
  contentType: string | null;
  headers: string;
  size: number;
  bodySha256: string;
  state: EventState;
  duplicates: number;
  suspectedReplayOf: string | null;
  series: number;
  bodySealed: string | null;
  bodyBlob: string | null;
  bodySegmentBytes: number | null;
  bodyKid: string | null;
  installationId: string | null;
}

/** The columns of an event, of `events AS e`. */
const EVENT_COLUMNS = `e.id, e.connector_id AS connectorId, e.dedup_key AS dedupKey,
  e.dedup_signed AS dedupSigned, e.type, e.tenants, e.received_at_ms AS receivedAtMs, e.sent_at_ms AS sentAtMs,
  e.content_type AS contentType, e.headers, e.size, e.body_sha256 AS bodySha256, e.state, e.duplicates,
  e.suspected_replay_of AS suspectedReplayOf, e.series, e.body_sealed AS bodySealed, e.body_blob AS bodyBlob,
  e.body_segment_bytes AS bodySegmentBytes, e.body_kid AS bodyKid,
  e.installation_id AS installationId`;

/** The typed event of a row. Only this code writes them. */
function eventOfRow(row: EventRow): StoredEvent {
  const { dedupSigned, tenants, headers, bodySealed, bodyBlob, bodySegmentBytes, bodyKid, ...plain } = row;
  return {
    ...plain,
    dedupSigned: dedupSigned === 1,
    tenants: JSON.parse(tenants),
    headers: JSON.parse(headers),
    payload: payloadOf({ bodySealed, bodyBlob, bodySegmentBytes, bodyKid }),
  };
}

function payloadOf(row: Pick<EventRow, "bodySealed" | "bodyBlob" | "bodySegmentBytes" | "bodyKid">): PayloadRef {
  if (row.bodyBlob !== null) {
    return { kind: "blob", key: row.bodyBlob, kid: row.bodyKid ?? "", segmentBytes: row.bodySegmentBytes ?? 0 };
  }
  const sealed = row.bodySealed === null ? null : fromBase64url(row.bodySealed);
  return sealed === null ? { kind: "gone" } : { kind: "inline", sealed };
}

/** The events of these ids that there are. */
export async function eventsById(eventsDb: Database, ids: readonly string[]): Promise<Map<string, StoredEvent>> {
  if (ids.length === 0) return new Map();
  const rows = await eventsDb.all<EventRow>(
    sql(`SELECT ${EVENT_COLUMNS} FROM events AS e WHERE e.id IN (SELECT value FROM json_each(?))`, JSON.stringify(ids)),
  );
  return new Map(rows.map((row) => [row.id, eventOfRow(row)]));
}

/** The keys that the ingress makes of a payload's hash, for want of an id. */
const HASH_KEY = /^sha256:/;

/** What repeats of an event are known by: of a short body without an id none are. */
function dedupKeyOf({ id, dedupKey, size }: EventRecord): string {
  return HASH_KEY.test(dedupKey) && size <= HEARTBEAT_BYTES ? `${dedupKey}#${id}` : dedupKey;
}

/**
 * Takes the key from the event that had it a day ago or longer, where the key is only a hash: the same content may come
 * again some day. Null = the key is an id, which comes once.
 */
export function retireHash({ connectorId, dedupKey, receivedAtMs }: EventRecord): Statement | null {
  if (!HASH_KEY.test(dedupKey)) return null;
  return sql(
    `UPDATE events SET dedup_key = dedup_key || '#' || id
     WHERE connector_id = ? AND dedup_key = ? AND received_at_ms <= ?`,
    connectorId,
    dedupKey,
    receivedAtMs - REPLAY_WINDOW_MS,
  );
}

/** What an insertion met: the new row, or the one that was there before it. */
export type Recorded = Pick<StoredEvent, "id" | "state" | "series" | "suspectedReplayOf">;

/**
 * Records an event, or counts a repeat of the one that has its key. Answers `Recorded`. With an unsigned id only the
 * body tells that a captured request comes again: it is recorded, and not routed, unless nobody received the first one.
 */
export function recordEvent(event: EventRecord, payload: PayloadRef, payloadDays: number): Statement {
  const body = bodyColumns(payload);
  const keptDays = payloadDays === 0 ? UNDELIVERED_DAYS : payloadDays;
  const isJudgedByBody = !event.dedupSigned && event.size > HEARTBEAT_BYTES;
  return sql(
    `INSERT INTO events (id, connector_id, dedup_key, dedup_signed, type, tenants, received_at_ms, sent_at_ms,
       content_type, headers, size, body_sha256, body_sealed, body_blob, body_segment_bytes, body_kid, body_transient,
       body_expires_at_ms, expires_at_ms, installation_id, suspected_replay_of, state)
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?22, original,
       CASE WHEN original IS NULL THEN 'recorded' ELSE 'unrouted' END
     FROM (SELECT (
       SELECT e.id FROM events AS e
       WHERE ?20 AND e.connector_id = ?2 AND e.body_sha256 = ?12 AND e.dedup_key <> ?3 AND e.received_at_ms > ?21
         AND (e.state = 'recorded' OR EXISTS (
           SELECT 1 FROM deliveries AS d WHERE d.event_id = e.id AND d.state IN ('pending', 'delivered')))
       LIMIT 1) AS original)
     WHERE true
     ON CONFLICT DO UPDATE SET duplicates = duplicates + (id <> excluded.id)
     RETURNING id, state, series, suspected_replay_of AS suspectedReplayOf`,
    event.id,
    event.connectorId,
    dedupKeyOf(event),
    event.dedupSigned ? 1 : 0,
    event.type,
    JSON.stringify(event.tenants),
    event.receivedAtMs,
    event.sentAtMs,
    event.contentType,
    JSON.stringify(event.headers),
    event.size,
    event.bodySha256,
    ...body,
    payloadDays === 0 ? 1 : 0,
    payload.kind === "gone" ? null : event.receivedAtMs + keptDays * DAY_MS,
    event.receivedAtMs + Math.max(ROW_DAYS, keptDays) * DAY_MS,
    isJudgedByBody ? 1 : 0,
    event.receivedAtMs - REPLAY_WINDOW_MS,
    event.installationId ?? null,
  );
}

function bodyColumns(payload: PayloadRef): [string | null, string | null, number | null, string | null] {
  switch (payload.kind) {
    case "gone":
      return [null, null, null, null];
    case "blob":
      return [null, payload.key, payload.segmentBytes, payload.kid];
    case "inline": {
      const kid = kidOf(payload.sealed);
      if (kid === null) throw new ApiError("internal_error", { reason: "a payload is not sealed" });
      return [base64url(payload.sealed), null, null, kid];
    }
    default:
      return payload satisfies never;
  }
}

/**
 * Takes up again what nobody received: no delivery is under way or was ever made. Answers the new `Recorded`, or
 * nothing. The provider asked for it, by sending it once more.
 */
export function reopenEvent(eventId: string): Statement {
  return sql(
    `UPDATE events SET state = 'recorded',
       series = coalesce((SELECT max(d.series) + 1 FROM deliveries AS d WHERE d.event_id = events.id), 0)
     WHERE id = ? AND state <> 'recorded' AND suspected_replay_of IS NULL
       AND NOT EXISTS (
         SELECT 1 FROM deliveries AS d WHERE d.event_id = events.id AND d.state IN ('pending', 'delivered'))
     RETURNING id, state, series, suspected_replay_of AS suspectedReplayOf`,
    eventId,
  );
}

/** Notes that all deliveries of these events are with their lanes; not of one that was reopened in the meantime. */
export function finishEvents(events: readonly Pick<StoredEvent, "id" | "series">[], nowMs: number): Statement {
  return sql(
    `UPDATE events SET
       state = CASE WHEN EXISTS (SELECT 1 FROM deliveries AS d WHERE d.event_id = events.id)
         THEN 'dispatched' ELSE 'unrouted' END,
       body_expires_at_ms = CASE WHEN body_transient = 1 AND NOT EXISTS (
           SELECT 1 FROM deliveries AS d WHERE d.event_id = events.id AND d.state IN ('pending', 'dead'))
         THEN ?2 ELSE body_expires_at_ms END
     FROM json_each(?1)
     WHERE events.id = json_each.value ->> 'id' AND events.series = json_each.value ->> 'series'
       AND events.state = 'recorded'`,
    JSON.stringify(events.map(({ id, series }) => ({ id, series }))),
    nowMs,
  );
}
