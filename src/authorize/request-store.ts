import type { ErrorCode } from "../errors.ts";
import { type Database, sql } from "../store/database.ts";
import type { SealedFlowSecrets } from "./flow-secrets.ts";
import { FLOWS, kindOf } from "./flow-table.ts";
import { type AuthorizationRequest, REQUEST_COLUMNS, type RequestRow, requestOfRow } from "./request-row.ts";
import type { FinalStatus, FlowStatus, InstallStatus, RequestStatus } from "./transitions.ts";

/** Open requests at once, so that nobody fills the table, or a user's screen: of a grant, and of a link's environment. */
const MAX_OPEN = { perGrant: 20, perEnvironment: 1000 };

export type NewRequest = Pick<
  AuthorizationRequest,
  | "id"
  | "connectorId"
  | "projectId"
  | "linkId"
  | "environment"
  | "grantName"
  | "asked"
  | "configRevision"
  | "revokedBeforeMs"
  | "binding"
  | "createdAtMs"
  | "expiresAtMs"
> & { verifierHash: string };

/** Stores a request unless too many are open; whether it did. One statement, so that no race gets past the caps. */
export async function insertRequest(db: Database, request: NewRequest): Promise<boolean> {
  const changes = await db.run(
    sql(
      `INSERT INTO authorization_requests (id, verifier_hash, connector_id, project_id, link_id, environment, grant_name,
         request, config_revision, revoked_before_ms, binding, status, created_at_ms, expires_at_ms)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'pending', ?12, ?13
       WHERE (SELECT count(*) FROM authorization_requests
           WHERE link_id = ?5 AND grant_name = ?7 AND expires_at_ms > ?12 AND finished_at_ms IS NULL) < ?14
         AND (SELECT count(*) FROM authorization_requests
           WHERE link_id = ?5 AND environment = ?6 AND expires_at_ms > ?12 AND finished_at_ms IS NULL) < ?15`,
      request.id,
      request.verifierHash,
      request.connectorId,
      request.projectId,
      request.linkId,
      request.environment,
      request.grantName,
      JSON.stringify(request.asked),
      request.configRevision,
      request.revokedBeforeMs,
      request.binding,
      request.createdAtMs,
      request.expiresAtMs,
      MAX_OPEN.perGrant,
      MAX_OPEN.perEnvironment,
    ),
  );
  return changes > 0;
}

export async function findRequest(db: Database, id: string): Promise<AuthorizationRequest | null> {
  const row = await db.first<RequestRow>(
    sql(`SELECT ${REQUEST_COLUMNS} FROM authorization_requests AS r WHERE r.id = ?`, id),
  );
  return row && requestOfRow(row);
}

export async function findByVerifier(db: Database, verifierHash: string): Promise<AuthorizationRequest | null> {
  const row = await db.first<RequestRow>(
    sql(`SELECT ${REQUEST_COLUMNS} FROM authorization_requests AS r WHERE r.verifier_hash = ?`, verifierHash),
  );
  return row && requestOfRow(row);
}

/** The request whose browser was sent to the provider with that `state`. */
export async function findByState(db: Database, stateHash: string): Promise<AuthorizationRequest | null> {
  const row = await db.first<RequestRow>(
    sql(`SELECT ${REQUEST_COLUMNS} FROM authorization_requests AS r WHERE r.state_hash = ?`, stateHash),
  );
  return row && requestOfRow(row);
}

/** The request whose browser was sent to sign in with that `state`. */
export async function findByLoginState(db: Database, stateHash: string): Promise<AuthorizationRequest | null> {
  const row = await db.first<RequestRow>(
    sql(`SELECT ${REQUEST_COLUMNS} FROM authorization_requests AS r WHERE r.login_state_hash = ?`, stateHash),
  );
  return row && requestOfRow(row);
}

interface StepOf<Status extends FlowStatus> {
  from: Status;
  to: Exclude<Status, FinalStatus>;
  browserHash?: string;
  stateHash?: string;
  secrets?: SealedFlowSecrets;
  legExpiresAtMs?: number;
}

/** Where an authorization goes from here, and what it knows then. What is not named stays. */
export interface Step extends StepOf<RequestStatus> {
  loginStateHash?: string;
  connectCodeHash?: string;
  /** An earlier end of the whole. */
  expiresAtMs?: number;
}

/** The same of an installation. */
export interface InstallStep extends StepOf<InstallStatus> {
  /** What the browser named, unproven: for whoever looks into what went wrong. */
  externalId?: string;
  installationId?: string;
}

/**
 * How long asking the provider or the Grant may take (ms). What was brought in time is not late because they were slow;
 * and who died meanwhile leaves a request that ends.
 */
const COMPLETING_MS = 60_000;

/** One step, if the request still is where it was seen and has not expired; whether it was this caller who took it. */
export async function takeStep(db: Database, id: string, step: Step | InstallStep, nowMs: number): Promise<boolean> {
  const kind = kindOf(id);
  const changes = await db.run(
    sql(
      `UPDATE ${FLOWS[kind].table} SET status = ?3, browser_hash = coalesce(?5 ->> 'browserHash', browser_hash),
         state_hash = coalesce(?5 ->> 'stateHash', state_hash),
         secrets_sealed = coalesce(?5 ->> '$.secrets.sealed', secrets_sealed),
         secrets_kid = coalesce(?5 ->> '$.secrets.kid', secrets_kid),
         secrets_generation = coalesce(?5 ->> '$.secrets.generation', secrets_generation),
         leg_expires_at_ms = coalesce(?5 ->> 'legExpiresAtMs', leg_expires_at_ms),
         expires_at_ms = iif(?3 = 'completing', max(expires_at_ms, ?4 + ?6),
           min(coalesce(?5 ->> 'expiresAtMs', expires_at_ms), expires_at_ms))${FLOWS[kind].learns}
       WHERE id = ?1 AND status = ?2 AND expires_at_ms > ?4`,
      id,
      step.from,
      step.to,
      nowMs,
      JSON.stringify(step),
      COMPLETING_MS,
    ),
  );
  return changes > 0;
}

export interface Ending {
  from: FlowStatus;
  to: FinalStatus;
  errorCode: ErrorCode | null;
  providerError: string | null;
}

export interface FinishTimes {
  nowMs: number;
  /** Null = nobody is to be told. */
  webhookDueAtMs: number | null;
}

/** The end of a request, with which its secrets go. Whether it was this caller who ended it. */
export async function finishRequest(db: Database, id: string, ending: Ending, times: FinishTimes): Promise<boolean> {
  const kind = kindOf(id);
  const changes = await db.run(
    sql(
      `UPDATE ${FLOWS[kind].table} SET status = ?3, error_code = ?4, provider_error = ?5, finished_at_ms = ?6,
         webhook_due_at_ms = ?7, secrets_sealed = NULL, secrets_kid = NULL${FLOWS[kind].ends}
       WHERE id = ?1 AND status = ?2`,
      id,
      ending.from,
      ending.to,
      ending.errorCode,
      ending.providerError,
      times.nowMs,
      times.webhookDueAtMs,
    ),
  );
  return changes > 0;
}

/** Counts a wrong connect code; how many there were. */
export async function countMiss(db: Database, id: string): Promise<number> {
  const row = await db.first<{ misses: number }>(
    sql(
      `UPDATE authorization_requests SET connect_code_misses = connect_code_misses + 1
       WHERE id = ? AND status = 'returned' RETURNING connect_code_misses AS misses`,
      id,
    ),
  );
  return row?.misses ?? Number.POSITIVE_INFINITY;
}
