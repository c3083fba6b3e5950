import { beforeAll, describe, expect, test } from "vitest";
import { CONNECTOR_SORTS, connectorListStatement } from "../../src/connectors/connector-list.ts";
import { linkListStatement } from "../../src/connectors/link-store.ts";
import { sql } from "../../src/store/database.ts";
import { db, seedConnector } from "./rows.ts";
import { apiKeyBody, created, newWorld, type World } from "./world.ts";

let world: World;
const COUNT = 13;

// Names and times repeat, so that pages end between equals.
beforeAll(async () => {
  world = await newWorld();
  for (let index = 0; index < COUNT; index++) {
    await seedConnector({
      uid: `${index % 2 === 0 ? "even" : "odd"}/n${index}`,
      name: ["100%_a", "Beta", "beta", "\\slash"][index % 4] ?? "",
      type: index % 2 === 0 ? "oauth" : "api-key",
      service: index % 3 === 0 ? "slack" : "notion",
      createdAtMs: 1000 + Math.floor(index / 5),
      updatedAtMs: 2000 - Math.floor(index / 4),
      config: index % 2 === 0 ? OAUTH : API_KEY,
    });
  }
});

const OAUTH = {
  settings: { clientId: "c" },
  discovered: null,
  clientAuth: { method: "none", key: null, jwksUri: null },
};
const API_KEY = { subjectType: "app", values: [], serviceUrls: [], instructions: null };

const list = (query: Record<string, string>) =>
  world.api.get(`/v2/connect/connectors?${new URLSearchParams(query)}`, world.owner);
const uids = async (query: Record<string, string>) => {
  const { status, body } = await list({ limit: "100", ...query });
  expect(status).toBe(200);
  return body.connectors.map((connector: { uid: string }) => connector.uid);
};

describe("pages", () => {
  test.for(CONNECTOR_SORTS.flatMap((sort) => [1, 2, 5, COUNT].map((limit) => [sort, limit] as const)))(
    "sorted by %s, %i at a time, every connector comes once and in order, ties included",
    async ([sort, limit]) => {
      const seen: { id: string; key: string | number }[] = [];
      let cursor: string | null = null;
      do {
        const page = await list({ sort, limit: String(limit), ...(cursor !== null && { cursor }) });
        expect(page.status).toBe(200);
        expect(Object.keys(page.body)).toEqual(["connectors", "pagination"]);
        for (const connector of page.body.connectors) seen.push({ id: connector.id, key: connector[sort] });
        cursor = page.body.pagination.next;
        expect(seen.length % limit === 0 || cursor === null).toBe(true);
      } while (cursor !== null && seen.length < 2 * COUNT);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(COUNT);
      expect(seen).toHaveLength(COUNT);
      const direction = sort === "name" ? 1 : -1;
      for (const [index, { key, id }] of seen.slice(1).entries()) {
        const before = seen[index];
        if (before === undefined) throw new Error("unreachable");
        const order = before.key === key ? compare(before.id, id) : compare(before.key, key);
        expect(order * direction).toBeLessThan(0);
      }
    },
  );

  test("20 connectors are the page when nobody says otherwise, and a connector that vanishes breaks no cursor", async () => {
    const first = await list({ limit: "3" });
    const last = first.body.connectors[2];
    await db.run(sql("UPDATE connectors SET deleted_at_ms = 1 WHERE id = ?", last.id));
    const second = await list({ limit: "100", cursor: first.body.pagination.next });
    expect(second.body.connectors).toHaveLength(COUNT - 3);
    await db.run(sql("UPDATE connectors SET deleted_at_ms = NULL WHERE id = ?", last.id));
  });

  test.for(["x", "", "bnVsbA", btoa('["a"]'), btoa('[1,"a"]'), btoa('{"key":"a"}')])(
    "the cursor %j is refused, or is a position and nothing more",
    async (cursor) => {
      const { status, body } = await list({ cursor, sort: "name" });
      expect([status, body.error?.code]).toEqual([400, "bad_request"]);
    },
  );

  test.for(["0", "101", "-1", "1.5", "a", ""])("the limit %j is refused", async (limit) => {
    expect((await list({ limit })).status).toBe(400);
  });
});

