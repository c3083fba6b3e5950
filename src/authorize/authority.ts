import type { Driver, UserAuthorization } from "../catalog/driver.ts";
import { driverOf } from "../catalog/registry.ts";
import type { Connector } from "../connectors/connector-row.ts";
import { findConnector } from "../connectors/connector-store.ts";
import type { Link } from "../connectors/link-row.ts";
import { findLink } from "../connectors/link-store.ts";
import { loadSnapshot } from "../connectors/snapshot-query.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Services } from "../services.ts";
import { type ConnectorSnapshot, toSnapshot } from "../tokens/snapshot.ts";
import type { AuthorizationRequest } from "./request-row.ts";

/** On what an authorization rests, as it is now. */
export interface Authority {
  snapshot: ConnectorSnapshot;
  connector: Connector;
  link: Link;
  driver: Driver;
  /** How users authorize. */
  users: UserAuthorization;
}

type Basis = Pick<AuthorizationRequest, "connectorId" | "projectId" | "environment"> &
  Pick<AuthorizationRequest, "linkId" | "configRevision" | "revokedBeforeMs">;

/**
 * The connector and link of a request, if nothing that was decided on them has changed since: same configuration, same
 * link, still for that environment and for users, and nothing revoked. Else `connector_changed`.
 */
export async function authorityOf(request: Basis, { db }: Pick<Services, "db">): Promise<Result<Authority>> {
  const { connectorId, projectId } = request;
  const [row, found, link] = await Promise.all([
    loadSnapshot(db, { ref: connectorId, projectId }),
    findConnector(db, connectorId),
    findLink(db, connectorId, projectId),
  ]);
  if (row === null || found === null || found.state === "deleted" || link === null) return changed("gone");
  const snapshot = toSnapshot(row);
  const { connector } = found;
  const driver = driverOf(connector.type);
  const users = driver?.userAuthorization(connector.config) ?? null;
  if (driver === null || users === null || connector.draft) return changed("users cannot authorize it");
  if (link.id !== request.linkId || !link.environments.includes(request.environment)) return changed("link");
  if (link.subjects !== null && !link.subjects.includes("user")) return changed("link's subjects");
  if (connector.configRevision !== request.configRevision) return changed("configuration");
  if (snapshot.revokedBeforeMs !== request.revokedBeforeMs) return changed("revoked");
  return ok({ snapshot, connector, link, driver, users });
}

function changed(reason: string): Result<never> {
  return fail("connector_changed", { reason });
}
