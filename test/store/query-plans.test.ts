import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { finishRequest, takeStep } from "../../src/authorize/request-store.ts";
import { keepUpRequests, nextUpkeepAtMs } from "../../src/authorize/request-upkeep.ts";
import { claimTry, settleWebhook } from "../../src/authorize/webhook-store.ts";
import { CONNECTOR_SORTS, connectorListStatement } from "../../src/connectors/connector-list.ts";
import { findConnector } from "../../src/connectors/connector-store.ts";
import { linkListStatement } from "../../src/connectors/link-store.ts";
import {
  countAllReferences,
  countReferences,
  eventKeyReferenceStatements,
  keyReferenceStatements,
} from "../../src/keys/references.ts";
import type { ResealRun } from "../../src/keys/reseal-run.ts";
import { SEALED_ROWS } from "../../src/keys/sealed-rows.ts";
import { type Database, d1Database, type Statement } from "../../src/store/database.ts";
import { type RevocableTable, revokeRow } from "../../src/store/revocation-clock.ts";
import { textsBelow } from "../docs/texts.ts";
import { type SqlSite, sqlSites } from "./sql-texts.ts";

/**
 * Steps of a plan that read or sort a whole thing, and why that is bounded whatever the deployment holds. Matched
 * against the step, a line feed, and the statement: an alias alone could be any table's.
 */
const BOUNDED: readonly (readonly [step: RegExp, why: string])[] = [
  [/^SCAN team\n/, "one row, by a constraint"],
  [/^SCAN issuer_keys\b/, "the signing keys of the own issuer: two or three, the retired are deleted"],
  [/^SCAN CONSTANT ROW\n/, "one row, made up"],
  [/^SCAN json_each\b/, "a list: bound to the statement, or the environments of one link"],
  [/^SCAN kids\n/, "the master keys that there are"],
  [/^SCAN w\n\s*SELECT w\.kid, w\.grant_name /, "the page that the subquery limited"],
  [
    /^(?:SCAN (?:made|known|u|\(subquery-\d\))|USE TEMP B-TREE FOR ORDER BY)[^\n]*\n\s*UPDATE deliveries SET\s+attempts =/,
    "the updates of one call, and the attempts of a delivery: twelve at most, and the new ones",
  ],
  [/^SCAN \(subquery-\d\)\n\s*INSERT INTO events /, "one row, made up"],
  [/^SCAN searched\n[\s\S]* LIMIT \?2\) AS searched\n/, "the events of one page, that the subquery limited"],
  [/^USE TEMP B-TREE FOR ORDER BY\n[\s\S]* LIMIT \?2\) AS searched\n/, "the same, or their deliveries"],
  [/^SCAN r USING INDEX replays_open\n/, "the replays that are running, and of those the first few"],
];

const RUN: ResealRun = {
  primaryKid: "k2",
  stage: "connectors",
  afterKid: "",
  afterId: "",
  resealed: 0,
  missed: 0,
  dueAtMs: null,
  startedAtMs: 0,
  finishedAtMs: null,
};
const ROW = { id: "x", kid: "k1", sealed: "x", generation: 1 };

const sources = textsBelow("src/");
const sites = sqlSites(sources);

/** What the statements of one part of the code put together at run time, by the expressions that do it. */
const COMPUTED: Record<string, () => Promise<Statement[]> | Statement[]> = {
  "ORDERS[sort].after": connectorLists,
  "ORDERS[sort].by": connectorLists,
  "NAMED_BY[kind]": () =>
    recorded(async (db) => {
      await findConnector(db, "scl_00000000000000000000");
      await findConnector(db, "slack/acme");
    }),
  "FLOWS[kind].table": flowStatements,
  "FLOWS[kind].learns": flowStatements,
  "FLOWS[kind].ends": flowStatements,
  "OWNERS[owner.of]": () =>
    (["connector", "project"] as const).map((of) => linkListStatement({ of, id: "x" }, { after: null, limit: 5 })),
  "REVOKE[table]": () => {
    const tables: Record<RevocableTable, true> = {
      team: true,
      projects: true,
      connectors: true,
      links: true,
      installations: true,
    };
    return Object.keys(tables).flatMap((table) => revokeRow(table as RevocableTable, "x", 1));
  },
  pageText: () => Object.values(SEALED_ROWS).map(({ page }) => page(RUN, 5)),
  countedText: () => Object.values(SEALED_ROWS).map(({ replace }) => replace(ROW, ROW)),
  sameText: () => Object.values(SEALED_ROWS).map(({ replace }) => replace(ROW, ROW)),
  "REFERENCES[referrer].distinct": keyReferenceStatements,
  "REFERENCES[referrer].counts": () => recorded(countReferences),
  "EVENT_REFERENCES[referrer].distinct": eventKeyReferenceStatements,
  "EVENT_REFERENCES[each].counts": () =>
    recorded((events) => countAllReferences({ db: d1Database(env.DB), events }), env.EVENTS),
};

