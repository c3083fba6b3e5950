import * as z from "zod/mini";
import { requireConnector } from "../../connectors/connector-access.ts";
import { entityTag } from "../../connectors/connector-wire.ts";
import { requireTeamId } from "../../connectors/driver-context.ts";
import { checkIfMatch } from "../../connectors/if-match.ts";
import { ApiError, unwrap } from "../../errors.ts";
import { managementEndpoint } from "../../http/endpoint.ts";
import { decodeCursor, pageQuery, paginate } from "../../http/pagination.ts";
import type { Services } from "../../services.ts";
import { orConflict } from "../../store/conflict.ts";
import { addDestination, DESTINATION_TAKEN, requireTarget } from "../settings/add-destination.ts";
import { changedDestination, rotatedDestination } from "../settings/change-destination.ts";
import type { StoredDestination } from "../settings/destination-row.ts";
import { openDestinationSecrets } from "../settings/destination-secrets.ts";
import {
  findDestinationOf,
  listDestinations,
  removeDestinations,
  updateDestination,
} from "../settings/destination-store.ts";
import { destinationToWire } from "../settings/destination-wire.ts";
import { destinationsChanged } from "../settings/destinations-changed.ts";
import { graceSeconds } from "../settings/fields.ts";
import { ChangeDestination, CreateDestination, newDestination, USUAL_DELIVERY } from "../settings/new-destination.ts";
import { liveSecrets, secretToWire } from "../settings/signing-secrets.ts";
import { deliveryToWire } from "./event-wire.ts";
import { laneState } from "./lane-state.ts";
import { sendTestEvent } from "./test-event.ts";

/** How often a change is applied again over what somebody else stored meanwhile. */
const TRIES = 3;

export const postDestination = managementEndpoint("admin", {
  creates: true,
  body: CreateDestination,
  async handle({ services, params, body, defer }) {
    const connector = await requireConnector(services.db, params.c);
    const { url, projectId, environment, path, branch, ...fields } = body;
    const target = await requireTarget(services, connector, body);
    const place = { connectorId: connector.id, teamId: await requireTeamId(services) };
    const { destination, secret } = await newDestination(services, place, target, { ...USUAL_DELIVERY, ...fields });
    await addDestination(services, destination);
    // No lane has anything for it yet; it may answer the provider.
    defer(destinationsChanged(services, connector, []));
    const stored = await requireDestination(services, connector.id, destination.id);
    return {
      status: 201,
      body: { ...destinationToWire(stored), signingSecret: secret.value.expose() },
      headers: entityTag(stored),
    };
  },
});

export const getDestinations = managementEndpoint("viewer", {
  query: z.object(pageQuery(50)),
  async handle({ services, params, query }) {
    const connector = await requireConnector(services.db, params.c);
    const after = decodeCursor(query.cursor, "number");
    const rows = await listDestinations(services.db, connector.id, { after, limit: query.limit + 1 });
    const { page, pagination } = paginate(rows, query.limit, ({ createdAtMs, id }) => ({ key: createdAtMs, id }));
    return { status: 200, body: { destinations: page.map(destinationToWire), pagination } };
  },
});

export const getDestination = managementEndpoint("viewer", {
  async handle({ services, params }) {
    const connector = await requireConnector(services.db, params.c);
    const destination = await requireDestination(services, connector.id, params.id);
    const [answer, lane] = await Promise.all([
      shown(services, destination),
      laneState(services, destination, connector.region),
    ]);
    return { ...answer, body: { ...answer.body, lane } };
  },
});

export const patchDestination = managementEndpoint("admin", {
  conditional: true,
  body: ChangeDestination,
  async handle({ services, params, body, headers, defer }) {
    const connector = await requireConnector(services.db, params.c);
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const current = await requireDestination(services, connector.id, params.id);
      unwrap(checkIfMatch(headers, current.revision));
      if (Object.keys(body).length === 0) return shown(services, current);
      const next = changedDestination(services, current, body);
      if (!(await orConflict(updateDestination(services.db, next, current), DESTINATION_TAKEN))) continue;
      const stored = await requireDestination(services, connector.id, current.id);
      const lanes = Math.max(current.lanes, stored.lanes);
      defer(destinationsChanged(services, connector, [{ id: stored.id, lanes }]));
      return shown(services, stored);
    }
    throw changedByOthers();
  },
});

export const deleteDestination = managementEndpoint("admin", {
  conditional: true,
  async handle({ services, params, headers, defer }) {
    const connector = await requireConnector(services.db, params.c);
    const destination = await requireDestination(services, connector.id, params.id);
    unwrap(checkIfMatch(headers, destination.revision));
    await removeDestinations(services.db, [destination.id]);
    defer(destinationsChanged(services, connector, [destination]));
    return { status: 204 };
  },
});

export const postDestinationSecret = managementEndpoint("admin", {
  creates: true,
  bodyOptional: true,
  body: z.strictObject({ previousSecretSeconds: graceSeconds }),
  async handle({ services, params, body, defer }) {
    const connector = await requireConnector(services.db, params.c);
    const teamId = await requireTeamId(services);
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const current = await requireDestination(services, connector.id, params.id);
      const grace = body.previousSecretSeconds;
      const { destination, secret, secrets } = await rotatedDestination(services, teamId, current, grace);
      if (!(await updateDestination(services.db, destination, current))) continue;
      defer(destinationsChanged(services, connector, [destination]));
      const shownOnce = { ...secretToWire(secret), signingSecret: secret.value.expose() };
      return { status: 201, body: { ...shownOnce, secrets: secrets.map(secretToWire) } };
    }
    throw changedByOthers();
  },
});

export const postDestinationTest = managementEndpoint("developer", {
  creates: true,
  async handle({ services, params }) {
    const connector = await requireConnector(services.db, params.c);
    const destination = await requireDestination(services, connector.id, params.id);
    const teamId = await requireTeamId(services);
    const sent = await sendTestEvent(services, { connector, teamId }, destination);
    return { status: 201, body: deliveryToWire({ ...sent, updatedAtMs: sent.createdAtMs }) };
  },
});

/** The destination of that connector, or `not_found` thrown. */
export async function requireDestination(
  { db }: Pick<Services, "db">,
  connectorId: string,
  id: string | undefined,
): Promise<StoredDestination> {
  const found = await findDestinationOf(db, connectorId, id ?? "");
  if (found === null) throw new ApiError("not_found", { message: "The connector has no such destination." });
  return found;
}

async function shown(services: Services, destination: StoredDestination) {
  const opened = await openDestinationSecrets(services.keys, await requireTeamId(services), destination);
  const secrets = liveSecrets(unwrap(opened), services.now()).map(secretToWire);
  return {
    status: 200 as const,
    body: { ...destinationToWire(destination), secrets },
    headers: entityTag(destination),
  };
}

function changedByOthers(): ApiError {
  return new ApiError("conflict", { message: "The destination is being changed by others. Repeat the request." });
}