describe("filters", () => {
  test("type and service take comma-separated values, and all filters must hold", async () => {
    expect(await uids({ type: "oauth" })).toHaveLength(7);
    expect(await uids({ type: "oauth,api-key" })).toHaveLength(COUNT);
    expect(await uids({ service: "slack" })).toHaveLength(5);
    expect(await uids({ service: "slack, notion" })).toHaveLength(COUNT);
    expect((await uids({ service: "slack", type: "api-key" })).toSorted()).toEqual(["odd/n3", "odd/n9"]);
    expect(await uids({ service: "none" })).toEqual([]);
    expect((await list({ type: "myspace" })).status).toBe(400);
  });

  test("search finds part of a name or uid in any case", async () => {
    expect(await uids({ search: "BET" })).toHaveLength(6);
    expect((await uids({ search: "odd/N1" })).toSorted()).toEqual(["odd/n1", "odd/n11"]);
  });

  test("projectId lists what is linked to the project, by id or slug", async () => {
    const id = await created(world, apiKeyBody({ uid: "only/a", projectId: world.projectA }));
    expect(await uids({ projectId: world.projectA })).toEqual(["only/a"]);
    expect(await uids({ projectId: "project-a" })).toEqual(["only/a"]);
    expect(await uids({ projectId: world.projectB })).toEqual([]);
    expect((await list({ projectId: "prj_none" })).status).toBe(404);
    await world.api.delete(`/v1/connect/connectors/${id}`, world.owner);
  });
});

describe("D-06 SQL injection", () => {
  const payloads = [
    "' OR '1'='1",
    "'; DROP TABLE connectors; --",
    '" OR ""="',
    "1) UNION SELECT * FROM team --",
    "\\",
    "\\'",
    "\u0000",
    "[]",
    '"]',
    '["a"]',
    "name; --",
    "id DESC",
    "?1",
    ":name",
    "%27%20OR%201=1",
    "x".repeat(200),
  ];

  test.for(
    payloads.flatMap((payload) =>
      ["search", "sort", "type", "service", "cursor", "limit", "projectId"].map((name) => [name, payload] as const),
    ),
  )("%s=%j finds nothing or is refused", async ([name, payload]) => {
    const { status, body } = await list({ [name]: payload });
    if (status === 200) {
      expect(["search", "service"]).toContain(name);
      expect(body.connectors.every((connector: { name: string }) => connector.name.includes(payload))).toBe(true);
    } else expect([400, 404]).toContain(status);
  });

  test("wildcards of LIKE are ordinary characters, and a long search is no error", async () => {
    expect(await uids({ search: "%" })).toHaveLength(4);
    expect(await uids({ search: "0%_" })).toHaveLength(4);
    expect(await uids({ search: "_" })).toHaveLength(4);
    expect(await uids({ search: "\\" })).toHaveLength(3);
    expect(await uids({ search: "é".repeat(200) })).toEqual([]);
  });

  test.for(payloads)("%j names no connector and no project in a path", async (payload) => {
    const segment = encodeURIComponent(payload);
    for (const path of [
      `/v1/connect/connectors/${segment}`,
      `/v2/connect/connectors/${segment}/projects`,
      `/v2/connect/projects/${segment}/connectors`,
      `/v1/connect/connectors/${segment}/projects/${segment}`,
    ]) {
      expect((await world.api.get(path, world.owner)).status).toBe(404);
    }
    expect((await world.api.get(`/v1/connectors/${segment}/jwks.json`)).status).toBe(404);
  });
});

describe("query plans", () => {
  const none = { projectId: null, search: null, types: null, services: null };
  const planOf = async ({ sql: text, values }: { sql: string; values: (string | number | null)[] }) =>
    (await db.all<{ detail: string }>(sql(`EXPLAIN QUERY PLAN ${text}`, ...values))).map(({ detail }) => detail);

  test.for([
    ["name", "connectors_by_name"],
    ["createdAt", "connectors_by_creation"],
    ["updatedAt", "connectors_by_update"],
  ] as const)("the list by %s is read in the order of %s, without sorting", async ([sort, index]) => {
    const plan = await planOf(connectorListStatement({ ...none, projectId: "p" }, { sort, after: null, limit: 5 }));
    expect(plan.join("\n")).toContain(`SEARCH c USING INDEX ${index}`);
    expect(plan.join("\n")).not.toContain("TEMP B-TREE");
  });

  test.for([
    ["connector", "links_by_connector"],
    ["project", "links_by_project"],
  ] as const)("the links of a %s are read in the order of %s, without sorting", async ([of, index]) => {
    const plan = await planOf(linkListStatement({ of, id: "x" }, { after: null, limit: 5 }));
    expect(plan.join("\n")).toContain(`SEARCH l USING INDEX ${index}`);
    expect(plan.join("\n")).not.toContain("TEMP B-TREE");
  });
});

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : 1;
}
