import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { GrantDatabase } from "../../src/grants/grant-database.ts";
import { GrantStore, MAX_TOKEN_GROUPS } from "../../src/grants/grant-store.ts";
import { PendingRevocations } from "../../src/grants/pending-revocations.ts";
import type { StoredToken } from "../../src/grants/stored-token.ts";
import { MAX_SUPERSEDED_TOKENS } from "../../src/grants/superseded-tokens.ts";
import { grantsOf } from "../housekeeping/support.ts";
import { type Api, accessToken, project } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { ask, isolate, ownerToken, scene } from "../support/connect.ts";

beforeEach(() => clock.reset());

const HOUR_MS = 3_600_000;
const EVERYTHING = { revokedBeforeMs: null, linkId: null };

async function soleGrant(connectorId: string) {
  const [name = ""] = await grantsOf(connectorId);
  return env.GRANTS.getByName(name);
}
const rowsOf = (stub: DurableObjectStub, table: string) =>
  runInDurableObject(stub, (_, { storage }) => storage.sql.exec(`SELECT * FROM ${table}`).toArray());

describe("C-09 nothing that is still valid is forgotten silently", () => {
  const token = (index: number, fields: Partial<StoredToken> = {}): StoredToken => ({
    groupId: `group-${index}`,
    tokenId: `stk_${index}`,
    sealed: "sealed",
    generation: index,
    mintedAtMs: index,
    expiresAtMs: HOUR_MS + index,
    lifetimeMs: HOUR_MS,
    keepUntilMs: HOUR_MS + index,
    static: false,
    askedAtMs: index,
    revokedBeforeMs: 0,
    scopes: [],
    granted: { scopes: [], resources: [], authorizationDetails: [] },
    linkId: "lnk_1",
    provider: "https://as.example.com",
    ...fields,
  });
  const identity = {
    connectorId: "scl_1",
    installationId: null,
    subject: { type: "app" as const },
    partition: "shared",
  };
  /** A store in an object of its own, after `work`. */
  const stored = <T>(name: string, work: (store: GrantStore, revocations: PendingRevocations) => T) =>
    runInDurableObject(env.GRANTS.getByName(name), (_, { storage }) => {
      const db = new GrantDatabase(storage);
      const revocations = new PendingRevocations(db);
      const store = new GrantStore(db, revocations);
      store.open({ identity, teamId: "team_1", region: null, authorizationId: "aut_1" });
      return work(store, revocations);
    });

  test("a token that makes room for those of other groups can still be revoked", async () => {
    const counts = await stored("evicting", (store, revocations) => {
      for (let index = 0; index < MAX_TOKEN_GROUPS + 3; index++) store.commit("a", token(index));
      const { current, superseded } = store.dropTokens(EVERYTHING, 1_000);
      return { current: current.length, superseded: superseded.length, owed: revocations.summary().count };
    });
    expect(counts).toEqual({ current: MAX_TOKEN_GROUPS, superseded: 3, owed: MAX_TOKEN_GROUPS + 3 });
  });

  test("of too many replaced tokens those that end first go, and the Grant says how many", async () => {
    const seen = await stored("too-many", (store) => {
      let forgotten = 0;
      for (let index = 0; index < MAX_SUPERSEDED_TOKENS + 3; index++) {
        forgotten += store.commit("a", token(index, { groupId: "one" }));
      }
      const { superseded } = store.dropTokens(EVERYTHING, 1_000);
      return { forgotten, left: superseded.length, first: superseded.some(({ tokenId }) => tokenId === "stk_0") };
    });
    // The last one is current, the first two were forgotten.
    expect(seen).toEqual({ forgotten: 2, left: MAX_SUPERSEDED_TOKENS, first: false });
  });

  test("a replaced token is kept no longer than it is valid, and a static value not at all", async () => {
    const seen = await stored("expiring", (store) => {
      store.commit("a", token(1, { groupId: "one", expiresAtMs: 500, keepUntilMs: 500 }));
      store.commit("a", token(2, { groupId: "one" }));
      store.commit("a", token(3, { groupId: "two", static: true }));
      store.commit("a", token(4, { groupId: "two", static: true }));
      const before = store.latestExpiryMs();
      const { superseded } = store.dropTokens(EVERYTHING, 500);
      return { before, superseded: superseded.length, after: store.latestExpiryMs() };
    });
    expect(seen).toEqual({ before: HOUR_MS + 4, superseded: 0, after: null });
  });

  test("a replaced token that ends after its replacement is what the last alarm is for", async () => {
    const latest = await stored("outliving", (store) => {
      store.commit("a", token(1, { groupId: "one", expiresAtMs: 2 * HOUR_MS, keepUntilMs: 2 * HOUR_MS }));
      store.commit("a", token(2, { groupId: "one" }));
      return store.latestExpiryMs();
    });
    expect(latest).toBe(2 * HOUR_MS);
  });

  test("a revocation of one link takes its own tokens and those whose link is not known", async () => {
    const taken = await stored("links", (store) => {
      store.commit("a", token(1, { linkId: "lnk_1" }));
      store.commit("a", token(2, { linkId: "lnk_2" }));
      store.commit("a", token(3, { linkId: null }));
      store.commit("a", token(4, { groupId: "group-2", linkId: "lnk_2" }));
      const { current, superseded } = store.dropTokens({ revokedBeforeMs: null, linkId: "lnk_1" }, 100);
      return [...current, ...superseded].map(({ tokenId }) => tokenId).sort();
    });
    expect(taken).toEqual(["stk_1", "stk_3"]);
  });
});

