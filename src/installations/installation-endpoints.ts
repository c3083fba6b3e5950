import * as z from "zod/mini";
import type { Asserting } from "../catalog/driver.ts";
import { requireConnector } from "../connectors/connector-access.ts";
import type { Connector } from "../connectors/connector-row.ts";
import { findConnector } from "../connectors/connector-store.ts";
import { driverDeps, requireTeamId } from "../connectors/driver-context.ts";
import { effectiveByHeader } from "../connectors/effective-by.ts";
import { ApiError, unwrap } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import { foreignId } from "../http/fields.ts";
import { decodeCursor, pageQuery, paginate } from "../http/pagination.ts";
import type { Services } from "../services.ts";
import { type Installable, openInstallable, requireComplete, requireInstallable } from "./installable.ts";
import type { Installation } from "./installation.ts";
import { findInstallation, installationPosition, listInstallations } from "./installation-store.ts";
import { installationToWire } from "./installation-wire.ts";
import { recordNews } from "./record-news.ts";
import { removeInstallation } from "./remove-installation.ts";

/** As text, or as the number that the provider's own answers and pages have. */
const externalId = z.union([foreignId, z.pipe(z.int().check(z.gte(1)), z.transform(String))]);

export const getInstallations = managementEndpoint("viewer", {
  query: z.object({ ...pageQuery(50), search: z.optional(z.string().check(z.maxLength(200))) }),
  async handle({ services, params, query: { limit, cursor, search } }) {
    const { connector } = await installable(services, params.c);
    const page = { after: decodeCursor(cursor, "number"), limit: limit + 1 };
    const rows = await listInstallations(services.db, { connectorId: connector.id, search: search || null }, page);
    const { page: shown, pagination } = paginate(rows, limit, installationPosition);
    const installations = shown.map((installation) => installationToWire(installation, connector));
    return { status: 200, body: { installations, pagination } };
  },
});

export const getInstallation = managementEndpoint("viewer", {
  async handle({ services, params }) {
    const { connector } = await installable(services, params.c);
    const installation = await requireInstallation(services, connector, params.id);
    return { status: 200, body: installationToWire(installation, connector) };
  },
});

/** Takes one that exists at the provider, as the provider has it. */
export const postInstallation = managementEndpoint("admin", {
  creates: true,
  body: z.strictObject({ externalId }),
  async handle({ services, params, body: { externalId } }) {
    const target = await installable(services, params.c);
    const { connector, installations } = target;
    const asserting = await opened(services, target);
    const found = unwrap(await installations.find({ ...asserting, externalId }, driverDeps(services)));
    if (found === null) {
      throw new ApiError("not_found", { message: "The provider knows no such installation of this connector." });
    }
    const { id: connectorId, region, configRevision } = connector;
    const place = { connectorId, region, configRevision };
    const recorded = await recordNews(services, place, found, { isOwn: true, isSeen: true });
    if (recorded === null) {
      await requireConnector(services.db, connectorId);
      throw new ApiError("conflict", {
        message:
          "The connector was changed meanwhile, or knows this id as another tenant's. Repeat, or delete that one.",
      });
    }
    // It may have become the default.
    const current = (await findConnector(services.db, connector.id))?.connector ?? connector;
    return { status: 201, body: installationToWire(recorded, current) };
  },
});

export const deleteInstallation = managementEndpoint("admin", {
  query: z.object({ uninstall: z._default(z.enum(["true", "false"]), "false") }),
  async handle({ services, params, query }) {
    const target = await installable(services, params.c);
    const { connector, installations } = target;
    const installation = await requireInstallation(services, connector, params.id);
    if (query.uninstall === "true" && installation.state !== "removed") {
      const asserting = await opened(services, target);
      const { externalId } = installation;
      const removed = unwrap(await installations.remove({ ...asserting, externalId }, driverDeps(services)));
      if (removed === "unsupported") {
        throw new ApiError("bad_request", { message: "uninstall: the provider lets only the tenant itself do that." });
      }
    }
    const lease = await removeInstallation(services, installation, connector);
    return { status: 204, headers: effectiveByHeader(lease, services.now()) };
  },
});

/** `installation_unsupported`, `not_found` and `gone` are thrown. */
async function installable({ db }: Services, reference: string | undefined): Promise<Installable> {
  return requireInstallable(await requireConnector(db, reference));
}

async function requireInstallation({ db }: Services, { id }: Connector, reference = ""): Promise<Installation> {
  const installation = await findInstallation(db, id, reference);
  if (installation === null) throw new ApiError("not_found", { message: "There is no such installation." });
  return installation;
}

async function opened(services: Services, target: Installable): Promise<Asserting> {
  requireComplete(target);
  return unwrap(await openInstallable(target, await requireTeamId(services), services));
}
