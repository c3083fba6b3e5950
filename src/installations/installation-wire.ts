import type { Connector } from "../connectors/connector-row.ts";
import type { Installation } from "./installation.ts";

/** An installation as the API shows it; `data` is what the tenant granted, in the driver's own shape. */
export function installationToWire(
  installation: Installation,
  { defaultInstallationId }: Pick<Connector, "defaultInstallationId">,
) {
  return {
    id: installation.id,
    connectorId: installation.connectorId,
    tenantId: installation.tenantId,
    externalId: installation.externalId,
    name: installation.name,
    state: installation.state,
    default: installation.id === defaultInstallationId,
    data: installation.details,
    createdAt: installation.createdAtMs,
    updatedAt: installation.updatedAtMs,
    /** By the provider's clock. */
    changedAt: installation.changedAtMs,
  };
}
