import * as z from "zod/mini";
import { requireConnector } from "../../connectors/connector-access.ts";
import { connectorAnswer } from "../../connectors/connector-answer.ts";
import { requireTeamId } from "../../connectors/driver-context.ts";
import { managementEndpoint } from "../../http/endpoint.ts";
import { destinationsChanged } from "../settings/destinations-changed.ts";
import { TypedDestination } from "../settings/new-destination.ts";
import { replaceTypedDestinations } from "../settings/typed-destinations.ts";

export const patchTypedDestinations = managementEndpoint("admin", {
  body: z.strictObject({ destinations: z.array(TypedDestination).check(z.maxLength(100)) }),
  async handle({ services, params, body, defer }) {
    const connector = await requireConnector(services.db, params.c);
    const place = { connector, teamId: await requireTeamId(services) };
    const removed = await replaceTypedDestinations(services, place, body.destinations);
    defer(destinationsChanged(services, connector, removed));
    return connectorAnswer(services, connector, 200);
  },
});
