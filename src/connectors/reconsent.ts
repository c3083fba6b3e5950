import { driverOf } from "../catalog/registry.ts";
import type { Connector } from "./connector-row.ts";

/** Whether users who consented before must be asked again: their grants lack a scope that user tokens now have. */
export function needsReconsent(before: Connector, after: Connector): boolean {
  const had = userScopes(before);
  const has = userScopes(after);
  return had !== null && (has ?? []).some((scope) => !had.includes(scope));
}

/** Null when the connector has no user tokens. */
function userScopes({ type, config }: Connector): string[] | null {
  const tokens = driverOf(type)?.capabilities(config).userTokens;
  return tokens === undefined ? null : (tokens.scopes ?? []);
}
