import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { ApiError, fail } from "../../src/errors.ts";
import type { Database } from "../../src/store/database.ts";
import { seedTeam } from "../connectors/rows.ts";
import { EVERYTHING, granted, grantWorld, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

const events = (lines: string[]) => lines.map((line) => JSON.parse(line).event);

describe("the first request", () => {
  test("gets one token from the provider, and everything about it is where it belongs", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      const answer = await grant.token(world.request());
      expect(answer).toEqual({
        ok: true,
        minted: true,
        value: {
          token: "at-1",
          tokenId: expect.stringMatching(/^stk_/),
          expiresAtMs: START_MS + LIFETIME_MS,
          static: false,
          lifetimeMs: LIFETIME_MS,
          scopes: ["read"],
          resources: [],
          authorizationDetails: [],
          authorizationId: expect.stringMatching(/^aut_/),
          groupId: "group",
          snapshotVersion: "1",
          revokedBeforeMs: 0,
          leaseFromMs: START_MS,
          leaseUntilMs: START_MS + 60_000,
        },
      });
      expect(rows(storage, "tokens")).toMatchObject([
        { group_id: "group", generation: 1, link_id: "lnk_1", provider: "https://as.example.com", static: 0 },
      ]);
      expect(rows(storage, "tokens")[0]?.token_sealed).not.toContain("at-1");
      expect(rows(storage, "attempts")).toEqual([]);
      expect(await storage.getAlarm()).toBe(START_MS + LIFETIME_MS);
    });
    expect(world.asked).toEqual(["token read"]);
    expect(world.acquired).toEqual([{ priority: "foreground", configRevision: 1 }]);
    expect(world.reports).toEqual([{ kind: "ok" }]);
    expect(world.points).toMatchObject([{ kind: "mint", outcome: "ok", durationMs: 0, subjectType: "app" }]);
    const row = await env.DB.prepare("SELECT connector_id, seen_at_ms FROM grants WHERE name = ?")
      .bind(world.name)
      .first();
    expect(row).toEqual({ connector_id: world.connector.id, seen_at_ms: START_MS });
    const kid = await env.DB.prepare("SELECT kid FROM grant_keys WHERE grant_name = ?").bind(world.name).first("kid");
    expect(kid).toBe(world.ring.primaryKid);
  });

  test("of a thousand at once is one call of the provider", async () => {
    const world = await grantWorld();
    await world.inside(async (grant) => {
      const answers = await Promise.all(Array.from({ length: 1000 }, () => grant.token(world.request())));
      expect(new Set(answers.map(said))).toEqual(new Set(["at-1"]));
      expect(answers.every((answer) => answer.ok && answer.minted)).toBe(true);
    });
    expect(world.asked).toHaveLength(1);
  });

  test("writes a journal before the provider is asked, with a deadline", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      let journal: unknown;
      const issue = world.issue;
      world.issue = () => {
        journal = rows(storage, "attempts");
        return issue();
      };
      await grant.token(world.request());
      expect(journal).toMatchObject([
        { kind: "mint", group_id: "group", fingerprint: "", started_at_ms: START_MS, deadline_ms: START_MS + 20_000 },
      ]);
      expect(rows(storage, "attempts")).toEqual([]);
    });
  });

  test("for another grant than this one is a fault of ours, and for a user needs the user", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      const elsewhere = { ...world.identity, partition: "preview" };
      expect(await grant.token(world.request({ identity: elsewhere }))).toEqual({
        ok: false,
        failure: { code: "internal_error", reason: "a request reached the wrong grant" },
      });
      // Nothing is written for who was never granted anything, not even tables.
      const tables = storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'identity'").toArray();
      expect(tables).toEqual([]);
    });
    expect(world.asked).toEqual([]);
  });
});

