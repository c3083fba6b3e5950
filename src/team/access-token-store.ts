import type { EnvironmentId } from "../callers/caller.ts";
import type { Role } from "../callers/roles.ts";
import type { Position } from "../http/pagination.ts";
import { type Database, type Statement, sql } from "../store/database.ts";

/** An access token without its secret. */
export interface AccessTokenRecord {
  id: string;
  name: string;
  role: Role;
  projectId: string | null;
  environment: EnvironmentId | null;
  userId: string | null;
  createdAtMs: number;
  /** Null = never. */
  expiresAtMs: number | null;
}

/** How a presented secret is checked: its MAC and the master key that the MAC was made with. */
export interface SecretMac {
  mac: string;
  kid: string;
}

interface Row {
  id: string;
  name: string;
  role: Role;
  project_id: string | null;
  environment: string | null;
  user_id: string | null;
  created_at_ms: number;
  expires_at_ms: number | null;
}

/** The insertion of a new token, to run alone or in a batch. */
export function insertAccessToken(record: AccessTokenRecord, secret: SecretMac): Statement {
  return sql(
    `INSERT INTO access_tokens
       (id, name, role, project_id, environment, user_id, secret_mac, secret_mac_kid, created_at_ms, expires_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    record.id,
    record.name,
    record.role,
    record.projectId,
    record.environment,
    record.userId,
    secret.mac,
    secret.kid,
    record.createdAtMs,
    record.expiresAtMs,
  );
}

/** Up to `limit` tokens after `position`, newest first. */
export async function listAccessTokens(
  db: Database,
  position: Position<number> | null,
  limit: number,
): Promise<AccessTokenRecord[]> {
  const rows = await db.all<Row>(
    sql(
      `SELECT id, name, role, project_id, environment, user_id, created_at_ms, expires_at_ms FROM access_tokens
       WHERE (created_at_ms, id) < (?, ?) ORDER BY created_at_ms DESC, id DESC LIMIT ?`,
      position?.key ?? Number.MAX_SAFE_INTEGER,
      position?.id ?? "",
      limit,
    ),
  );
  return rows.map(recordOf);
}

/** The token with that id, or null. */
export async function findAccessToken(db: Database, id: string): Promise<AccessTokenRecord | null> {
  const row = await db.first<Row>(
    sql(
      `SELECT id, name, role, project_id, environment, user_id, created_at_ms, expires_at_ms FROM access_tokens
       WHERE id = ?`,
      id,
    ),
  );
  return row && recordOf(row);
}

/**
 * Deletes a token unless it is the last live owner of the deployment, which nobody could replace. One statement, so
 * that two owners who delete each other cannot both succeed. Returns whether it is gone.
 */
export async function deleteAccessToken(db: Database, id: string, now: number): Promise<boolean> {
  const changes = await db.run(
    sql(
      `DELETE FROM access_tokens WHERE id = ?1 AND (role <> 'owner' OR project_id IS NOT NULL OR EXISTS (
         SELECT 1 FROM access_tokens AS other
         WHERE other.role = 'owner' AND other.project_id IS NULL AND other.id <> ?1
           AND (other.expires_at_ms IS NULL OR other.expires_at_ms > ?2)))`,
      id,
      now,
    ),
  );
  return changes > 0;
}

function recordOf(row: Row): AccessTokenRecord {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    projectId: row.project_id,
    environment: row.environment,
    userId: row.user_id,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  };
}
