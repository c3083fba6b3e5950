import { apiKeyDriver } from "./api-key/driver.ts";
import type { ConnectorType } from "./connector-types.ts";
import type { Driver } from "./driver.ts";
import { githubDriver } from "./github/driver.ts";
import { oauthDriver } from "./oauth/driver.ts";

const DRIVERS = new Map<ConnectorType, Driver>(
  [oauthDriver, apiKeyDriver, githubDriver].map((driver) => [driver.type, driver]),
);

/** The types that a connector can have today. */
export const implementedTypes: readonly ConnectorType[] = [...DRIVERS.keys()];

/** The driver of a type; null where the type exists on the wire only. */
export function driverOf(type: ConnectorType): Driver | null {
  return DRIVERS.get(type) ?? null;
}