describe("a static value", () => {
  async function keyed(api: Api, name: string, value: object) {
    const owner = await ownerToken(api);
    const projectId = await project(api, owner, name);
    const data = { values: [{ value: `the-key-of-${name}`, ...value }] };
    const body = { type: "api-key", name, uid: `key/${name}`, projectId, data };
    const created = await api.post("/v1/connect/connectors", body, owner);
    expect([created.status, created.text]).toEqual([201, created.text]);
    const runtime = await accessToken(api, owner, { role: "developer", projectId, environment: "production" });
    return { owner, uid: `key/${name}`, runtime, connectorId: String(created.body.id) };
  }
  const leftMs = async (api: Api, at: { uid: string; runtime: string }, validityBufferMs?: number) =>
    (await ask(api, at, validityBufferMs === undefined ? {} : { validityBufferMs })).body.expiresAt - clock.now();

  test("is told to last as each caller needs it, whoever asked before", async () => {
    const { api, calls, reset } = await isolate();
    const at = await keyed(api, "buffers", {});
    const day = 24 * HOUR_MS;
    expect(await leftMs(api, at, day)).toBeGreaterThan(day + 50_000);
    reset();
    // From the same memory: no caller's buffer is in it.
    expect(await leftMs(api, at)).toBeLessThanOrEqual(HOUR_MS);
    expect(await leftMs(api, at)).toBeGreaterThan(HOUR_MS - 10_000);
    expect(await leftMs(api, at, 2 * HOUR_MS)).toBeGreaterThan(2 * HOUR_MS + 50_000);
    expect(calls).toEqual({ d1: 0, kv: 0, objects: 0 });
  });

  test("is never told to last longer than it does", async () => {
    const { api } = await isolate();
    const expiresAt = Date.now() + 2 * HOUR_MS;
    const at = await keyed(api, "ending", { expiresAt });
    expect((await ask(api, at, { validityBufferMs: 24 * HOUR_MS })).body.expiresAt).toBe(expiresAt);
    expect(await leftMs(api, at)).toBeLessThanOrEqual(HOUR_MS);
  });

  test("does not rest in a Grant that nobody asks any more", async () => {
    const { api } = await isolate();
    const at = await keyed(api, "idle", {});
    await ask(api, at);
    const grant = await soleGrant(at.connectorId);
    expect(await rowsOf(grant, "tokens")).toHaveLength(1);
    const alarmAtMs = await runInDurableObject(grant, (_, { storage }) => storage.getAlarm());
    expect((alarmAtMs ?? 0) - clock.now()).toBeLessThanOrEqual(HOUR_MS);
    clock.advance(HOUR_MS + 1_000);
    expect(await runDurableObjectAlarm(grant)).toBe(true);
    expect(await rowsOf(grant, "tokens")).toEqual([]);
    expect(await runInDurableObject(grant, (_, { storage }) => storage.getAlarm())).toBeNull();
  });
});

