import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { root } from "../../scripts/paths.ts";

export interface Migration {
  /** Its number. */
  version: number;
  name: string;
  sql: string;
}

/** All migrations, in the order in which they are applied. */
export const migrations: Migration[] = readdirSync(join(root, "migrations"))
  .filter((name) => name.endsWith(".sql"))
  .sort()
  .map((name) => ({
    version: Number(name.slice(0, 4)),
    name,
    sql: readFileSync(join(root, "migrations", name), "utf8"),
  }));

/** The same of the event log. */
export const eventsMigrations: string[] = readdirSync(join(root, "migrations/events"))
  .sort()
  .map((name) => readFileSync(join(root, "migrations/events", name), "utf8"));

export const eventsSchema = readFileSync(join(root, "schema.events.sql"), "utf8");

export const schema = readFileSync(join(root, "schema.sql"), "utf8");

/** An empty database in memory that holds to foreign keys, as D1 does. */
export function emptyDatabase(): DatabaseSync {
  return new DatabaseSync(":memory:", { enableForeignKeyConstraints: true });
}

export function migrated(db: DatabaseSync, from: number, to: number): DatabaseSync {
  for (const { version, sql } of migrations) if (version > from && version <= to) db.exec(sql);
  return db;
}

/** Reads the definitions; for `definitions`. */
export const DEFINITIONS = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name";

export function schemaOf(db: DatabaseSync): Record<string, string> {
  return definitions(db.prepare(DEFINITIONS).all());
}

/** Every table and index by name, its definition without comments, spacing and `IF NOT EXISTS`. */
export function definitions(rows: Record<string, unknown>[]): Record<string, string> {
  return Object.fromEntries(
    rows
      .map(({ name, sql }): [string, string] => [String(name), normalized(String(sql))])
      // Wrangler's own record of what it has applied, and D1's of itself.
      .filter(([name]) => !/^(d1_migrations|sqlite_sequence|_cf_\w+)$/.test(name)),
  );
}

function normalized(sql: string): string {
  return sql
    .replaceAll(/--.*$/gm, "")
    .replaceAll(/\bIF NOT EXISTS\b/g, "")
    .replaceAll('"', "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([(),]) ?/g, "$1")
    .trim();
}

export function tablesOf(db: DatabaseSync): string[] {
  return db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    .all()
    .map(({ name }) => String(name));
}

/** Every row of a table, in no particular order. */
export function rowsOf(db: DatabaseSync, table: string): Record<string, unknown>[] {
  return db.prepare(`SELECT * FROM "${table}"`).all();
}
