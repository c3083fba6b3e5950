import * as z from "zod/mini";
import { roleIncludes } from "../../callers/roles.ts";
import { requireConnector } from "../../connectors/connector-access.ts";
import { requireTeamId } from "../../connectors/driver-context.ts";
import { ApiError, unwrap } from "../../errors.ts";
import { managementEndpoint } from "../../http/endpoint.ts";
import { decodeCursor, pageQuery } from "../../http/pagination.ts";
import type { Services } from "../../services.ts";
import { type EventState, eventsById, type StoredEvent } from "../events/event-store.ts";
import { readPayload } from "../events/payload-store.ts";
import { listEvents } from "./event-list.ts";
import { eventToWire } from "./event-wire.ts";
import { maskedPayload } from "./masked-payload.ts";
import { searchPage } from "./search-page.ts";

const STATES = ["recorded", "dispatched", "unrouted"] as const satisfies EventState[];

export const getEvents = managementEndpoint("viewer", {
  query: z.object({
    ...pageQuery(50),
    connector: z.optional(z.string().check(z.minLength(1), z.maxLength(512))),
    type: z.optional(z.string().check(z.minLength(1), z.maxLength(512))),
    state: z.optional(z.enum(STATES)),
  }),
  async handle({ services, query }) {
    const { limit, cursor, connector, type, state } = query;
    const connectorId = connector === undefined ? null : (await requireConnector(services.db, connector)).id;
    const beforeId = decodeCursor(cursor, "string")?.id ?? null;
    const filter = { connectorId, type: type ?? null, state: state ?? null };
    const searched = await listEvents(services.events, filter, { beforeId, limit: limit + 1 });
    const { page, pagination } = searchPage(searched, limit, ({ id }) => ({ key: id, id }));
    return { status: 200, body: { events: page.map(eventToWire), pagination } };
  },
});

export const getEvent = managementEndpoint("viewer", {
  query: z.object({ payload: z._default(z.enum(["masked", "raw"]), "masked") }),
  async handle({ services, params, query, caller, requestId }) {
    const raw = query.payload === "raw";
    if (raw && !roleIncludes(caller.role, "admin")) {
      throw new ApiError("forbidden", { message: "payload: only owners and admins may read it as it came." });
    }
    const id = params.id ?? "";
    const event = (await eventsById(services.events, [id])).get(id);
    if (event === undefined) throw new ApiError("not_found", { message: "There is no such event." });
    if (raw) {
      const who = { requestId, callerId: caller.tokenId, eventId: event.id, connectorId: event.connectorId };
      services.log.info("event.payload_read", who);
    }
    const hasPayload = event.payload.kind !== "gone";
    const payload = hasPayload ? await payloadOf(services, event, raw) : null;
    const { headers, bodySha256 } = event;
    return { status: 200, body: { ...eventToWire({ ...event, hasPayload }), headers, bodySha256, payload } };
  },
});

/** Null where there is nothing to show: too long, or of a kind that nothing is known about. */
async function payloadOf(services: Services, event: StoredEvent, raw: boolean): Promise<unknown> {
  const deps = { ...services, teamId: await requireTeamId(services) };
  const payload = await readPayload(event.payload, event, deps);
  // Purged between the row and the blob.
  if (!payload.ok && payload.failure.code === "gone") return null;
  const bytes = unwrap(payload);
  if (bytes instanceof ReadableStream) {
    await bytes.cancel();
    if (raw) throw new ApiError("payload_too_large", { message: "This payload is too long to be shown. Replay it." });
    return null;
  }
  return raw ? asSent(bytes) : maskedPayload(bytes, event.contentType);
}

function asSent(bytes: Uint8Array): { encoding: "utf8" | "base64"; data: string } {
  try {
    return { encoding: "utf8", data: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { encoding: "base64", data: bytes.toBase64() };
  }
}
