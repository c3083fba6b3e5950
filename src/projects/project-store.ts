import { ApiError } from "../errors.ts";
import type { Position } from "../http/pagination.ts";
import { type Database, sql } from "../store/database.ts";

export interface Project {
  id: string;
  slug: string;
  name: string;
  createdAtMs: number;
  updatedAtMs: number;
}

/** Every project has these from the start; they cannot be removed. */
export const STANDARD_ENVIRONMENTS = ["production", "preview", "development"] as const;

interface Row {
  id: string;
  slug: string;
  name: string;
  created_at_ms: number;
  updated_at_ms: number;
}

/** Writes a project with its standard environments, all or nothing. Throws `UniqueViolation` when the slug is taken. */
export async function insertProject(db: Database, project: Project): Promise<void> {
  await db.batch([
    sql(
      "INSERT INTO projects (id, slug, name, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?, ?)",
      project.id,
      project.slug,
      project.name,
      project.createdAtMs,
      project.updatedAtMs,
    ),
    ...STANDARD_ENVIRONMENTS.map((id) =>
      sql(
        "INSERT INTO environments (project_id, id, slug, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?, ?)",
        project.id,
        id,
        id,
        project.createdAtMs,
        project.updatedAtMs,
      ),
    ),
  ]);
}

/** The project with that id or slug (slugs never look like ids), or null. */
export async function findProject(db: Database, idOrSlug: string): Promise<Project | null> {
  const row = await db.first<Row>(
    idOrSlug.startsWith("prj_")
      ? sql("SELECT id, slug, name, created_at_ms, updated_at_ms FROM projects WHERE id = ?", idOrSlug)
      : sql("SELECT id, slug, name, created_at_ms, updated_at_ms FROM projects WHERE slug = ?", idOrSlug),
  );
  return row && projectOf(row);
}

/** The same, or `not_found` thrown. */
export async function requireProject(db: Database, idOrSlug: string | undefined): Promise<Project> {
  const project = idOrSlug === undefined ? null : await findProject(db, idOrSlug);
  if (project === null) throw new ApiError("not_found", { message: "There is no such project." });
  return project;
}

/** The id that a path's project parameter stands for; null without a parameter or a project. */
export async function resolveProjectId(db: Database, idOrSlug: string | undefined): Promise<string | null> {
  if (idOrSlug === undefined) return null;
  return (await findProject(db, idOrSlug))?.id ?? null;
}

/** Up to `limit` projects after `position`, by slug. */
export async function listProjects(db: Database, position: Position<string> | null, limit: number): Promise<Project[]> {
  const rows = await db.all<Row>(
    sql(
      "SELECT id, slug, name, created_at_ms, updated_at_ms FROM projects WHERE slug > ? ORDER BY slug LIMIT ?",
      position?.key ?? "",
      limit,
    ),
  );
  return rows.map(projectOf);
}

function projectOf(row: Row): Project {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  };
}
