import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { textOf, textsBelow } from "./texts.ts";

const storage = textOf("docs/storage.md");

const tablesOf = (sql: string) => [...sql.matchAll(/CREATE TABLE IF NOT EXISTS (\w+)/g)].map(([, name = ""]) => name);
const rowsOf = (markdown: string) => [...markdown.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);

describe("docs/storage.md names what is stored", () => {
  test("every table of the control plane has a line, and no line is of a table that is gone", () => {
    const [controlPlane = ""] = storage.split("\n## D1 `EVENTS`");
    const tables = tablesOf(env.TEST_SCHEMA);
    expect(tables.length).toBeGreaterThan(5);
    expect(rowsOf(controlPlane)).toEqual(tables);
  });

  test("every table of the event log has a line, and no line is of a table that is gone", () => {
    const [, log = ""] = storage.split("\n## D1 `EVENTS`");
    const tables = tablesOf(env.TEST_EVENTS_SCHEMA);
    expect(tables.length).toBeGreaterThan(2);
    expect(rowsOf(log.split("\n## ")[0] ?? "")).toEqual(tables);
  });

  test.for([
    ["a Grant", "src/grants/"],
    ["a DestinationLane", "src/triggers/lanes/"],
  ] as const)("every table of %s has a line, and no line is of a table that is gone", ([object, folder]) => {
    const [, section = ""] = storage.split(`Tables of ${object}`);
    const tables = tablesOf(Object.values(textsBelow(folder)).join("\n"));
    expect(tables.length).toBeGreaterThan(1);
    expect(rowsOf(section.split(/\n## |\nTables of /)[0] ?? "")).toEqual(tables);
  });

  test("every sealed column is named beside the key that it needs", () => {
    const columns = [...`${env.TEST_SCHEMA}${env.TEST_EVENTS_SCHEMA}`.matchAll(/^\s+(\w+_(?:sealed|kid)) /gm)].map(
      ([, name = ""]) => name,
    );
    expect(columns).toContain("secrets_sealed");
    for (const column of columns) expect(storage).toContain(`\`${column}\``);
  });

  test("every binding of the deployment is named", () => {
    const bindings = [...textOf("wrangler.toml").matchAll(/^(?:binding|name|class_name) = "([A-Za-z_]+)"/gm)].map(
      ([, name]) => name,
    );
    const named = bindings.filter((name) => name !== "valetkey");
    expect(named.length).toBeGreaterThan(5);
    for (const name of named) expect(storage).toContain(`\`${name}\``);
  });

  test("every purpose of a MAC is named", () => {
    const [, union = ""] = /type MacPurpose =([^;]+);/.exec(textOf("src/crypto/mac.ts")) ?? [];
    const purposes = [...union.matchAll(/"([\w-]+)"/g)].map(([, purpose]) => purpose);
    expect(purposes).toContain("cache");
    for (const purpose of purposes) expect(storage).toContain(`\`${purpose}\``);
  });
});
