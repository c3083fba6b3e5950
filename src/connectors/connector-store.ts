import { type Database, type Statement, sql } from "../store/database.ts";
import { advanceRevocationClock, startRevocationWalk } from "../store/revocation-clock.ts";
import { CONNECTOR_COLUMNS, type Connector, type ConnectorRow, connectorOfRow } from "./connector-row.ts";
import { type LeaseSettings, selectLease } from "./lease-change.ts";
import { checkUid, isConnectorId } from "./uid.ts";

/** What a reference names. A deleted connector is found by id only: its uid is free again. */
export type FoundConnector = { state: "live" | "deleted"; connector: Connector } | null;

const NAMED_BY = { id: "c.id = ?1", uid: "c.uid = ?1 AND c.deleted_at_ms IS NULL" };

/** The one resolver of connector references, ids and uids; anything that is neither names nothing. */
export async function findConnector(db: Database, reference: string): Promise<FoundConnector> {
  const kind = isConnectorId(reference) ? "id" : "uid";
  if (kind === "uid" && !checkUid(reference).ok) return null;
  const row = await db.first<ConnectorRow>(
    sql(`SELECT ${CONNECTOR_COLUMNS} FROM connectors AS c WHERE ${NAMED_BY[kind]}`, reference),
  );
  if (row === null) return null;
  const connector = connectorOfRow(row);
  return { state: connector.deletedAtMs === null ? "live" : "deleted", connector };
}

/** The statement that stores a new connector; `UniqueViolation` when its uid is taken. */
export function insertConnector(connector: Connector): Statement {
  return sql(
    `INSERT INTO connectors (id, uid, name, type, service, config, secrets_sealed, secrets_kid, secret_names,
       secrets_generation, revision, config_revision, lease_seconds, previous_lease_seconds, lease_changed_at_ms,
       minimum_binding, region, branding, created_by, updated_by, created_at_ms, updated_at_ms,
       draft, connection_method, target, creation_mode)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    connector.id,
    connector.uid,
    connector.name,
    connector.type,
    connector.service,
    JSON.stringify(connector.config),
    connector.secretsSealed,
    connector.secretsKid,
    JSON.stringify(connector.secretNames),
    connector.secretsGeneration,
    connector.revision,
    connector.configRevision,
    connector.leaseSeconds,
    connector.previousLeaseSeconds,
    connector.leaseChangedAtMs,
    connector.minimumBinding,
    connector.region,
    JSON.stringify(connector.branding),
    jsonOrNull(connector.createdBy),
    jsonOrNull(connector.updatedBy),
    connector.createdAtMs,
    connector.updatedAtMs,
    connector.draft ? 1 : 0,
    connector.connectionMethod,
    connector.target,
    connector.creationMode,
  );
}

/**
 * Stores `next` if the connector is still the `current` one, else changes nothing and answers false. Re-sealing its
 * secrets is a change that no revision shows, and must not be undone. `isMoved` = it is another provider's by that, where
 * nothing that is known of installations is true: with any of those, false, too.
 * `UniqueViolation` when a new uid is taken. Id, type, region and creation never change.
 */
export async function updateConnector(
  db: Database,
  next: Connector,
  current: Pick<Connector, "revision" | "secretsGeneration">,
  isMoved = false,
): Promise<boolean> {
  const changes = await db.run(
    sql(
      `UPDATE connectors SET uid = ?, name = ?, service = ?, draft = ?, config = ?, secrets_sealed = ?, secrets_kid = ?, secret_names = ?,
         secrets_generation = ?, revision = ?, config_revision = ?, lease_seconds = ?, previous_lease_seconds = ?, lease_changed_at_ms = ?,
         minimum_binding = ?, branding = ?, default_installation_id = ?, updated_by = ?, updated_at_ms = ?
       WHERE id = ? AND revision = ? AND secrets_generation = ? AND deleted_at_ms IS NULL
         AND NOT (? AND EXISTS (SELECT 1 FROM installations AS i WHERE i.connector_id = connectors.id))`,
      next.uid,
      next.name,
      next.service,
      next.draft ? 1 : 0,
      JSON.stringify(next.config),
      next.secretsSealed,
      next.secretsKid,
      JSON.stringify(next.secretNames),
      next.secretsGeneration,
      next.revision,
      next.configRevision,
      next.leaseSeconds,
      next.previousLeaseSeconds,
      next.leaseChangedAtMs,
      next.minimumBinding,
      JSON.stringify(next.branding),
      next.defaultInstallationId,
      jsonOrNull(next.updatedBy),
      next.updatedAtMs,
      next.id,
      current.revision,
      current.secretsGeneration,
      isMoved ? 1 : 0,
    ),
  );
  return changes === 1;
}

/**
 * Deletes the connector if it is still at `revision`: links go, its ingress and destinations go, tokens are revoked, and a sealed tombstone stays
 * for the upstream revocations of the walk. The leases in force then; null = it changed meanwhile, and nothing was
 * deleted.
 */
export async function deleteConnector(
  db: Database,
  connector: Pick<Connector, "id" | "revision">,
  nowMs: number,
): Promise<LeaseSettings | null> {
  const results = await db.batch<LeaseSettings[]>([
    advanceRevocationClock(nowMs),
    sql(
      `UPDATE connectors SET deleted_at_ms = ?1, updated_at_ms = ?1, revision = revision + 1,
         revoked_before_ms = (SELECT revocation_clock_ms FROM team)
       WHERE id = ?2 AND revision = ?3 AND deleted_at_ms IS NULL`,
      nowMs,
      connector.id,
      connector.revision,
    ),
    sql(
      `DELETE FROM links WHERE connector_id = ?1
         AND EXISTS (SELECT 1 FROM connectors WHERE id = ?1 AND deleted_at_ms IS NOT NULL)`,
      connector.id,
    ),
    sql(
      `DELETE FROM destinations WHERE connector_id = ?1
         AND EXISTS (SELECT 1 FROM connectors WHERE id = ?1 AND deleted_at_ms IS NOT NULL)`,
      connector.id,
    ),
    sql(
      `DELETE FROM triggers WHERE connector_id = ?1
         AND EXISTS (SELECT 1 FROM connectors WHERE id = ?1 AND deleted_at_ms IS NOT NULL)`,
      connector.id,
    ),
    // Harmless where nothing was deleted: the walk then tells Grants a value that they know.
    startRevocationWalk(connector.id, nowMs),
    selectLease(connector.id),
  ]);
  // Rows that went with others are counted with them, but the tombstone's statement removes none.
  return results[1]?.changes === 1 ? (results.at(-1)?.rows[0] ?? null) : null;
}

/**
 * The highest numeric suffix among live uids `<base>-<n>`, 1 when only `base` itself may exist.
 * For the next try of a generated uid.
 */
export async function highestUidNumber(db: Database, base: string): Promise<number> {
  // '.' follows '-' in ASCII, so the range holds exactly the uids that start with `<base>-`, and the index serves it.
  const row = await db.first<{ highest: number | null }>(
    sql(
      `SELECT max(CAST(substr(uid, length(?1) + 2) AS INTEGER)) AS highest FROM connectors
       WHERE deleted_at_ms IS NULL AND uid >= ?1 || '-' AND uid < ?1 || '.'
         AND substr(uid, length(?1) + 2) NOT GLOB '*[^0-9]*' AND length(uid) < length(?1) + 8`,
      base,
    ),
  );
  return Math.max(1, row?.highest ?? 1);
}

function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