describe("a stored token", () => {
  test("answers until it no longer outlives the buffer, with a lease of its own each time", async () => {
    const world = await grantWorld();
    await world.inside(async (grant) => {
      await grant.token(world.request());
      world.nowMs += 5;
      const again = await grant.token(world.request({ connector: { ...world.request().connector, leaseSeconds: 7 } }));
      expect(again).toMatchObject({ ok: true, minted: false, value: { token: "at-1", leaseFromMs: START_MS + 5 } });
      expect(granted(again).leaseUntilMs).toBe(START_MS + 7005);
      world.nowMs = START_MS + LIFETIME_MS - 30_000;
      expect(said(await grant.token(world.request()))).toBe("at-2");
    });
  });

  test("survives the death of the object, and of another group is another", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, _, restart) => {
      await grant.token(world.request());
      expect(said(await grant.token(world.request({ groupId: "other" })))).toBe("at-2");
      expect(said(await restart().token(world.request()))).toBe("at-1");
    });
  });

  test("that cannot be read is a failure as data, and is told of", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage, restart) => {
      await grant.token(world.request());
      storage.sql.exec("UPDATE tokens SET token_sealed = 'AAAA'");
      expect(await restart().token(world.request())).toMatchObject({
        ok: false,
        failure: { code: "decryption_failed", reason: expect.stringContaining("grant_tokens.token") },
      });
    });
    expect(events(world.lines)).toContain("grant.token_unreadable");
  });

  test("is leased to KV from the second ask on, and its use is noted", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      const request = world.request({ leaseKey: "l1:key" });
      await grant.token(request);
      expect(world.kv).toEqual([]);
      world.nowMs += 1000;
      await grant.token(request);
      await grant.token(world.request());
      expect(rows(storage, "tokens")[0]?.asked_at_ms).toBe(START_MS + 1000);
    });
    await expect.poll(() => world.kv).toEqual([{ key: "l1:key", ttlSeconds: 120 }]);
  });
});

describe("a failure", () => {
  test("is everybody's answer until it may be tried again, without the provider being asked", async () => {
    const world = await grantWorld();
    const issue = world.issue;
    await world.inside(async (grant, storage) => {
      world.issue = () => ({ status: 500, body: {} });
      expect(said(await grant.token(world.request()))).toBe("upstream_unreachable");
      expect(rows(storage, "attempts")).toEqual([]);
      world.nowMs += 499;
      expect(await grant.token(world.request())).toMatchObject({
        failure: { code: "upstream_unreachable", retryAfterMs: 1 },
      });
      expect(world.asked).toHaveLength(1);
      world.issue = issue;
      expect(said(await grant.token(world.request({ groupId: "other" })))).toBe("at-1");
      world.nowMs += 1;
      expect(said(await grant.token(world.request()))).toBe("at-2");
    });
    expect(world.reports).toEqual([{ kind: "other" }, { kind: "ok" }, { kind: "ok" }]);
    expect(world.points.map((point) => point.outcome)).toEqual(["upstream_unreachable", "ok", "ok"]);
  });

  test("does not take a token away that is still good; a dead one is not served", async () => {
    const world = await grantWorld();
    await world.inside(async (grant) => {
      const first = granted(await grant.token(world.request()));
      world.issue = () => "upstream_timeout";
      world.nowMs += 31_000;
      const rejected = world.request({ rejectedTokenId: first.tokenId });
      expect(await grant.token(rejected)).toMatchObject({ ok: true, minted: false, value: { token: "at-1" } });
      expect(said(await grant.token(world.request({ revokedBeforeMs: 1 })))).toBe("upstream_timeout");
      world.nowMs = START_MS + LIFETIME_MS;
      expect(said(await grant.token(world.request()))).toBe("upstream_timeout");
    });
    expect(events(world.lines)).toEqual(["grant.served_while_failing"]);
    expect(world.lines[0]).toContain("upstream_timeout");
  });

  test("of the gate is heard before anything is written or asked", async () => {
    const world = await grantWorld();
    world.permit = fail("upstream_rate_limited", { retryAfterMs: 5 });
    await world.inside(async (grant, storage) => {
      expect(await grant.token(world.request())).toMatchObject({
        failure: { code: "upstream_rate_limited", retryAfterMs: 5 },
      });
      expect(storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'attempts'").toArray()).toEqual([]);
    });
    expect([world.asked, world.reports]).toEqual([[], []]);
  });

  test("that nobody expected is one like any other, with its story for the log only", async () => {
    const world = await grantWorld();
    const broken = (error: unknown): Database => ({ ...world.deps.db, batch: () => Promise.reject(error) });
    await world.inside(async (_, __, restart) => {
      const ask = (error: unknown) => restart({ db: broken(error) }).token(world.request());
      expect(await ask(new TypeError("boom"))).toMatchObject({
        failure: { code: "internal_error", reason: "TypeError: boom" },
      });
      expect(await ask("text")).toMatchObject({ failure: { code: "internal_error", reason: "unknown" } });
      expect(await ask(new ApiError("storage_unavailable", { reason: "d1" }))).toMatchObject({
        failure: { code: "storage_unavailable", reason: "d1" },
      });
    });
  });

  test("to find the connector drops what was there, and leaves the provider to be told", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      await grant.token(world.request());
      await env.DB.prepare("UPDATE connectors SET deleted_at_ms = 1 WHERE id = ?").bind(world.connector.id).run();
      expect(await grant.token(world.request({ groupId: "other" }))).toMatchObject({
        failure: { code: "not_found", reason: "the connector is gone" },
      });
      expect(rows(storage, "tokens")).toEqual([]);
      expect(rows(storage, "upstream_revocations")).toHaveLength(1);
      expect(await storage.getAlarm()).toBe(START_MS);
    });
  });
});