/** Of authorizations and installations alike. */
function flowStatements(): Promise<Statement[]> {
  return recorded(async (db) => {
    for (const id of ["sca_none", "sci_none"]) {
      const ending = { from: "pending", to: "canceled", errorCode: null, providerError: null } as const;
      await takeStep(db, id, { from: "pending", to: "completing" }, 0);
      await finishRequest(db, id, ending, { nowMs: 0, webhookDueAtMs: null });
      await claimTry(db, { id, webhookTries: 0 }, 0);
      await settleWebhook(db, id);
    }
    await nextUpkeepAtMs(db);
    // Nothing is due, so that no more of its services is reached.
    await keepUpRequests({ db, now: () => 0 } as unknown as Parameters<typeof keepUpRequests>[0]);
  });
}

function connectorLists(): Statement[] {
  const filter = { projectId: "p", search: "s", types: ["oauth"], services: ["x"] };
  return CONNECTOR_SORTS.map((sort) => connectorListStatement(filter, { sort, after: null, limit: 5 }));
}

async function recorded(work: (db: Database) => Promise<unknown>, on = env.DB): Promise<Statement[]> {
  const statements: Statement[] = [];
  const real = d1Database(on);
  const noted = (statement: Statement) => {
    statements.push(statement);
    return statement;
  };
  await work({
    first: (statement) => real.first(noted(statement)),
    all: (statement) => real.all(noted(statement)),
    run: (statement) => real.run(noted(statement)),
    batch: (batch) => real.batch(batch.map(noted)),
  });
  return statements;
}

/** The event log's tables have names of their own, so that a statement says by itself which database it is for. */
const OF_EVENTS = new RegExp(
  `\\b(?:FROM|INTO|UPDATE|JOIN) (?:${[...env.TEST_EVENTS_SCHEMA.matchAll(/CREATE TABLE IF NOT EXISTS (\w+)/g)].map(([, name]) => name).join("|")})\\b`,
);

/** The steps of its plan that read more than they look up. */
async function walksOf(text: string): Promise<string[]> {
  const db = OF_EVENTS.test(text) ? env.EVENTS : env.DB;
  const numbers = [...text.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number));
  const parameters = numbers.length > 0 ? Math.max(...numbers) : text.split("?").length - 1;
  const plan = await db
    .prepare(`EXPLAIN QUERY PLAN ${text}`)
    .bind(...Array.from({ length: parameters }, () => null))
    .all<{ detail: string }>();
  const steps = plan.results.map(({ detail }) => detail);
  return steps.filter((step) => /^SCAN\b|TEMP B-TREE|AUTOMATIC/.test(step));
}

/** The texts of a site: its own, or what is put together there; throws where nobody says what that is. */
async function textsOfSite({ at, text, unresolved }: SqlSite): Promise<string[]> {
  if (unresolved.length === 0) return [text];
  const pieces = text.split(/\$\{[^{}]+\}/).map((piece) => piece.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const shape = new RegExp(`^${pieces.join("[^]+")}$`);
  const texts = new Set<string>();
  for (const expression of unresolved) {
    const statements = (await COMPUTED[expression]?.()) ?? [];
    const own = statements.filter(({ sql }) => shape.test(sql));
    if (own.length === 0) throw new Error(`${at}: COMPUTED has no statement for \${${expression}} in ${text}`);
    for (const { sql } of own) texts.add(sql);
  }
  return [...texts];
}

test("no statement walks, sorts or indexes anew what grows", async () => {
  const needed = new Set<RegExp>();
  const unbounded: { at: string; text: string; step: string }[] = [];
  for (const site of sites) {
    for (const text of await textsOfSite(site)) {
      for (const step of await walksOf(text)) {
        const [pattern] = BOUNDED.find(([known]) => known.test(`${step}\n${text}`)) ?? [];
        if (pattern === undefined) unbounded.push({ at: site.at, text, step });
        else needed.add(pattern);
      }
    }
  }
  expect(unbounded).toEqual([]);
  expect(BOUNDED.filter(([pattern]) => !needed.has(pattern))).toEqual([]);
});

test("there is no other way to the database than the statements of sql()", () => {
  expect(sites.length).toBeGreaterThan(80);
  expect(Object.keys(sources).filter((file) => /\.prepare\(|\bsql: /.test(sources[file] ?? ""))).toEqual([
    "src/store/database.ts",
  ]);
});

test("no cascade and no check of a foreign key walks a table", async () => {
  const found = { references: 0 };
  for (const db of [env.DB, env.EVENTS]) {
    const tables = await db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'")
      .all<{ name: string }>();
    for (const { name } of tables.results) {
      const references = await db.prepare(`PRAGMA foreign_key_list(${name})`).all<{ from: string }>();
      for (const { from } of references.results) {
        found.references += 1;
        const steps = await walksOf(`SELECT 1 FROM ${name} WHERE ${from} = ?`);
        expect({ name, from, steps }).toEqual({ name, from, steps: [] });
      }
    }
  }
  expect(found.references).toBeGreaterThan(8);
});
