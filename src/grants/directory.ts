import type { ConnectorGateObject } from "./connector-gate.ts";
import type { GrantObject } from "./grant.ts";

/** Where a connector's objects live: a jurisdiction, a location hint, or wherever the first caller is. Immutable. */
export type Region = (typeof JURISDICTIONS)[number] | (typeof LOCATION_HINTS)[number];

export const JURISDICTIONS = ["eu", "us", "fedramp"] as const;
export const LOCATION_HINTS = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] as const;

/**
 * A Grant's methods as its callers see them. The platform's derived type cannot express open JSON members
 * (authorization details), so this one is written down; the object implements it.
 */
export type GrantStub = Pick<GrantObject, "token" | "authorize" | "describe" | "revoke" | "reseal">;
export type ConnectorGateStub = DurableObjectStub<ConnectorGateObject>;

/** The one place that makes stubs, so that an object is always addressed in the same jurisdiction. */
export interface GrantDirectory {
  /** `name` as `grantName` makes it. */
  grant(name: string, region: string | null): GrantStub;
  gate(connectorId: string, region: string | null): ConnectorGateStub;
}

export function grantDirectory(namespaces: {
  grants: DurableObjectNamespace<GrantObject>;
  gates: DurableObjectNamespace<ConnectorGateObject>;
}): GrantDirectory {
  return {
    // The same methods over RPC: see GrantStub.
    grant: (name, region) => regionalStub(namespaces.grants, name, region) as unknown as GrantStub,
    gate: (connectorId, region) => regionalStub(namespaces.gates, connectorId, region),
  };
}

/** A stub in the jurisdiction or near the place that the region names. */
export function regionalStub<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  name: string,
  region: string | null,
): DurableObjectStub<T> {
  const jurisdiction = JURISDICTIONS.find((candidate) => candidate === region);
  if (jurisdiction !== undefined) return namespace.jurisdiction(jurisdiction).getByName(name);
  const locationHint = LOCATION_HINTS.find((candidate) => candidate === region);
  // An object stays where its first caller put it, so the hint goes with every call.
  return locationHint === undefined ? namespace.getByName(name) : namespace.getByName(name, { locationHint });
}
