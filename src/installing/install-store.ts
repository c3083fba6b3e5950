import { type Database, type Statement, sql } from "../store/database.ts";
import { INSTALL_COLUMNS, type InstallRequest, type InstallRow, installOfRow } from "./install-row.ts";

/** Open requests of a link's environment at once. */
const MAX_OPEN = 100;

type NewInstall = Pick<
  InstallRequest,
  | "id"
  | "connectorId"
  | "projectId"
  | "linkId"
  | "environment"
  | "asked"
  | "configRevision"
  | "revokedBeforeMs"
  | "createdAtMs"
  | "expiresAtMs"
> & { verifierHash: string };

/** Stores a request unless too many are open; whether it did. `UniqueViolation` for a verifier that was used before. */
export async function insertInstall(db: Database, request: NewInstall): Promise<boolean> {
  // The + keeps to the index of the connector's open requests, which are few; a link has all that ended, too.
  const changes = await db.run(
    sql(
      `INSERT INTO installation_requests (id, verifier_hash, connector_id, project_id, link_id, environment, request,
         config_revision, revoked_before_ms, status, created_at_ms, expires_at_ms)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'pending', ?10, ?11
       WHERE (SELECT count(*) FROM installation_requests WHERE connector_id = ?3 AND expires_at_ms > ?10
           AND finished_at_ms IS NULL AND +link_id = ?5 AND environment = ?6) < ?12`,
      request.id,
      request.verifierHash,
      request.connectorId,
      request.projectId,
      request.linkId,
      request.environment,
      JSON.stringify(request.asked),
      request.configRevision,
      request.revokedBeforeMs,
      request.createdAtMs,
      request.expiresAtMs,
      MAX_OPEN,
    ),
  );
  return changes > 0;
}

async function firstOf(db: Database, statement: Statement): Promise<InstallRequest | null> {
  const row = await db.first<InstallRow>(statement);
  return row && installOfRow(row);
}

export function findInstall(db: Database, id: string): Promise<InstallRequest | null> {
  return firstOf(db, sql(`SELECT ${INSTALL_COLUMNS} FROM installation_requests AS r WHERE r.id = ?`, id));
}

export function findInstallByVerifier(db: Database, verifierHash: string): Promise<InstallRequest | null> {
  return firstOf(
    db,
    sql(`SELECT ${INSTALL_COLUMNS} FROM installation_requests AS r WHERE r.verifier_hash = ?`, verifierHash),
  );
}

/** The request whose browser is on the way with that `state`. */
export function findInstallByState(db: Database, stateHash: string): Promise<InstallRequest | null> {
  return firstOf(
    db,
    sql(`SELECT ${INSTALL_COLUMNS} FROM installation_requests AS r WHERE r.state_hash = ?`, stateHash),
  );
}

/** The statement that goes with the connector of a registration. */
export function markRegistered({ id }: Pick<InstallRequest, "id">): Statement {
  return sql("UPDATE installation_requests SET registered = 1 WHERE id = ?", id);
}
