import { beforeAll, expect, test } from "vitest";
import { deleteConnector } from "../../src/connectors/connector-store.ts";
import { deleteLink, putLink } from "../../src/connectors/link-store.ts";
import { loadSnapshot, snapshotStatement } from "../../src/connectors/snapshot-query.ts";
import { sql } from "../../src/store/database.ts";
import { type RevocableTable, revokeRow } from "../../src/store/revocation-clock.ts";
import { db, seedConnector, seedTeam } from "./rows.ts";

const projectId = "prj_test";
const linked = (connectorId: string, id = `lnk_${connectorId}`) =>
  putLink(db, { id, connectorId, projectId, environments: ["production"], narrowing: { scopes: ["a"] } }, 5);
const snapshotOf = (ref: string) => loadSnapshot(db, { ref, projectId });

beforeAll(() => seedTeam());

test("id and uid give the same snapshot, with everything the token path reads and no secret", async () => {
  const connector = await seedConnector(
    { uid: "slack/acme", region: "eu", config: { a: 1 } },
    { clientSecret: "s3cr3t" },
  );
  await linked(connector.id, "lnk_1");
  const snapshot = await snapshotOf("slack/acme");
  expect(snapshot).toEqual({
    team_id: "team_test",
    id: connector.id,
    uid: "slack/acme",
    type: "oauth",
    name: "Test",
    service: "test",
    draft: 0,
    config: '{"a":1}',
    config_revision: 1,
    revision: 1,
    region: "eu",
    lease_seconds: 60,
    link_id: "lnk_1",
    link_updated_at_ms: 5,
    environments: '["production"]',
    installations: null,
    authorization_details: null,
    subjects: null,
    subject_namespace: null,
    scopes: '["a"]',
    revoked_before_ms: 0,
  });
  expect(await snapshotOf(connector.id)).toEqual(snapshot);
});

test.for(["scl_00000000000000000000", "nobody/knows", "SLACK/acme", "", "' OR 1=1 --"])(
  "B-11 the reference %j finds nothing",
  async (ref) => {
    expect(await snapshotOf(ref)).toBeNull();
  },
);

test("B-11 an unlinked and a deleted connector have no snapshot, by id and by uid", async () => {
  const { id, uid, revision } = await seedConnector();
  expect(await snapshotOf(id)).toBeNull();
  await linked(id);
  expect(await snapshotOf(uid)).not.toBeNull();
  await deleteLink(db, id, projectId, 10);
  expect(await snapshotOf(id)).toBeNull();
  await linked(id);
  expect(await deleteConnector(db, { id, revision }, 20)).not.toBeNull();
  expect(await snapshotOf(id)).toBeNull();
  expect(await snapshotOf(uid)).toBeNull();
});

test.for<Exclude<RevocableTable, "installations">>(["team", "projects", "connectors", "links"])(
  "a revocation of %s shows in the snapshot, and a later one always compares greater",
  async (table) => {
    const { id } = await seedConnector();
    const link = await linked(id);
    const rowIds = { team: "team_test", projects: projectId, connectors: id, links: link?.id ?? "" };
    const before = (await snapshotOf(id))?.revoked_before_ms ?? -1;
    await db.batch(revokeRow(table, rowIds[table], 1_000));
    const first = (await snapshotOf(id))?.revoked_before_ms ?? -1;
    await db.batch(revokeRow(table, rowIds[table], 1)); // the wall clock went back
    const second = (await snapshotOf(id))?.revoked_before_ms ?? -1;
    expect(first).toBeGreaterThan(before);
    expect(second).toBeGreaterThan(first);
  },
);

test.for(["scl_00000000000000000000", "slack/acme"])("the snapshot of %s scans no table", async (ref) => {
  const { sql: text, values } = snapshotStatement({ ref, projectId });
  const plan = await db.all<{ detail: string }>(sql(`EXPLAIN QUERY PLAN ${text}`, ...values));
  expect(plan).toHaveLength(4);
  for (const { detail } of plan) expect(detail).toMatch(/^SEARCH \w+ USING (INDEX|COVERING INDEX) /);
});
