import type { Asserting } from "../catalog/driver.ts";
import type { Installations } from "../catalog/installations.ts";
import { driverOf } from "../catalog/registry.ts";
import type { Connector } from "../connectors/connector-row.ts";
import { openSecrets } from "../connectors/connector-secrets.ts";
import { ApiError, ok, type Result } from "../errors.ts";
import { assertionSource } from "../grants/assertion.ts";
import type { Services } from "../services.ts";

/** A connector, and how its kind is installed in tenants of the provider. */
export interface Installable {
  connector: Connector;
  installations: Installations;
}

/** The connector, if its kind is installed anywhere; `installation_unsupported` is thrown. */
export function requireInstallable(connector: Connector): Installable {
  const installations = driverOf(connector.type)?.installations ?? null;
  if (installations === null) throw new ApiError("installation_unsupported");
  return { connector, installations };
}

/** Throws `no_token` for a connector that the provider cannot be asked about yet. */
export function requireComplete({ connector }: Installable): void {
  if (connector.draft) throw new ApiError("no_token", { message: "This connector is a draft. Complete it first." });
}

/** The connector as its driver takes it. `key_missing` or `decryption_failed`. */
export async function openInstallable(
  { connector }: Installable,
  teamId: string,
  { keys, grants }: Pick<Services, "keys" | "grants">,
): Promise<Result<Asserting>> {
  const secrets = await openSecrets(keys, teamId, connector);
  if (!secrets.ok) return secrets;
  const { id: connectorId, config, configRevision, region } = connector;
  const assertion = assertionSource(grants.gate(connectorId, region), { teamId, connectorId, configRevision });
  return ok({ config, secrets: secrets.value, connectorId, assertion });
}
