import type { Driver, TokenGroup } from "../catalog/driver.ts";
import type { GrantDescription } from "../grants/protocol.ts";
import { canonicalSet } from "../tokens/canonical.ts";
import type { ConnectorSnapshot } from "../tokens/snapshot.ts";

/**
 * What is asked for when scopes are named: those, and what the user has granted already, so that asking for one more
 * takes none away. What the link's ceiling or the connector no longer allows is not asked for again.
 */
export function steppedUp(
  group: TokenGroup,
  granted: Pick<GrantDescription, "state" | "scopes"> | null,
  { connector, link }: Pick<ConnectorSnapshot, "connector" | "link">,
  driver: Pick<Driver, "resolveGroup">,
): TokenGroup {
  if (granted?.state !== "active") return group;
  const kept = granted.scopes.filter((scope) => link.scopes === null || link.scopes.includes(scope));
  const scopes = canonicalSet([...group.scopes, ...kept]);
  const union = driver.resolveGroup(connector.config, "user", { ...group, scopes });
  return union.ok ? union.value : group;
}
