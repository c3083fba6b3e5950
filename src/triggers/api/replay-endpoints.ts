import * as z from "zod/mini";
import { requireConnector } from "../../connectors/connector-access.ts";
import { ApiError } from "../../errors.ts";
import { managementEndpoint } from "../../http/endpoint.ts";
import { decodeCursor, pageQuery, paginate } from "../../http/pagination.ts";
import type { Services } from "../../services.ts";
import { sql } from "../../store/database.ts";
import {
  cancelReplay,
  REPLAY_COLUMNS,
  type Replay,
  type ReplayRow,
  replayOfRow,
  startReplay,
} from "../events/replays.ts";
import { findDestination } from "../settings/destination-store.ts";

const ENDED = ["delivered", "dead", "canceled"] as const;
const timeMs = z.int().check(z.gte(0));

const ReplayBody = z.strictObject({
  connector: z.optional(z.string().check(z.minLength(1), z.maxLength(512))),
  destination: z.optional(z.string().check(z.minLength(1), z.maxLength(100))),
  /** How the last delivery of an event to a destination ended; without: dead and canceled. */
  states: z.optional(z.array(z.enum(ENDED)).check(z.minLength(1))),
  since: z.optional(timeMs),
  until: z.optional(timeMs),
  /** Deliver again what has arrived, too. */
  includeDelivered: z._default(z.boolean(), false),
});

export const postReplay = managementEndpoint("admin", {
  creates: true,
  body: ReplayBody,
  async handle({ services, body, defer }) {
    const states: (typeof ENDED)[number][] = body.states ?? ["dead", "canceled"];
    if (states.includes("delivered") && !body.includeDelivered) {
      throw new ApiError("bad_request", {
        message: 'states: "delivered" needs includeDelivered, so that it is meant.',
      });
    }
    if (body.connector === undefined && body.destination === undefined && body.since === undefined) {
      throw new ApiError("bad_request", { message: "Name a connector, a destination, or a time (since)." });
    }
    const destination = body.destination === undefined ? null : await findDestination(services.db, body.destination);
    if (body.destination !== undefined && destination === null) {
      throw new ApiError("not_found", { message: "There is no such destination." });
    }
    const request = {
      connectorId:
        body.connector === undefined
          ? (destination?.destination.connectorId ?? null)
          : (await requireConnector(services.db, body.connector)).id,
      destinationId: body.destination ?? null,
      states: [...new Set(body.includeDelivered ? [...states, "delivered" as const] : states)],
      sinceMs: body.since ?? null,
      untilMs: body.until ?? null,
    };
    const replay = await startReplay(request, services);
    defer(services.nudgeHousekeeper());
    return { status: 201, body: replayToWire(replay) };
  },
});

export const getReplays = managementEndpoint("viewer", {
  query: z.object(pageQuery(50)),
  async handle({ services, query }) {
    const after = decodeCursor(query.cursor, "string");
    const rows = await services.events.all<ReplayRow>(
      sql(
        `SELECT ${REPLAY_COLUMNS} FROM replays AS r WHERE r.id > ? ORDER BY r.id LIMIT ?`,
        after?.id ?? "",
        query.limit + 1,
      ),
    );
    const { page, pagination } = paginate(rows, query.limit, ({ id }) => ({ key: id, id }));
    return { status: 200, body: { replays: page.map((row) => replayToWire(replayOfRow(row))), pagination } };
  },
});

export const getReplay = managementEndpoint("viewer", {
  async handle({ services, params }) {
    return { status: 200, body: replayToWire(await requireReplay(services, params.id)) };
  },
});

export const deleteReplay = managementEndpoint("admin", {
  async handle({ services, params }) {
    const { id } = await requireReplay(services, params.id);
    if (!(await cancelReplay(id, services))) {
      throw new ApiError("conflict", { message: "The replay is over." });
    }
    return { status: 204 };
  },
});

async function requireReplay({ events }: Pick<Services, "events">, id: string | undefined): Promise<Replay> {
  const row = await events.first<ReplayRow>(sql(`SELECT ${REPLAY_COLUMNS} FROM replays AS r WHERE r.id = ?`, id ?? ""));
  if (row === null) throw new ApiError("not_found", { message: "There is no such replay." });
  return replayOfRow(row);
}

function replayToWire({ id, request, made, state, createdAtMs, updatedAtMs }: Replay) {
  return {
    id,
    state,
    connectorId: request.connectorId,
    destinationId: request.destinationId,
    states: request.states,
    since: request.sinceMs,
    until: request.untilMs,
    /** Deliveries made so far. */
    made,
    createdAt: createdAtMs,
    updatedAt: updatedAtMs,
  };
}
