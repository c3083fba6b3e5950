import * as z from "zod/mini";
import type { AccessTokenCaller } from "../callers/caller.ts";
import { ApiError } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import { decodeCursor, pageQuery, paginate } from "../http/pagination.ts";
import { requireProject } from "../projects/project-store.ts";
import type { Services } from "../services.ts";
import { newId } from "../store/ids.ts";
import { destinationsOf } from "../triggers/settings/destination-store.ts";
import { destinationsChanged } from "../triggers/settings/destinations-changed.ts";
import { requireConnector, requireVisibleConnector } from "./connector-access.ts";
import { effectiveByHeader } from "./effective-by.ts";
import { checkedByConnector, LinkBody, narrowingOf, requireEnvironments } from "./link-fields.ts";
import type { Link } from "./link-row.ts";
import { findLink, listLinks, putLink, deleteLink as removeLink } from "./link-store.ts";
import { linkToWire } from "./link-wire.ts";

const Page = z.object(pageQuery(50));

export const getConnectorLinks = managementEndpoint("viewer", {
  query: Page,
  async handle({ services, params, query }) {
    const connector = await requireConnector(services.db, params.c);
    const { links, pagination } = await pageOfLinks(services, { of: "connector", id: connector.id }, query);
    return { status: 200, body: { projects: links, pagination } };
  },
});

export const getProjectLinks = managementEndpoint("viewer", {
  query: Page,
  async handle({ services, params, query }) {
    const project = await requireProject(services.db, params.p);
    const { links, pagination } = await pageOfLinks(services, { of: "project", id: project.id }, query);
    return { status: 200, body: { connectors: links, pagination } };
  },
});

export const getLink = managementEndpoint("viewer", {
  async handle({ services, params, caller }) {
    const project = await requireProject(services.db, params.p);
    const connector = await requireVisibleConnector(services.db, wholeProject(caller), params.c);
    const link = await findLink(services.db, connector.id, project.id);
    if (link === null) throw new ApiError("not_found", { message: "The connector is not linked to that project." });
    return { status: 200, body: linkToWire(link) };
  },
});

export const putProjectLink = managementEndpoint("admin", {
  // A link decides what a project may reach, so a token of the project itself may not write it.
  teamWide: true,
  body: LinkBody,
  async handle({ services, params, body, defer }) {
    const { db, now, randomBytes, urlPolicy } = services;
    const project = await requireProject(db, params.p);
    const connector = await requireConnector(db, params.c);
    await requireEnvironments(db, project.id, body.environments);
    const narrowing = narrowingOf(body, urlPolicy);
    const checked = await checkedByConnector(db, connector, narrowing);
    const link = await putLink(
      db,
      {
        id: newId("lnk", randomBytes),
        connectorId: connector.id,
        projectId: project.id,
        environments: body.environments,
        narrowing: { ...narrowing, ...checked },
      },
      now(),
    );
    if (link === null) {
      throw new ApiError("not_found", { message: "The connector, the project or an environment was just deleted." });
    }
    // Destinations of an environment that has left the link rest until it is back.
    const destinations = await destinationsOf(db, connector.id);
    const own = destinations.filter(({ projectId }) => projectId === project.id);
    defer(destinationsChanged(services, connector, own));
    return { status: 200, body: linkToWire(link) };
  },
});

export const deleteLink = managementEndpoint("admin", {
  teamWide: true,
  async handle({ services, params, defer }) {
    const project = await requireProject(services.db, params.p);
    const connector = await requireConnector(services.db, params.c);
    const removed = await removeLink(services.db, connector.id, project.id, services.now());
    if (removed === null) throw new ApiError("not_found", { message: "The connector is not linked to that project." });
    defer(destinationsChanged(services, connector, removed.destinations));
    return { status: 204, headers: effectiveByHeader(removed.lease, services.now()) };
  },
});

/** The caller without its environment: links of a project are shown whole to its tokens. */
function wholeProject(caller: AccessTokenCaller): AccessTokenCaller {
  return { ...caller, environment: null };
}

async function pageOfLinks(
  { db }: Pick<Services, "db">,
  owner: { of: "connector" | "project"; id: string },
  query: z.output<typeof Page>,
): Promise<{ links: unknown[]; pagination: { next: string | null } }> {
  const after = decodeCursor(query.cursor, "number");
  const rows = await listLinks(db, owner, { after, limit: query.limit + 1 });
  const positionOf = ({ createdAtMs, id }: Link) => ({ key: createdAtMs, id });
  const { page, pagination } = paginate(rows, query.limit, positionOf);
  return { links: page.map(linkToWire), pagination };
}
