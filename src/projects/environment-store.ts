import type { EnvironmentId } from "../callers/caller.ts";
import { ApiError } from "../errors.ts";
import type { Position } from "../http/pagination.ts";
import { type Database, sql } from "../store/database.ts";

export interface Environment {
  projectId: string;
  /** `production`, `preview`, `development` or `env_…`. */
  id: EnvironmentId;
  slug: string;
  /** Where the application lives there; a template with `{branch}` is possible for preview. */
  origin: string | null;
  createdAtMs: number;
  updatedAtMs: number;
}

interface Row {
  project_id: string;
  id: string;
  slug: string;
  origin: string | null;
  created_at_ms: number;
  updated_at_ms: number;
}

/** Throws `UniqueViolation` when the project has an environment of that slug. */
export async function insertEnvironment(db: Database, environment: Environment): Promise<void> {
  await db.run(
    sql(
      "INSERT INTO environments (project_id, id, slug, origin, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
      environment.projectId,
      environment.id,
      environment.slug,
      environment.origin,
      environment.createdAtMs,
      environment.updatedAtMs,
    ),
  );
}

/** Sets or clears an environment's origin; the environment as it is now, or null if there is none. */
export async function setOrigin(
  db: Database,
  change: Pick<Environment, "projectId" | "id" | "origin">,
  now: number,
): Promise<Environment | null> {
  const row = await db.first<Row>(
    sql(
      `UPDATE environments SET origin = ?, updated_at_ms = ? WHERE project_id = ? AND id = ?
       RETURNING project_id, id, slug, origin, created_at_ms, updated_at_ms`,
      change.origin,
      now,
      change.projectId,
      change.id,
    ),
  );
  return row && environmentOf(row);
}

/** The environment of a project by its id; `bad_request` is thrown if the project has none such. */
export async function requireEnvironment(db: Database, projectId: string, id: string): Promise<Environment> {
  const row = await db.first<Row>(
    sql(
      `SELECT project_id, id, slug, origin, created_at_ms, updated_at_ms FROM environments
       WHERE project_id = ? AND id = ?`,
      projectId,
      id,
    ),
  );
  if (row === null) {
    throw new ApiError("bad_request", {
      message:
        "environment: the project has no such environment. Use production, preview, development or the id (env_…) of a custom one.",
    });
  }
  return environmentOf(row);
}

/** Up to `limit` environments of a project after `position`, by id. */
export async function listEnvironments(
  db: Database,
  projectId: string,
  position: Position<string> | null,
  limit: number,
): Promise<Environment[]> {
  const rows = await db.all<Row>(
    sql(
      `SELECT project_id, id, slug, origin, created_at_ms, updated_at_ms FROM environments
       WHERE project_id = ? AND id > ? ORDER BY id LIMIT ?`,
      projectId,
      position?.id ?? "",
      limit,
    ),
  );
  return rows.map(environmentOf);
}

function environmentOf(row: Row): Environment {
  return {
    projectId: row.project_id,
    id: row.id,
    slug: row.slug,
    origin: row.origin,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  };
}
