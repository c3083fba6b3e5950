import * as z from "zod/mini";
import { CONNECTOR_TYPES } from "../catalog/connector-types.ts";
import { driverOf } from "../catalog/registry.ts";
import { ApiError, unwrap } from "../errors.ts";
import { managementEndpoint, publicEndpoint, runtimeEndpoint } from "../http/endpoint.ts";
import { decodeCursor, pageQuery, paginate } from "../http/pagination.ts";
import { requireProject } from "../projects/project-store.ts";
import { destinationsOf } from "../triggers/settings/destination-store.ts";
import { destinationsChanged } from "../triggers/settings/destinations-changed.ts";
import { actorOf } from "./actor.ts";
import { requireConnector, requireVisibleConnector } from "./connector-access.ts";
import { connectorAnswer, connectorsToWire, connectorWithDataAnswer } from "./connector-answer.ts";
import { CreateBody, UpdateBody } from "./connector-fields.ts";
import { CONNECTOR_SORTS, connectorPosition, listConnectors } from "./connector-list.ts";
import { findConnector, deleteConnector as removeConnector } from "./connector-store.ts";
import { entityTag } from "./connector-wire.ts";
import { createConnector } from "./create-connector.ts";
import { effectiveByHeader } from "./effective-by.ts";
import { checkIfMatch } from "./if-match.ts";
import { needsReconsent } from "./reconsent.ts";
import { isConnectorId } from "./uid.ts";
import { updateConnector } from "./update-connector.ts";

/** How often a deletion is tried again when a change came in between. */
const DELETE_TRIES = 3;

const commaSeparated = z.pipe(
  z.pipe(
    z.string().check(z.maxLength(1000)),
    z.transform((text) => text.split(",").map((part) => part.trim())),
  ),
  z.transform((parts) => parts.filter((part) => part !== "")),
);

const ListQuery = z.object({
  ...pageQuery(20),
  projectId: z.optional(z.string().check(z.minLength(1), z.maxLength(100))),
  search: z.optional(z.string().check(z.maxLength(200))),
  type: z.optional(z.pipe(commaSeparated, z.array(z.enum(CONNECTOR_TYPES)))),
  service: z.optional(commaSeparated),
  sort: z._default(z.enum(CONNECTOR_SORTS), "name"),
});

export const getConnectors = managementEndpoint("viewer", {
  query: ListQuery,
  async handle({ services, query }) {
    const { sort, limit, cursor } = query;
    const project = query.projectId === undefined ? null : await requireProject(services.db, query.projectId);
    const filter = {
      projectId: project?.id ?? null,
      search: query.search || null,
      types: query.type ?? null,
      services: query.service ?? null,
    };
    const after = sort === "name" ? decodeCursor(cursor, "string") : decodeCursor(cursor, "number");
    const rows = await listConnectors(services.db, filter, { sort, after, limit: limit + 1 });
    const { page, pagination } = paginate(rows, limit, (connector) => connectorPosition(sort, connector));
    return { status: 200, body: { connectors: await connectorsToWire(services, page), pagination } };
  },
});

export const getConnector = runtimeEndpoint({
  async handle({ services, params, caller }) {
    const connector = await requireVisibleConnector(services.db, caller, params.c);
    const showsIngress = caller.kind === "access-token" && caller.projectId === null;
    return connectorWithDataAnswer(services, connector, { showsIngress });
  },
});

export const postConnector = managementEndpoint("admin", {
  creates: true,
  body: CreateBody,
  async handle({ services, body, caller }) {
    const connector = await createConnector(services, actorOf(caller), body);
    return connectorAnswer(services, connector, 201);
  },
});

export const patchConnector = managementEndpoint("admin", {
  conditional: true,
  body: UpdateBody,
  async handle({ services, params, body, headers, caller }) {
    const { before, after } = await updateConnector(services, caller, { reference: params.c, body, headers });
    const [connector] = await connectorsToWire(services, [after]);
    const reconsent = needsReconsent(before, after) && { reconsentNeeded: { scope: "user" } };
    // Tokens of the old configuration are served as long as any lease.
    const effectiveBy = body.data !== undefined && effectiveByHeader(after, services.now());
    return { status: 200, body: { connector, ...reconsent }, headers: { ...entityTag(after), ...effectiveBy } };
  },
});

export const deleteConnector = managementEndpoint("admin", {
  conditional: true,
  async handle({ services, params, headers, defer }) {
    for (let attempt = 1; attempt <= DELETE_TRIES; attempt++) {
      const connector = await requireConnector(services.db, params.c);
      unwrap(checkIfMatch(headers, connector.revision));
      const destinations = await destinationsOf(services.db, connector.id);
      const lease = await removeConnector(services.db, connector, services.now());
      if (lease === null) continue;
      defer(services.nudgeHousekeeper());
      defer(destinationsChanged(services, connector, destinations));
      return { status: 204, headers: effectiveByHeader(lease, services.now()) };
    }
    throw new ApiError("conflict", { message: "The connector is being changed by others. Repeat the request." });
  },
});

export const getConnectorKeys = publicEndpoint({
  async handle({ services, params }) {
    // By id only: anyone may ask, and a uid can be guessed. A tombstone still signs: its upstream revocations
    // authenticate with the same key.
    const id = params.c ?? "";
    const found = isConnectorId(id) ? await findConnector(services.db, id) : null;
    const keys = found === null ? [] : (driverOf(found.connector.type)?.publicKeys(found.connector.config) ?? []);
    if (keys.length === 0) throw new ApiError("not_found");
    return { status: 200, body: { keys }, headers: { "cache-control": "public, max-age=300" } };
  },
});
