import type { Driver, UserAuthorization } from "../catalog/driver.ts";
import { rightsGivingParams } from "../catalog/oauth/authorization-parameters.ts";
import { driverOf } from "../catalog/registry.ts";
import type { Connector } from "../connectors/connector-row.ts";
import { findConnector } from "../connectors/connector-store.ts";
import type { Link } from "../connectors/link-row.ts";
import { findLink } from "../connectors/link-store.ts";
import { loadSnapshot } from "../connectors/snapshot-query.ts";
import { fail, ok, type Result } from "../errors.ts";
import { scopesAbove } from "../grants/reach.ts";
import type { Services } from "../services.ts";
import { type ConnectorSnapshot, toSnapshot } from "../tokens/snapshot.ts";
import { checkAppUrls } from "./app-urls.ts";
import { effectiveBinding } from "./binding.ts";
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

type Basis = Pick<AuthorizationRequest, "connectorId" | "projectId" | "environment" | "asked" | "binding"> &
  Pick<AuthorizationRequest, "linkId" | "configRevision" | "revokedBeforeMs">;

/**
 * The connector and link of a request, if it could begin today as it did: same configuration, same link, nothing
 * revoked, and within everything that the two demand by now. Else `connector_changed`.
 */
export async function authorityOf(
  request: Basis,
  services: Pick<Services, "db" | "settings" | "urlPolicy">,
): Promise<Result<Authority>> {
  const { db } = services;
  const { connectorId, projectId, environment, asked } = request;
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
  if (link.id !== request.linkId || !link.environments.includes(environment)) return changed("link");
  if (!isWithin(request, link)) return changed("link's limits");
  if (!checkAppUrls(asked, link, environment, services).ok) return changed("link's origins");
  if (effectiveBinding(connector.minimumBinding, request.binding) !== request.binding) return changed("binding");
  if (connector.configRevision !== request.configRevision) return changed("configuration");
  if (snapshot.revokedBeforeMs !== request.revokedBeforeMs) return changed("revoked");
  return ok({ snapshot, connector, link, driver, users });
}

/** Whether the link allows what was asked for, and for whom; as `authorize` decides it of a request that begins. */
function isWithin({ asked: { identity, group, additionalParams } }: Pick<Basis, "asked">, link: Link): boolean {
  if (link.subjects !== null && !link.subjects.includes("user")) return false;
  if (link.installations !== null || link.authorizationDetails !== null) return false;
  if (link.subjectNamespace !== identity.subject.namespace) return false;
  if (link.scopes === null) return true;
  const { scopes, resources, authorizationDetails } = group;
  if (rightsGivingParams(additionalParams).length > 0) return false;
  // Without scopes the provider chooses, and of the others a ceiling knows nothing.
  if (scopes.length === 0 || resources.length + authorizationDetails.length > 0) return false;
  return scopesAbove(scopes, link.scopes).length === 0;
}

/** What an open request rests on is not what it was. */
export function changed(reason: string): Result<never> {
  return fail("connector_changed", { reason });
}
