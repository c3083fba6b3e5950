import { type Database, sql } from "../store/database.ts";

/** The one team of this deployment. */
export interface Team {
  id: string;
  name: string;
  createdAtMs: number;
}

/** Never changes once it is there, so an isolate reads it once. Keyed by database: the store, not a request, owns it. */
const known = new WeakMap<Database, Team>();

/** The team, or null before setup. */
export async function findTeam(db: Database): Promise<Team | null> {
  const remembered = known.get(db);
  if (remembered) return remembered;
  const row = await db.first<{ id: string; name: string; created_at_ms: number }>(
    sql("SELECT id, name, created_at_ms FROM team WHERE singleton = 1"),
  );
  if (row === null) return null;
  const team = { id: row.id, name: row.name, createdAtMs: row.created_at_ms };
  known.set(db, team);
  return team;
}
