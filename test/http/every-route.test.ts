import { beforeAll, describe, expect, test } from "vitest";
import { ROUTES } from "../../src/routes.ts";
import { type Api, accessToken, apiOf, project, setUp } from "../support/api.ts";
import { testServices } from "../support/services.ts";

const JUNK_BODIES: (string | undefined)[] = [
  undefined,
  "",
  "null",
  "[]",
  "{}",
  "{",
  '"text"',
  "0",
  '{"name":{"$gt":""},"slug":["a"],"role":"owner\'--","issuer":1,"claims":[],"data":null,"scopes":{},"subject":"app"}',
  JSON.stringify({ slug: "'; DROP TABLE team;--", name: "\u0000", issuer: "file:///etc/passwd", type: "__proto__" }),
  JSON.stringify({ constructor: { prototype: { role: "owner" } }, toString: 1, hasOwnProperty: 1 }),
];

const SQL_PAYLOADS = [
  "'",
  "''",
  '"',
  "' OR '1'='1",
  "1; DROP TABLE projects--",
  "1 UNION SELECT secret_mac FROM access_tokens",
  "%",
  "_",
  "\\",
  "%' ESCAPE '!",
  "\u0000",
  "null",
  "-1",
  "0",
  "1e3",
  "NaN",
  "99999999999999999999",
  "[]",
  "{}",
  "W10",
  "WzEsMiwzXQ",
  "WyInIE9SIDE9MSIsIngiXQ",
  "😀",
  "\ud800",
  "a".repeat(5000),
];

const QUERY_PARAMETERS = ["limit", "cursor", "search", "sort", "type", "service", "projectId", "teamId", "slug", "zzz"];

describe("every route of the map", () => {
  let api: Api;
  let owner: string;
  const pathOf = (pattern: string, value = "junk") => pattern.replaceAll(/:\w+/g, encodeURIComponent(value));
  beforeAll(async () => {
    api = apiOf(await testServices());
    ({ owner } = await setUp(api));
    await project(api, owner, "junk");
  });

  test("is there once", () => {
    const names = ROUTES.map(([method, pattern]) => `${method} ${pattern}`);
    expect(new Set(names).size).toBe(names.length);
  });

  test("U-12 answers junk with 4xx and no trace of its insides", { timeout: 60_000 }, async () => {
    for (const [method, pattern] of ROUTES) {
      for (const body of JUNK_BODIES) {
        if (method === "GET" && body !== undefined) continue;
        const answer = await api.send(pathOf(pattern), {
          method,
          headers: { authorization: `Bearer ${owner}`, "content-type": "application/json" },
          ...(body !== undefined && { body }),
        });
        const what = `${method} ${pattern} ${body}`;
        expect([what, answer.status < 500]).toEqual([what, true]);
        expect(answer.text).not.toMatch(/\bat \S+:\d+|SQLITE|D1_ERROR|ZodError|\.ts:/);
      }
    }
  });

  test("U-12 needs credentials unless it is public, and never shows why a stranger's are bad in a stack", async () => {
    for (const [method, pattern, endpoint] of ROUTES) {
      // A provider proves itself by its signature.
      if (endpoint.access === "public" || endpoint.access === "provider") continue;
      const credentials: (string | undefined)[] = [
        undefined,
        "Bearer",
        "Bearer x",
        "Basic YTpi",
        `Bearer ${"a.".repeat(9)}`,
      ];
      for (const authorization of credentials) {
        const answer = await api.send(pathOf(pattern), {
          method,
          ...(authorization && { headers: { authorization } }),
        });
        expect([`${method} ${pattern} ${authorization}`, [400, 401].includes(answer.status)]).toEqual([
          `${method} ${pattern} ${authorization}`,
          true,
        ]);
      }
    }
  });

  test("D-06 takes SQL and pattern characters in queries and paths as text", { timeout: 120_000 }, async () => {
    for (const [method, pattern] of ROUTES) {
      for (const payload of SQL_PAYLOADS) {
        if (method === "GET") {
          for (const parameter of QUERY_PARAMETERS) {
            const path = `${pathOf(pattern)}?${new URLSearchParams({ [parameter]: payload })}`;
            const { status } = await api.get(path, owner);
            expect([path, status < 500]).toEqual([path, true]);
          }
        }
        if (!pattern.includes(":")) continue;
        const encoded = encodeURIComponent(payload.toWellFormed());
        const answer = await api.send(pattern.replaceAll(/:\w+/g, encoded), {
          method,
          headers: { authorization: `Bearer ${owner}` },
        });
        expect([method, pattern, payload.slice(0, 40), answer.status < 500]).toEqual([
          method,
          pattern,
          payload.slice(0, 40),
          true,
        ]);
      }
    }
    expect((await api.get("/v1/projects", owner)).body.projects).toHaveLength(1);
  });

  test("D-11 a management body refuses members that it does not know", () => {
    for (const [method, pattern, endpoint] of ROUTES) {
      if (endpoint.access !== "management" || endpoint.body === undefined) continue;
      const parsed = endpoint.body.safeParse({ zz_unknown: 1 });
      const text = JSON.stringify(parsed.error?.issues ?? []);
      expect([`${method} ${pattern}`, text.includes("unrecognized_keys")]).toEqual([`${method} ${pattern}`, true]);
    }
  });

  test("a viewer changes nothing anywhere", async () => {
    const viewer = await accessToken(api, owner, { role: "viewer" });
    for (const [method, pattern, endpoint] of ROUTES) {
      if (method === "GET" || endpoint.access !== "management") continue;
      const { status } = await api.send(pathOf(pattern), { method, headers: { authorization: `Bearer ${viewer}` } });
      expect([`${method} ${pattern}`, status]).toEqual([`${method} ${pattern}`, 403]);
    }
  });

  test("D-07 a token bound to one project learns nothing of another through any route with a project in its path", async () => {
    const mine = await project(api, owner, "mine");
    const bound = await accessToken(api, owner, { role: "owner", projectId: mine });
    for (const [method, pattern, endpoint] of ROUTES) {
      if (endpoint.access !== "management" || !pattern.includes(":p")) continue;
      const { status } = await api.send(pathOf(pattern), { method, headers: { authorization: `Bearer ${bound}` } });
      expect([`${method} ${pattern}`, [403, 404].includes(status)]).toEqual([`${method} ${pattern}`, true]);
    }
  });
});
