import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, test } from "vitest";
import { REFERENCES_SQL } from "../../scripts/deploy/references.ts";
import { runWrangler, wranglerEnvironment } from "../../scripts/wrangler.ts";
import {
  DEFINITIONS,
  definitions,
  emptyDatabase,
  eventsMigrations,
  eventsSchema,
  migrated,
  migrations,
  rowsOf,
  schema,
  schemaOf,
  tablesOf,
} from "./database-schema.ts";
import { dataOf, EVENTS_DATA } from "./migration-data.ts";

const present = migrations.at(-1)?.version ?? 0;

describe("schema.sql is the whole schema", () => {
  test("migrations are numbered from 1 without a gap", () => {
    expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, index) => index + 1));
    for (const { name } of migrations) expect(name).toMatch(/^\d{4}_[a-z0-9_]+\.sql$/);
  });

  test("an empty database that all migrations were applied to has exactly the tables and indexes of schema.sql", () => {
    const whole = emptyDatabase();
    whole.exec(schema);
    expect(schemaOf(migrated(emptyDatabase(), 0, present))).toEqual(schemaOf(whole));
  });

  test("the first migration leaves a database alone that was made from the schema of its day", () => {
    const [first] = migrations;
    const db = emptyDatabase();
    db.exec(first?.sql ?? "");
    const before = schemaOf(db);
    db.exec(first?.sql ?? "");
    expect(schemaOf(db)).toEqual(before);
  });
});

test("schema.events.sql is the whole schema of the event log, which its migrations come to", () => {
  const [whole, stepwise] = [emptyDatabase(), emptyDatabase()];
  whole.exec(eventsSchema);
  for (const sql of eventsMigrations) stepwise.exec(sql);
  expect(schemaOf(stepwise)).toEqual(schemaOf(whole));
  expect(tablesOf(whole)).toContain("events");
});

test("dead letters of before keep everything, and may need any key", () => {
  const [first = "", ...later] = eventsMigrations;
  const db = emptyDatabase();
  db.exec(`${first} ${EVENTS_DATA}`);
  const before = new Map(tablesOf(db).map((table) => [table, rowsOf(db, table)]));
  for (const sql of later) db.exec(sql);
  for (const [table, rows] of before) {
    expect(rowsOf(db, table)).toEqual(rows.map((row) => expect.objectContaining(row)));
    expect([table, rows.length > 0]).toEqual([table, true]);
  }
  expect(rowsOf(db, "dead_letters")).toMatchObject([{ body_kid: "" }]);
});

describe("an older database", () => {
  const older = migrations.map(({ version }) => version).slice(0, -1);

  test.for(older)("of version %i keeps every row with every value", (version) => {
    const db = filled(version);
    const before = new Map(tablesOf(db).map((table) => [table, rowsOf(db, table)]));
    for (const [table, rows] of before) expect([table, rows.length > 0]).toEqual([table, true]);
    migrated(db, version, present);
    for (const [table, rows] of before) {
      const after = rowsOf(db, table);
      for (const row of rows) expect(after).toContainEqual(expect.objectContaining(row));
      expect(after).toHaveLength(rows.length);
    }
    expect(db.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
    expect(db.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    const whole = emptyDatabase();
    whole.exec(schema);
    expect(schemaOf(db)).toEqual(schemaOf(whole));
  });

  test("from before keys of Grants were counted lists each Grant as needing an unknown one", () => {
    const db = migrated(filled(1), 1, present);
    const names = rowsOf(db, "grants").map(({ name }) => name);
    expect(rowsOf(db, "grant_keys")).toEqual(names.map((name) => ({ grant_name: name, kid: "" })));
  });
});

describe("wrangler", () => {
  let scratch = "";
  afterEach(async () => rm(scratch, { recursive: true, force: true }));

  test("applies the migrations offline, once each, to a database that schema.sql had made in the first version, and answers what a deploy asks", {
    // Six runs of wrangler, which a busy machine takes its time for.
    timeout: 120_000,
  }, async () => {
    scratch = await mkdtemp(join(tmpdir(), "valetkey-migrations-"));
    const target = ["DB", "--local", "--persist-to", scratch];
    const environment = wranglerEnvironment(scratch);
    const first = ["d1", "execute", ...target, "--yes", "--file", `migrations/${migrations[0]?.name}`];
    await runWrangler(first, environment);
    const applied = await runWrangler(["d1", "migrations", "apply", ...target], environment);
    for (const { name } of migrations) expect(applied).toContain(name);
    expect(await runWrangler(["d1", "migrations", "apply", ...target], environment)).toContain(
      "No migrations to apply",
    );
    const events = ["EVENTS", ...target.slice(1)];
    expect(await runWrangler(["d1", "migrations", "apply", ...events], environment)).toContain(
      "0002_dead_letter_keys.sql",
    );
    const whole = emptyDatabase();
    whole.exec(schema);
    const shown = await runWrangler(["d1", "execute", ...target, "--json", "--command", DEFINITIONS], environment);
    const [{ results }] = JSON.parse(shown);
    expect(definitions(results)).toEqual(schemaOf(whole));

    const rows = `${dataOf(1)} INSERT INTO grant_keys VALUES ('g1:a', 'k3'), ('g1:b', '')`.replaceAll(/\s+/g, " ");
    await runWrangler(["d1", "execute", ...target, "--command", rows], environment);
    const asked = await runWrangler(["d1", "execute", ...target, "--json", "--command", REFERENCES_SQL], environment);
    const answered: { results: { kid: string }[] }[] = JSON.parse(asked);
    const kids = answered.flatMap(({ results: found }) => found.map(({ kid }) => kid));
    expect([...new Set(kids)].sort()).toEqual(["", "k0", "k1", "k3"]);
  });
});

/** A database of that version with rows in every table that it has. */
function filled(version: number): DatabaseSync {
  const db = emptyDatabase();
  for (const { version: step } of migrations) {
    if (step > version) break;
    migrated(db, step - 1, step);
    db.exec(dataOf(step));
  }
  return db;
}