describe("rejected credentials", () => {
  const invalid = { status: 401, body: { error: "invalid_client" } };

  test("open the breaker for exactly their revision", async () => {
    const world = await grantWorld();
    world.issue = () => invalid;
    await world.inside(async (grant) => {
      expect(said(await grant.token(world.request()))).toBe("upstream_invalid_client");
    });
    expect(world.asked).toHaveLength(1);
    expect(world.reports).toEqual([{ kind: "invalid-client", configRevision: 1 }]);
  });

  test("that were replaced meanwhile are tried anew, once", async () => {
    const world = await grantWorld();
    const issue = world.issue;
    let refused = 0;
    world.issue = () => (refused++ === 0 ? invalid : issue());
    const { db } = world.deps;
    await world.inside(async (grant) => expect(said(await grant.token(world.request()))).toBe("at-1"), {
      db: {
        ...db,
        // Between the two readings of the credentials, an operator replaced them.
        first: async <Row>(statement: Parameters<Database["first"]>[0]) => {
          const row = await db.first<Row & { configRevision: number }>(statement);
          return refused === 0 || row === null ? row : { ...row, configRevision: 2 };
        },
      },
    });
    expect([world.asked.length, world.reports]).toEqual([2, [{ kind: "ok" }]]);
  });
});

describe("a provider", () => {
  /** Credentials that are read as `changed` from the second time on. */
  const replaced = (db: Database, changed: (row: Record<string, unknown>) => object): Database => {
    let readings = 0;
    const first = async <Row>(statement: Parameters<Database["first"]>[0]) => {
      const row = await db.first<Row & Record<string, unknown>>(statement);
      return row === null || readings++ === 0 ? row : ({ ...row, ...changed(row) } as Row);
    };
    return { ...db, first };
  };

  test("that fails otherwise than over its credentials is not asked again, though those changed meanwhile", async () => {
    const world = await grantWorld();
    world.issue = () => "upstream_timeout";
    const db = replaced(world.deps.db, () => ({ configRevision: 2 }));
    await world.inside(async (grant) => expect(said(await grant.token(world.request()))).toBe("upstream_timeout"), {
      db,
    });
    expect(world.asked).toEqual(["token read"]);
  });

  test("U-14 that took another's place meanwhile is not asked for what was journaled for that one", async () => {
    const world = await grantWorld();
    world.issue = () => ({ status: 401, body: { error: "invalid_client" } });
    const db = replaced(world.deps.db, ({ config }) => ({
      configRevision: 2,
      config: String(config).replaceAll("as.example.com", "other.example.com"),
    }));
    await world.inside(
      async (grant) => expect(said(await grant.token(world.request()))).toBe("upstream_invalid_client"),
      { db },
    );
    expect(world.asked).toEqual(["token read"]);
    expect(world.reports).toEqual([{ kind: "invalid-client", configRevision: 1 }]);
  });

  test("that cannot be known, because the connector or its type is gone, is not asked", async () => {
    const world = await grantWorld();
    const { db } = world.deps;
    const codeWith = (change: Partial<typeof world.deps>) =>
      world.inside(async (grant) => said(await grant.token(world.request())), change);
    expect(await codeWith({ db: { ...db, first: async () => null } })).toBe("not_found");
    expect(await codeWith({ driverOf: () => null })).toBe("unresolved_token");
    expect([world.asked, world.acquired]).toEqual([[], []]);
  });
});

