import type { Driver } from "../catalog/driver.ts";
import { ok, type Result } from "../errors.ts";
import type { Installation } from "../installations/installation.ts";
import { defaultInstallation, findInstallation, onlyInstallation } from "../installations/installation-store.ts";
import { usable } from "../installations/usable.ts";
import type { Database } from "../store/database.ts";
import type { AuthorizedRequest, InstallationDemand } from "./authorize.ts";
import type { ConnectorSnapshot } from "./snapshot.ts";

const NAMED_NONE = {
  message: "Name an installation as installationId, give the connector a default, or install it at the provider.",
};

/** An authorized request whose installation, if it is of one, is known. */
export interface PlacedRequest extends Omit<AuthorizedRequest, "installation"> {
  installation: Installation | null;
}

/**
 * The installation that a request means, from the database, and the group as it is there. 422
 * `client_installation_required` where there is none, or none that the link allows; `installation_suspended`; and what
 * the driver says of a group that this tenant has not granted.
 */
export async function place(
  { identity, group, installation: demand }: AuthorizedRequest,
  snapshot: ConnectorSnapshot,
  driver: Driver | null,
  { db, nowMs }: { db: Database; nowMs: number },
): Promise<Result<PlacedRequest>> {
  if (demand === null) return ok({ identity, group, installation: null });
  const { connector } = snapshot;
  const found = await lookUp(connector.id, demand, db);
  const installation = judge(found, demand, nowMs);
  if (!installation.ok) return installation;
  const there = driver?.resolveGroup(connector.config, identity.subject.type, group, installation.value) ?? ok(group);
  if (!there.ok) return there;
  return ok({
    identity: { ...identity, installationId: installation.value.id },
    group: there.value,
    installation: installation.value,
  });
}

/** The one that is named; else the only one that the link allows, the default, or the only one that is our own. */
async function lookUp(connectorId: string, { reference, allowed }: InstallationDemand, db: Database) {
  if (reference !== null) return findInstallation(db, connectorId, reference);
  const [only, ...others] = allowed ?? [];
  if (only !== undefined && others.length === 0) return findInstallation(db, connectorId, only);
  // From the database: the first installation makes a default that no snapshot knows yet.
  return (await defaultInstallation(db, connectorId)) ?? onlyInstallation(db, connectorId);
}

/** Pure. One that the link does not allow is as good as none: a caller learns nothing of it. */
function judge(
  found: Installation | null,
  { reference, allowed }: InstallationDemand,
  nowMs: number,
): Result<Installation> {
  const isAllowed = found !== null && (allowed === null || allowed.includes(found.id));
  return usable(isAllowed ? found : null, nowMs, reference === null ? NAMED_NONE : {});
}
