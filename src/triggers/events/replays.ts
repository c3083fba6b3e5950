import { type Database, sql } from "../../store/database.ts";
import { newId } from "../../store/ids.ts";
import { insertDeliveries } from "./delivery-store.ts";
import type { EventDeps } from "./deps.ts";
import { tellLanes } from "./dispatch.ts";
import type { DeliveryState } from "./event.ts";
import { firstEventIdAt } from "./event-id.ts";
import { latestDeliveries, nextSeries } from "./replay-delivery.ts";

/** What is to be replayed. All that is given must hold. */
export interface ReplayRequest {
  /** Null = of every connector. */
  connectorId: string | null;
  destinationId: string | null;
  /** How the last delivery of an event to a destination ended: only such are made anew. */
  states: Exclude<DeliveryState, "pending">[];
  /** By receipt (ms): from then on, and before then. */
  sinceMs: number | null;
  untilMs: number | null;
}

/** A replay of many events, and how far it has come. */
export interface Replay {
  id: string;
  request: ReplayRequest;
  /** The last event that was looked at. */
  afterId: string;
  /** Deliveries made so far. */
  made: number;
  state: "running" | "done" | "canceled";
  createdAtMs: number;
  updatedAtMs: number;
}

/** The columns of a replay, of `replays AS r`. */
export const REPLAY_COLUMNS = `r.id, r.request, r.after_id AS afterId, r.made, r.state, r.created_at_ms AS createdAtMs,
  r.updated_at_ms AS updatedAtMs`;

/** A row as `REPLAY_COLUMNS` selects it. */
export type ReplayRow = Omit<Replay, "request"> & { request: string };

/** The typed replay of a row. Only this code writes them. */
export function replayOfRow(row: ReplayRow): Replay {
  return { ...row, request: JSON.parse(row.request) };
}

const REPLAYS_AT_ONCE = 10;
const EVENTS_PER_STEP = 200;

/** Notes a replay, which the Housekeeper then works off: nudge it. */
export async function startReplay(
  request: ReplayRequest,
  { events, now, randomBytes }: Pick<EventDeps, "events" | "now"> & { randomBytes: (length: number) => Uint8Array },
): Promise<Replay> {
  const replay: Replay = {
    id: newId("rpl", randomBytes),
    request,
    afterId: request.sinceMs === null ? "" : firstEventIdAt(request.sinceMs),
    made: 0,
    state: "running",
    createdAtMs: now(),
    updatedAtMs: now(),
  };
  await events.run(
    sql(
      `INSERT INTO replays (id, request, after_id, made, state, created_at_ms, updated_at_ms)
       VALUES (?, ?, ?, 0, 'running', ?, ?)`,
      replay.id,
      JSON.stringify(request),
      replay.afterId,
      replay.createdAtMs,
      replay.createdAtMs,
    ),
  );
  return replay;
}

/** Ends a replay where it is; what it has made stays. False = it was over. */
export async function cancelReplay(id: string, { events, now }: Pick<EventDeps, "events" | "now">): Promise<boolean> {
  const changes = await events.run(
    sql("UPDATE replays SET state = 'canceled', updated_at_ms = ? WHERE id = ? AND state = 'running'", now(), id),
  );
  return changes > 0;
}

/** One step of each running replay; whether any goes on. */
export async function stepReplays(deps: EventDeps): Promise<boolean> {
  const rows = await deps.events.all<ReplayRow>(
    sql(`SELECT ${REPLAY_COLUMNS} FROM replays AS r WHERE r.state = 'running' ORDER BY r.id LIMIT ?`, REPLAYS_AT_ONCE),
  );
  let goesOn = false;
  for (const row of rows) if (await stepReplay(replayOfRow(row), deps)) goesOn = true;
  return goesOn;
}

/**
 * Replays the next events in the order of their receipt. Deliveries and the way so far are one transaction, so that a
 * step that is repeated makes nothing twice. Lanes keep their destination's rate and order.
 */
async function stepReplay(replay: Replay, deps: EventDeps): Promise<boolean> {
  const { events, now } = deps;
  const { id, request, afterId } = replay;
  const ids = await nextEvents(replay, events);
  const latest = (await latestDeliveries(ids, events)).filter(
    ({ destinationId, state }) =>
      (request.destinationId === null || destinationId === request.destinationId) &&
      request.states.some((wanted) => wanted === state),
  );
  const made = (await Promise.all(latest.map((delivery) => nextSeries(delivery, deps)))).filter(
    (delivery) => delivery !== null,
  );
  const goesOn = ids.length === EVENTS_PER_STEP;
  await events.batch([
    insertDeliveries(made, true),
    sql(
      `UPDATE replays SET after_id = ?, made = made + ?, updated_at_ms = ?, state = ?
       WHERE id = ? AND after_id = ? AND state = 'running'`,
      ids.at(-1) ?? afterId,
      made.length,
      now(),
      goesOn ? "running" : "done",
      id,
      afterId,
    ),
  ]);
  await tellLanes(made, deps);
  return goesOn;
}

/** What comes while a replay runs is none of its business: else one of a busy connector would never end. */
async function nextEvents({ request, afterId, createdAtMs }: Replay, events: Database) {
  const { connectorId, untilMs } = request;
  const before = firstEventIdAt(untilMs ?? createdAtMs + 1);
  const rows = await events.all<{ id: string }>(
    connectorId === null
      ? sql(
          "SELECT e.id FROM events AS e WHERE e.id > ? AND e.id < ? ORDER BY e.id LIMIT ?",
          afterId,
          before,
          EVENTS_PER_STEP,
        )
      : sql(
          "SELECT e.id FROM events AS e WHERE e.connector_id = ? AND e.id > ? AND e.id < ? ORDER BY e.id LIMIT ?",
          connectorId,
          afterId,
          before,
          EVENTS_PER_STEP,
        ),
  );
  return rows.map(({ id }) => id);
}
