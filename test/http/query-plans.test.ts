import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { purgeKeys } from "../../src/http/idempotency-store.ts";
import { d1Database, type Statement } from "../../src/store/database.ts";
import { apiOf, project, setUp } from "../support/api.ts";
import { testServices } from "../support/services.ts";

/** The singleton, the issuer's keys, the index of owners and JSON lists have a handful of rows; all else grows. */
const SMALL = /SCAN (team|issuer_keys|json_each|links\.environments|CONSTANT ROW)\b|access_tokens_of_owners/;

test("no statement of the management API walks a table that grows", async () => {
  const statements = new Map<string, Statement>();
  const real = d1Database(env.DB);
  const noted = (statement: Statement) => {
    statements.set(statement.sql, statement);
    return statement;
  };
  const services = await testServices({
    db: {
      first: (statement) => real.first(noted(statement)),
      all: (statement) => real.all(noted(statement)),
      run: (statement) => real.run(noted(statement)),
      batch: (batch) => real.batch(batch.map(noted)),
    },
  });
  const api = apiOf(services);
  const { owner } = await setUp(api);
  const shop = await project(api, owner, "shop");
  const path = `/v1/projects/${shop}`;
  await api.post("/v1/access-tokens", { name: "x", role: "viewer", projectId: shop, environment: "preview" }, owner);
  for (const list of [
    "/v1/access-tokens",
    "/v1/projects",
    "/v1/issuers",
    `${path}/environments`,
    `${path}/identities`,
  ]) {
    expect((await api.get(list, owner)).status).toBe(200);
  }
  await api.delete(`/v1/access-tokens/${owner.slice(3, 23)}`, owner);
  await api.put(`${path}/environments/preview`, {}, owner);
  await api.get("/v1/projects/shop", owner);
  const init = (body: unknown) => ({
    method: "POST",
    headers: { authorization: `Bearer ${owner}`, "content-type": "application/json", "idempotency-key": "k" },
    body: JSON.stringify(body),
  });
  const staging = await api.send(`${path}/environments`, init({ slug: "staging" }));
  expect((await api.send(`${path}/environments`, init({ slug: "staging" }))).body).toEqual(staging.body);
  expect((await api.send("/v1/projects", init({ slug: "shop" }))).status).toBe(409);
  const connector = await api.send("/v1/connect/connectors", init({ type: "api-key", data: {}, projectId: shop }));
  const link = `/v1/connect/connectors/${connector.body.id}/projects/${shop}`;
  expect((await api.post(link, { environments: [staging.body.id, "preview"] }, owner)).status).toBe(200);
  expect((await api.delete(`${path}/environments/${staging.body.id}`, owner)).status).toBe(204);
  const renamed = await api.patch(`/v2/connect/connectors/${connector.body.id}`, { name: "Renamed" }, owner);
  expect(renamed.status).toBe(200);
  await purgeKeys(services.db, 0);
  await api.post(`${path}/token`, undefined, owner);
  const next = await api.post("/v1/issuer/keys", undefined, owner);
  expect((await api.delete(`/v1/issuer/keys/${next.body.kid}`, owner)).status).toBe(204);
  const jwks = { keys: (await api.get("/.well-known/jwks.json")).body.keys };
  const issuer = "https://idp.example.org";
  const registered = await api.post("/v1/issuers", { issuer, audience: "a", jwks }, owner);
  const rule = await api.post(`${path}/identities`, { issuer, environment: "preview", claims: { sub: "x" } }, owner);
  expect((await api.delete(`${path}/identities/${rule.body.id}`, owner)).status).toBe(204);
  expect((await api.delete(`/v1/issuers/${registered.body.id}`, owner)).status).toBe(204);

  expect(statements.size).toBeGreaterThan(20);
  for (const { sql, values } of statements.values()) {
    const plan = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...values)
      .all<{ detail: string }>();
    const walks = plan.results.filter(({ detail }) => /^SCAN|USE TEMP B-TREE/.test(detail) && !SMALL.test(detail));
    expect([sql, walks.map(({ detail }) => detail)]).toEqual([sql, []]);
  }
});
