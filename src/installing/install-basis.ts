import { checkAppUrls } from "../authorize/app-urls.ts";
import { changed } from "../authorize/authority.ts";
import { brandOf } from "../authorize/page-answer.ts";
import type { Driver } from "../catalog/driver.ts";
import { driverOf } from "../catalog/registry.ts";
import { findConnector } from "../connectors/connector-store.ts";
import { requireTeamId } from "../connectors/driver-context.ts";
import type { Link } from "../connectors/link-row.ts";
import { findLink } from "../connectors/link-store.ts";
import { loadSnapshot } from "../connectors/snapshot-query.ts";
import { ok, type Result } from "../errors.ts";
import type { Installable } from "../installations/installable.ts";
import type { Brand, OutcomeView } from "../pages/views.ts";
import type { Services } from "../services.ts";
import type { InstallRequest } from "./install-row.ts";

/** On what an installation rests, as it is now. */
export interface InstallBasis {
  teamId: string;
  driver: Driver;
  /** What pages may say of it. */
  known: { brand: Brand } & Pick<OutcomeView, "about" | "isMade">;
  /** Null = the connector is to be registered first. */
  installable: Installable | null;
  /** Of the app that asked; null = an operator did. */
  link: Link | null;
}

/**
 * The connector and link of a request, if it could begin today as it did; `connector_changed`. Of a registration that has
 * not come to that: its driver.
 */
export async function basisOf(
  request: InstallRequest,
  services: Pick<Services, "db" | "settings" | "urlPolicy">,
): Promise<Result<InstallBasis>> {
  const { db } = services;
  const { connectorId, projectId, environment, asked } = request;
  const teamId = await requireTeamId(services);
  const about = asked.registering === null ? "installation" : "connector";
  if (asked.registering !== null && !request.registered) {
    const { type, body } = asked.registering;
    const driver = driverOf(type);
    if (driver === null) return changed("gone");
    return ok({
      teamId,
      driver,
      known: { brand: brandOf({ name: body.name ?? "", branding: body }), about },
      installable: null,
      link: null,
    });
  }
  const [found, row, link] = await Promise.all([
    findConnector(db, connectorId),
    projectId === null ? null : loadSnapshot(db, { ref: connectorId, projectId }),
    projectId === null ? null : findLink(db, connectorId, projectId),
  ]);
  if (found === null || found.state === "deleted") return changed("gone");
  const { connector } = found;
  const driver = driverOf(connector.type);
  if (driver?.installations == null || connector.draft) return changed("it cannot be installed");
  if (request.configRevision !== null && connector.configRevision !== request.configRevision) {
    return changed("configuration");
  }
  if (projectId !== null) {
    if (link === null || link.id !== request.linkId || link.installations !== null) return changed("link");
    if (environment === null || !link.environments.includes(environment)) return changed("link's environments");
    if (!checkAppUrls(asked, link, environment, services).ok) return changed("link's origins");
    if (row?.revoked_before_ms !== request.revokedBeforeMs) return changed("revoked");
  }
  const installable = { connector, installations: driver.installations };
  const known = { brand: brandOf(connector), about, isMade: request.registered } as const;
  return ok({ teamId, driver, known, installable, link });
}
