import type { Position } from "../http/pagination.ts";
import { type Database, type Statement, sql } from "../store/database.ts";
import type { Installation } from "./installation.ts";

/** The columns of an installation, of `installations AS i`. */
export const INSTALLATION_COLUMNS = `i.id, i.connector_id AS connectorId, i.tenant_id AS tenantId, i.external_id AS externalId,
  i.name, i.details, i.state, i.changed_at_ms AS changedAtMs, i.revoked_before_ms AS revokedBeforeMs,
  i.created_at_ms AS createdAtMs, i.updated_at_ms AS updatedAtMs`;

/** A row as `INSTALLATION_COLUMNS` selects it. Only this code writes them. */
export type InstallationRow = Omit<Installation, "details"> & { details: string };

export function installationOfRow(row: InstallationRow): Installation {
  return { ...row, details: JSON.parse(row.details) };
}

async function firstOf(db: Database, statement: Statement): Promise<Installation | null> {
  const row = await db.first<InstallationRow>(statement);
  return row === null ? null : installationOfRow(row);
}

/** The installation by our own id, of whatever connector and in whatever state. */
export function installationById(db: Database, id: string): Promise<Installation | null> {
  return firstOf(db, sql(`SELECT ${INSTALLATION_COLUMNS} FROM installations AS i WHERE i.id = ?`, id));
}

/** Of a connector (?1) the ids that references (?2, a JSON list) name, each in its place; empty or null = none. */
const NAMED = `SELECT coalesce(
    (SELECT o.id FROM installations AS o WHERE o.id = json_each.value AND o.connector_id = ?1),
    (SELECT iif(count(*) = 1, min(p.id), '') FROM installations AS p
     WHERE p.connector_id = ?1 AND (p.external_id = json_each.value OR p.tenant_id = json_each.value)
     HAVING count(*) > 0),
    (SELECT min(n.id) FROM installations AS n
     WHERE n.connector_id = ?1 AND n.name = json_each.value COLLATE NOCASE AND n.state <> 'removed'
       AND json_each.value GLOB '*[^0-9]*'
     HAVING count(*) = 1)) AS id
  FROM json_each(?2)`;

/**
 * The installation of a connector that a reference names: our own id, else the provider's id of it or of its tenant, in
 * whatever state, else the tenant's name in any case, of those that are there. What could be two of them names none; and
 * digits are an id, never the name that a stranger's account may have.
 */
export function findInstallation(db: Database, connectorId: string, reference: string): Promise<Installation | null> {
  return firstOf(
    db,
    sql(
      `SELECT ${INSTALLATION_COLUMNS} FROM installations AS i WHERE i.id = (${NAMED})`,
      connectorId,
      JSON.stringify([reference]),
    ),
  );
}

/** Our ids of what references name, as `findInstallation` finds it, each in its place; null = nothing. */
export async function installationIds(
  db: Database,
  connectorId: string,
  references: readonly string[],
): Promise<(string | null)[]> {
  const rows = await db.all<{ id: string | null }>(sql(NAMED, connectorId, JSON.stringify(references)));
  return rows.map(({ id }) => id || null);
}

/** The connector's default, in whatever state; null = it has none. */
export function defaultInstallation(db: Database, connectorId: string): Promise<Installation | null> {
  return firstOf(
    db,
    sql(
      `SELECT ${INSTALLATION_COLUMNS} FROM connectors AS c JOIN installations AS i ON i.id = c.default_installation_id
       WHERE c.id = ?`,
      connectorId,
    ),
  );
}

/**
 * The only installation of a connector that a flow or an operator brought, and that is not removed; null = there is none,
 * or more than one. Strangers who installed a public app do not count.
 */
export async function onlyInstallation(db: Database, connectorId: string): Promise<Installation | null> {
  const rows = await db.all<InstallationRow>(
    sql(
      `SELECT ${INSTALLATION_COLUMNS} FROM installations AS i
       WHERE i.connector_id = ? AND i.state <> 'removed' AND i.is_own = 1 LIMIT 2`,
      connectorId,
    ),
  );
  const [only, another] = rows;
  return only === undefined || another !== undefined ? null : installationOfRow(only);
}

/** Where a page that ends with this installation ends. */
export function installationPosition({ createdAtMs, id }: Installation): Position<number> {
  return { key: createdAtMs, id };
}

/**
 * At most `limit` installations of a connector after a position, oldest first. `search` is part of a name, its case
 * ignored, or one of the provider's ids.
 */
export async function listInstallations(
  db: Database,
  { connectorId, search }: { connectorId: string; search: string | null },
  page: { after: Position<number> | null; limit: number },
): Promise<Installation[]> {
  const rows = await db.all<InstallationRow>(
    sql(
      `SELECT ${INSTALLATION_COLUMNS} FROM installations AS i
       WHERE i.connector_id = ?1 AND (i.created_at_ms, i.id) > (?2, ?3)
         AND (?4 IS NULL OR instr(lower(i.name), lower(?4)) > 0 OR i.external_id = ?4 OR i.tenant_id = ?4)
       ORDER BY i.created_at_ms, i.id LIMIT ?5`,
      connectorId,
      page.after?.key ?? -1,
      page.after?.id ?? "",
      search,
      page.limit,
    ),
  );
  return rows.map(installationOfRow);
}