describe("a revocation that comes while the provider is answering", () => {
  test("keeps the token from being stored, and has the provider told of it", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      world.held = promise;
      const asking = grant.token(world.request());
      await expect.poll(() => world.asked).toEqual(["token read"]);
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ tokensFound: 0, providerPending: 1 });
      world.held = Promise.resolve();
      resolve();
      // Who asked is given another: it was not theirs that was revoked.
      expect(said(await asking)).toBe("at-2");
      expect(rows(storage, "upstream_revocations")).toHaveLength(1);
      expect(await storage.getAlarm()).toBe(START_MS);
      await grant.alarm();
      expect(rows(storage, "upstream_revocations")).toEqual([]);
    });
    expect(world.asked).toEqual(["token read", "token read", "revoke at-1"]);
  });

  test("for ever is given up on, to be tried again", async () => {
    const world = await grantWorld();
    await world.inside(async (grant) => {
      const issue = world.issue;
      world.issue = () => {
        void grant.revoke(EVERYTHING);
        return issue();
      };
      expect(await grant.token(world.request())).toEqual({
        ok: false,
        failure: {
          code: "storage_unavailable",
          reason: "revoked again and again while minting",
          retryAfterMs: 1000,
        },
      });
    });
    expect(world.asked.filter((what) => what === "token read")).toHaveLength(4);
  });
});

test("an attempt that nobody ended is told of when the object wakes up, and ended", async () => {
  const world = await grantWorld();
  await world.inside(async (grant, storage, restart) => {
    await grant.token(world.request());
    storage.sql.exec(
      "INSERT INTO attempts (id, kind, group_id, fingerprint, started_at_ms, deadline_ms) VALUES ('att_1', 'mint', 'g', '', 5, 6)",
    );
    restart();
    expect(rows(storage, "attempts")).toEqual([]);
  });
  expect(world.lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ event: "grant.attempt_abandoned", level: "warn", kind: "mint", startedAtMs: 5 }),
  ]);
});

describe("a ceiling", () => {
  test("keeps a token that is above it from everybody, and has it revoked", async () => {
    const world = await grantWorld();
    world.issue = () => ({
      status: 200,
      body: { access_token: "wide", token_type: "Bearer", expires_in: 60, scope: "read write admin" },
    });
    await world.inside(async (grant, storage) => {
      expect(await grant.token(world.request({ scopeCeiling: ["read"] }))).toMatchObject({
        failure: {
          code: "insufficient_scope",
          message: "The provider granted more than the project's link allows: admin write.",
        },
      });
      expect(rows(storage, "tokens")).toEqual([]);
      expect(rows(storage, "upstream_revocations")).toHaveLength(1);
    });
    expect(world.lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ event: "grant.scopes_above_ceiling", scopes: 2, connectorId: world.connector.id }),
    ]);
    // The provider did what it was asked: nothing is wrong with it.
    expect(world.reports).toEqual([{ kind: "ok" }]);
  });
});
