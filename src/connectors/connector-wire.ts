import type { Driver } from "../catalog/driver.ts";
import { type ConnectorTriggers, NO_TRIGGERS } from "../triggers/settings/connector-triggers.ts";
import { typedDestinationToWire } from "../triggers/settings/destination-wire.ts";
import { ingressUrlOf } from "../triggers/settings/trigger-wire.ts";
import type { Connector } from "./connector-row.ts";

/**
 * A connector as the contract has it (§2, Connector): the fields that every one has, those that apply to it, and
 * ours. Without `data`. A driver that is not there (a type of another version) leaves the capabilities empty.
 */
export function connectorToWire(
  connector: Connector,
  driver: Driver | null,
  publicOrigin: string,
  triggers: ConnectorTriggers = NO_TRIGGERS,
): Record<string, unknown> {
  const capabilities = driver?.capabilities(connector.config);
  const sendsBrowsers = driver?.redirectsUsers || driver?.installations || driver?.registration;
  return {
    id: connector.id,
    uid: connector.uid,
    name: connector.name,
    displayName: connector.name,
    type: connector.type,
    typeName: driver?.typeName ?? connector.type,
    service: connector.service,
    createdAt: connector.createdAtMs,
    updatedAt: connector.updatedAtMs,
    supportsIcon: capabilities?.supportsIcon ?? "false",
    supportedSubjectTypes: capabilities?.supportedSubjectTypes ?? [],
    supportsInstallation: capabilities?.supportsInstallation ?? false,
    supportsRevocation: capabilities?.supportsRevocation ?? false,
    // Of every type: an ingress with a recipe of its own may be given to any connector, whatever its driver can do.
    supportsTriggers: true,
    triggers: { enabled: triggers.enabled },
    ...(triggers.destinations.length > 0 && {
      triggerDestinations: triggers.destinations.map(typedDestinationToWire),
    }),
    ...(triggers.events !== null && { events: triggers.events }),
    ...(triggers.ingressId !== null && { ingressUrl: ingressUrlOf(triggers.ingressId, publicOrigin) }),
    creationMode: connector.creationMode,
    ...(connector.creationMode === "managed" && { managed: {} }),
    ...(connector.defaultInstallationId !== null && { defaultInstallationId: connector.defaultInstallationId }),
    ...(connector.draft && { draft: true }),
    ...(connector.connectionMethod !== null && { connectionMethod: connector.connectionMethod }),
    ...(connector.target !== null && { target: connector.target }),
    ...(connector.createdBy && { createdBy: connector.createdBy }),
    ...(connector.updatedBy && { updatedBy: connector.updatedBy }),
    ...(capabilities?.appTokens && { appTokens: capabilities.appTokens }),
    ...(capabilities?.userTokens && { userTokens: capabilities.userTokens }),
    ...capabilities?.sites,
    ...connector.branding,
    ...(capabilities?.clientUrl !== undefined && { clientUrl: capabilities.clientUrl }),
    ...(sendsBrowsers && { redirectUri: redirectUriOf(connector.id, publicOrigin) }),
    minimumBinding: connector.minimumBinding,
    leaseSeconds: connector.leaseSeconds,
    ...(connector.region !== null && { region: connector.region }),
    revision: connector.revision,
  };
}

/** The same with `data`: the driver's public facts, where a secret shows at most that it is set. */
export function connectorWithDataToWire(
  connector: Connector,
  driver: Driver | null,
  publicOrigin: string,
  triggers: ConnectorTriggers = NO_TRIGGERS,
): Record<string, unknown> {
  return {
    ...connectorToWire(connector, driver, publicOrigin, triggers),
    data: driver?.redact(connector.config, connector.secretNames) ?? {},
  };
}

/** One redirect URI for each connector: what the operator registers at the provider. */
export function redirectUriOf(connectorId: string, publicOrigin: string): string {
  return `${publicOrigin}/callback/${connectorId}`;
}

/** Where the provider of a `private_key_jwt` connector finds its public keys. */
export function jwksUriOf(connectorId: string, publicOrigin: string): string {
  return `${publicOrigin}/v1/connectors/${connectorId}/jwks.json`;
}

/** The revision as an entity tag (RFC 9110 §8.8.3). */
export function entityTag(connector: Pick<Connector, "revision">): { etag: string } {
  return { etag: `"${connector.revision}"` };
}
