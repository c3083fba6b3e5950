import * as z from "zod/mini";
import { requireConnector } from "../../connectors/connector-access.ts";
import { ApiError, unwrap } from "../../errors.ts";
import { managementEndpoint } from "../../http/endpoint.ts";
import { decodeCursor, pageQuery } from "../../http/pagination.ts";
import { cancelDelivery } from "../events/cancel-delivery.ts";
import { deliveriesById } from "../events/delivery-store.ts";
import { replayDelivery } from "../events/replay-delivery.ts";
import { DELIVERY_STATES, deliveryPosition, listDeliveries } from "./delivery-list.ts";
import { eventDeps } from "./event-deps.ts";
import { attemptToWire, deliveryToWire } from "./event-wire.ts";
import { searchPage } from "./search-page.ts";

export const getDeliveries = managementEndpoint("viewer", {
  query: z.object({
    ...pageQuery(50),
    connector: z.optional(z.string().check(z.minLength(1), z.maxLength(512))),
    destination: z.optional(z.string().check(z.minLength(1), z.maxLength(100))),
    event: z.optional(z.string().check(z.minLength(1), z.maxLength(100))),
    state: z.optional(z.enum(DELIVERY_STATES)),
  }),
  async handle({ services, query }) {
    const { limit, cursor, connector, destination, event, state } = query;
    const filter = {
      connectorId: connector === undefined ? null : (await requireConnector(services.db, connector)).id,
      destinationId: destination ?? null,
      eventId: event ?? null,
      state: state ?? null,
    };
    const page = { after: decodeCursor(cursor, "string"), limit: limit + 1 };
    const searched = await listDeliveries(services.events, filter, page);
    const { page: deliveries, pagination } = searchPage(searched, limit, deliveryPosition);
    return { status: 200, body: { deliveries: deliveries.map(deliveryToWire), pagination } };
  },
});

export const getDelivery = managementEndpoint("viewer", {
  async handle({ services, params }) {
    const id = params.id ?? "";
    const delivery = (await deliveriesById(services.events, [id])).get(id);
    if (delivery === undefined) throw new ApiError("not_found", { message: "There is no such delivery." });
    const attempts = delivery.attempts.map(attemptToWire);
    return { status: 200, body: { ...deliveryToWire(delivery), attempts } };
  },
});

export const postDeliveryReplay = managementEndpoint("developer", {
  creates: true,
  async handle({ services, params }) {
    const made = unwrap(await replayDelivery(params.id ?? "", eventDeps(services)));
    return { status: 201, body: deliveryToWire({ ...made, updatedAtMs: made.createdAtMs }) };
  },
});

export const postDeliveryCancel = managementEndpoint("developer", {
  async handle({ services, params }) {
    const canceled = unwrap(await cancelDelivery(params.id ?? "", eventDeps(services)));
    return { status: 200, body: deliveryToWire(canceled) };
  },
});