describe("an object that fell asleep before its tables were what they are", () => {
  test("serves the token that it holds, and has it revoked", async () => {
    const { api } = await isolate();
    const at = await scene(api, "asleep", { leaseSeconds: 0 });
    const before = await ask(api, at);
    const grant = await soleGrant(at.connectorId);
    await runInDurableObject(grant, (_, { storage }) => {
      storage.sql.exec(`
        DROP TABLE superseded_tokens;
        ALTER TABLE tokens DROP COLUMN keep_until_ms;
        ALTER TABLE tokens DROP COLUMN link_id;
        ALTER TABLE tokens DROP COLUMN provider;
        ALTER TABLE upstream_revocations DROP COLUMN provider;
      `);
    });
    await runInDurableObject(grant, (_, state) => state.abort("restart")).catch(() => {});

    const after = await ask(api, at);
    expect(after.body).toMatchObject({ token: "asleep-access-token-1", tokenId: before.body.tokenId });
    // What it does not know of an old token holds up neither its replacement nor its revocation.
    clock.advance(31_000);
    expect((await ask(api, at, { rejectedTokenId: before.body.tokenId })).body.token).toBe("asleep-access-token-2");
    const tokens = `/v1/connect/connectors/${at.connectorId}/tokens`;
    const { body } = await api.delete(tokens, at.runtime, { subject: { type: "app" } });
    expect(body).toMatchObject({ tokensFound: 2, providerRevoked: 2 });
  });

  test("has the same tables as one that was made today", async () => {
    const { api } = await isolate();
    const at = await scene(api, "same-tables", { leaseSeconds: 0 });
    await ask(api, at);
    const old = env.GRANTS.getByName("old-tables");
    const shape = (storage: DurableObjectStorage) =>
      storage.sql
        .exec<{ table: string; name: string; type: string }>(
          `SELECT t.name AS "table", c.name, c.type FROM sqlite_master AS t, pragma_table_info(t.name) AS c
           WHERE t.type = 'table' AND t.name NOT LIKE '\\_%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%' ORDER BY 1, 2`,
        )
        .toArray();
    const upgraded = await runInDurableObject(old, (_, { storage }) => {
      storage.sql.exec(OLDEST_TABLES);
      new GrantDatabase(storage);
      return shape(storage);
    });
    const fresh = await runInDurableObject(await soleGrant(at.connectorId), (_, { storage }) => shape(storage));
    expect(upgraded).toEqual(fresh);
    expect(fresh.length).toBeGreaterThan(30);
  });
});

/** The first version's tables, as they may lie in an object that nobody has asked since. */
const OLDEST_TABLES = `
  CREATE TABLE identity (id INTEGER PRIMARY KEY CHECK (id = 1), identity TEXT NOT NULL, team_id TEXT NOT NULL,
    region TEXT, authorization_id TEXT NOT NULL, generation INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE tokens (group_id TEXT PRIMARY KEY, token_id TEXT NOT NULL, token_sealed TEXT NOT NULL,
    generation INTEGER NOT NULL, minted_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL, static INTEGER NOT NULL,
    revoked_before_ms INTEGER NOT NULL, granted TEXT NOT NULL, asked_at_ms INTEGER NOT NULL) STRICT;
  CREATE INDEX tokens_by_use ON tokens (asked_at_ms);
  CREATE TABLE attempts (id TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('mint', 'refresh')),
    group_id TEXT NOT NULL, fingerprint TEXT NOT NULL, started_at_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE upstream_revocations (token_id TEXT PRIMARY KEY, token_sealed TEXT NOT NULL, generation INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL, tries INTEGER NOT NULL, due_at_ms INTEGER NOT NULL) STRICT;
  CREATE INDEX upstream_revocations_by_due ON upstream_revocations (due_at_ms);
`;
