import type { SealedFlowSecrets } from "../authorize/flow-secrets.ts";
import { COMPLETING_MS } from "../authorize/request-store.ts";
import type { FinalStatus, InstallStatus } from "../authorize/transitions.ts";
import { type Database, type Statement, sql } from "../store/database.ts";
import { INSTALL_COLUMNS, type InstallRequest, type InstallRow, installOfRow } from "./install-row.ts";

/** Open requests of a link's environment at once. */
const MAX_OPEN = 100;

export type NewInstall = Pick<
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

/** Where a request goes from here, and what it knows then. What is not named stays. */
export interface InstallStep {
  from: InstallStatus;
  to: Exclude<InstallStatus, FinalStatus>;
  browserHash?: string;
  stateHash?: string;
  externalId?: string;
  installationId?: string;
  secrets?: SealedFlowSecrets;
  legExpiresAtMs?: number;
}

/** One step, if the request still is where it was seen and has not expired; whether it was this caller who took it. */
export async function takeInstallStep(db: Database, id: string, step: InstallStep, nowMs: number): Promise<boolean> {
  const changes = await db.run(
    sql(
      `UPDATE installation_requests SET status = ?3, browser_hash = coalesce(?5, browser_hash),
         state_hash = coalesce(?6, state_hash), external_id = coalesce(?7, external_id),
         installation_id = coalesce(?8, installation_id), secrets_sealed = coalesce(?9, secrets_sealed),
         secrets_kid = coalesce(?10, secrets_kid), secrets_generation = coalesce(?11, secrets_generation),
         leg_expires_at_ms = coalesce(?12, leg_expires_at_ms),
         expires_at_ms = iif(?3 = 'completing', max(expires_at_ms, ?4 + ?13), expires_at_ms)
       WHERE id = ?1 AND status = ?2 AND expires_at_ms > ?4`,
      id,
      step.from,
      step.to,
      nowMs,
      step.browserHash ?? null,
      step.stateHash ?? null,
      step.externalId ?? null,
      step.installationId ?? null,
      step.secrets?.sealed ?? null,
      step.secrets?.kid ?? null,
      step.secrets?.generation ?? null,
      step.legExpiresAtMs ?? null,
      COMPLETING_MS,
    ),
  );
  return changes > 0;
}

/** The statement that goes with the connector of a registration. */
export function markRegistered({ id }: Pick<InstallRequest, "id">): Statement {
  return sql("UPDATE installation_requests SET registered = 1 WHERE id = ?", id);
}
