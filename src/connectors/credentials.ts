import type { ConnectorType } from "../catalog/connector-types.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type { Secret } from "../crypto/secret.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Database } from "../store/database.ts";
import { openSecrets } from "./connector-secrets.ts";
import { findConnector } from "./connector-store.ts";

/** What a driver needs of a connector to speak to its provider. */
export interface Credentials {
  type: ConnectorType;
  /** The driver's public configuration. */
  config: unknown;
  secrets: Record<string, Secret>;
  configRevision: number;
}

/**
 * The credentials of a connector by its id, from the primary. `includeDeleted` also opens a tombstone, for
 * upstream revocation. `not_found`, `key_missing` or `decryption_failed`.
 */
export async function loadCredentials(
  db: Database,
  keys: KeyRing,
  team: string,
  connectorId: string,
  options: { includeDeleted?: boolean } = {},
): Promise<Result<Credentials>> {
  const found = await findConnector(db, connectorId);
  if (found === null || (found.state === "deleted" && options.includeDeleted !== true)) return fail("not_found");
  const { type, config, configRevision } = found.connector;
  const secrets = await openSecrets(keys, team, found.connector);
  return secrets.ok ? ok({ type, config, secrets: secrets.value, configRevision }) : secrets;
}
