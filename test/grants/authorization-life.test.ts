import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { fail } from "../../src/errors.ts";
import type { Database } from "../../src/store/database.ts";
import { seedTeam } from "../connectors/rows.ts";
import { type UserWorld, userWorld } from "./user-world.ts";
import { EVERYTHING, granted, grantWorld, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

const group = (...scopes: string[]) => ({ scopes, resources: [], audience: [], authorizationDetails: [] });
const alice = { externalSubject: { issuer: "https://as.example.com", subject: "alice" } };
const bob = { externalSubject: { issuer: "https://as.example.com", subject: "bob" } };
const stateOf = (storage: DurableObjectStorage) => rows(storage, "authorization")[0];
const logged = (world: UserWorld, event: string) =>
  world.lines.map((line) => JSON.parse(line)).filter((line) => line.event === event);
const indexed = (world: UserWorld) =>
  env.DB.prepare("SELECT authorization_state AS state, external_subject AS subject FROM grants WHERE name = ?")
    .bind(world.name)
    .first<{ state: string; subject: string | null }>();
/** A database that does with the index of authorizations what `write` says. */
const withIndex = (db: Database, write: (real: () => Promise<number>) => Promise<number>): Database => ({
  ...db,
  run: (statement) =>
    statement.sql.includes("authorization_state") ? write(() => db.run(statement)) : db.run(statement),
});
/** A journal entry of an object that died. */
const abandon = (storage: DurableObjectStorage, kind: string, fingerprint: unknown) =>
  storage.sql.exec(
    "INSERT INTO attempts (id, kind, group_id, fingerprint, started_at_ms, deadline_ms) VALUES ('att_1', ?, 'g', ?, 5, 6)",
    kind,
    String(fingerprint),
  );

describe("what an operator sees of an authorization", () => {
  test("is whether it can be refreshed, and when the last of its tokens ends", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      const { authorizationId } = await world.authorized(grant, { group: group("a", "b") });
      expect(await grant.describe()).toEqual({
        authorizationId,
        state: "active",
        scopes: ["a", "b"],
        refreshable: true,
        authorizedAtMs: START_MS,
        accessTokenExpiresAtMs: START_MS + LIFETIME_MS,
        lastRefresh: null,
        nextAttemptAtMs: null,
        upstreamRevocation: null,
      });
      world.nowMs += 1_000;
      await grant.token(world.request({ group: group("a") }));
      expect(await grant.describe()).toMatchObject({
        accessTokenExpiresAtMs: START_MS + LIFETIME_MS + 1_000,
        lastRefresh: { atMs: START_MS + 1_000, outcome: "ok" },
      });
      world.nowMs += LIFETIME_MS - 1;
      expect((await grant.describe())?.accessTokenExpiresAtMs).toBe(world.nowMs + 1);
      world.nowMs += 1;
      expect((await grant.describe())?.accessTokenExpiresAtMs).toBeNull();
    });
  });

  test("is that it cannot be refreshed any more once the provider refused it", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.script.refresh = () => "upstream_grant_refused";
      for (let count = 0; count < 2; count++) {
        world.nowMs += LIFETIME_MS;
        await grant.token(world.request());
      }
      expect(await grant.describe()).toMatchObject({ state: "refused_upstream", refreshable: false });
    });
  });

  test("is no next attempt while another authorization is being exchanged", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      const answer = Promise.withResolvers<void>();
      world.script.held = answer.promise;
      const authorizing = grant.authorize(world.authorization());
      await expect.poll(() => world.script.exchanges.length).toBe(2);
      expect((await grant.describe())?.nextAttemptAtMs).toBeNull();
      answer.resolve();
      await authorizing;
    });
  });
});

describe("C-05 an attempt of an object that died", () => {
  test("counts against the refresh token that it spent", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage, restart) => {
      await world.authorized(grant);
      abandon(storage, "refresh", stateOf(storage)?.fingerprint);
      const next = restart();
      expect(stateOf(storage)).toMatchObject({ unknown_attempts: 1, last_outcome: "upstream_timeout" });
      await next.alarm();
      expect(logged(world, "grant.alarm_failed")).toEqual([]);
    });
  });

  test.for([
    ["of another refresh token", "refresh", () => "another"],
    ["that was an exchange", "exchange", (own: unknown) => own],
  ] as const)("%s does not", async ([, kind, fingerprint]) => {
    const world = await userWorld();
    await world.inside(async (grant, storage, restart) => {
      await world.authorized(grant);
      abandon(storage, kind, fingerprint(stateOf(storage)?.fingerprint));
      restart();
      expect([stateOf(storage)?.unknown_attempts, rows(storage, "attempts")]).toEqual([0, []]);
    });
  });

  test("changes nothing of an authorization that has ended, or of a Grant that has none", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage, restart) => {
      await world.authorized(grant);
      const { fingerprint } = stateOf(storage) ?? {};
      storage.sql.exec("UPDATE authorization SET state = 'refused_upstream'");
      abandon(storage, "refresh", fingerprint);
      restart();
      expect([stateOf(storage)?.unknown_attempts, rows(storage, "attempts")]).toEqual([0, []]);
    });
    const app = await grantWorld();
    await app.inside(async (grant, storage, restart) => {
      await grant.token(app.request());
      abandon(storage, "refresh", "");
      expect(said(await restart().token(app.request()))).toBe("at-1");
    });
  });
});

describe("ending an authorization that has no refresh token", () => {
  test("has its access token stand for it at the provider", async () => {
    const world = await userWorld();
    world.script.exchange = () => ({ refreshToken: null });
    world.revoke = () => "upstream_unreachable";
    await world.inside(async (grant) => {
      await world.authorized(grant);
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ tokensFound: 1, providerFailed: 1 });
      expect((await grant.describe())?.upstreamRevocation).toEqual({ outcome: "pending", atMs: null });
      world.revoke = () => ({ status: 200, body: {} });
      world.nowMs += 30_000;
      await grant.alarm();
      const confirmed = { outcome: "confirmed", atMs: world.nowMs };
      expect((await grant.describe())?.upstreamRevocation).toEqual(confirmed);
      // Once more is not another end: what the provider confirmed stays on record.
      world.nowMs += 1;
      await grant.revoke(EVERYTHING);
      expect((await grant.describe())?.upstreamRevocation).toEqual(confirmed);
    });
  });

  test("and whose access token has ended leaves nothing to tell", async () => {
    const world = await userWorld();
    world.script.exchange = () => ({ refreshToken: null });
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      await grant.revoke(EVERYTHING);
      expect((await grant.describe())?.upstreamRevocation).toEqual({ outcome: "unsupported", atMs: world.nowMs });
    });
    expect(world.asked).toEqual(["exchange code-1"]);
  });
});

describe("the index of grants", () => {
  test.for([
    ["revoked", null, "revoked"],
    ["authorized by another user", bob, "active"],
  ] as const)("comes right when a slow write of it lands after the grant was %s", async ([, next, state]) => {
    const world = await userWorld();
    world.script.exchange = () => alice;
    const slow = Promise.withResolvers<void>();
    let writes = 0;
    const db = withIndex(world.deps.db, async (write) => {
      if (writes++ === 0) await slow.promise;
      return write();
    });
    await world.inside(
      async (grant, storage) => {
        const authorizing = world.authorized(grant);
        await expect.poll(() => writes).toBe(1);
        if (next === null) await grant.revoke(EVERYTHING);
        else {
          world.script.exchange = () => next;
          await world.authorized(grant);
        }
        const right = await indexed(world);
        expect(right?.state).toBe(state);
        slow.resolve();
        await authorizing;
        expect(stateOf(storage)).toMatchObject({ indexed: 0 });
        expect(await storage.getAlarm()).toBeLessThanOrEqual(world.nowMs + 30_000);
        await grant.alarm();
        expect([await indexed(world), stateOf(storage)?.indexed]).toEqual([right, 1]);
      },
      { db },
    );
  });

  test("that cannot be written is tried again in half a minute, whatever else the alarm is for", async () => {
    const world = await userWorld();
    const db = withIndex(world.deps.db, () => Promise.reject(new Error("the database is gone")));
    await world.inside(
      async (grant, storage) => {
        await world.authorized(grant);
        await grant.token(world.request());
        expect(await storage.getAlarm()).toBe(START_MS + 30_000);
      },
      { db },
    );
    expect(logged(world, "grant.index_behind")[0]?.reason).toBe("Error: the database is gone");
  });
});

describe("the alarm", () => {
  test("refreshes twenty groups of tokens at once, and the next ones at the next", async () => {
    const world = await userWorld();
    const scopes = Array.from({ length: 21 }, (_, index) => `scope-${index}`);
    await world.inside(async (grant, storage) => {
      await world.authorized(grant, { group: group(...scopes, "other") });
      for (const scope of scopes) await grant.token(world.request({ group: group(scope) }));
      const before = world.script.presented.length;
      // Calls take time, and by that the Grant knows that it has tried.
      world.script.refresh = () => {
        world.nowMs += 1;
        return {};
      };
      world.nowMs += LIFETIME_MS - 100_000;
      await grant.alarm();
      expect(world.script.presented.length - before).toBe(20);
      expect(await storage.getAlarm()).toBeLessThanOrEqual(world.nowMs);
      await grant.alarm();
      expect(world.script.presented.length - before).toBe(21);
    });
  });

  test("tries an unknown end once, and leaves the second try to the next alarm, which is at once", async () => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(world.request());
      world.nowMs = (await storage.getAlarm()) ?? 0;
      world.script.refresh = () => "upstream_timeout";
      await grant.alarm();
      expect([world.script.presented.length, await storage.getAlarm()]).toEqual([1, world.nowMs]);
    });
  });

  test("leaves a strict provider alone until the token has ended whose refresh nobody saw end", async () => {
    const world = await userWorld({ rotation: "strict" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant, { group: group("a", "b") });
      await grant.token(world.request({ group: group("a", "b") }));
      world.nowMs += 10_000;
      const narrow = { group: group("a") };
      const { tokenId } = granted(await grant.token(world.request(narrow)));
      world.nowMs += 31_000;
      world.script.refresh = () => "upstream_timeout";
      await grant.token(world.request({ ...narrow, rejectedTokenId: tokenId }));
      expect(await storage.getAlarm()).toBe(START_MS + 10_000 + LIFETIME_MS);
    });
  });

  test("is for what is due first", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant, { group: group("a", "b") });
      await grant.token(world.request({ group: group("a", "b") }));
      world.script.refresh = () => ({ expiresAtMs: START_MS + 600_000 });
      await grant.token(world.request({ group: group("a") }));
      expect(await storage.getAlarm()).toBeLessThan(START_MS + 600_000);
    });
  });

  test("is not for refreshing what has no refresh token, though it is in use", async () => {
    const world = await userWorld();
    world.script.exchange = () => ({ refreshToken: null });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(world.request());
      expect((await grant.describe())?.nextAttemptAtMs).toBeNull();
      expect(await storage.getAlarm()).toBe(START_MS + LIFETIME_MS);
    });
  });

  test("that was turned away says how late it is when it comes back, whatever that was for", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(world.request());
      world.nowMs = (await storage.getAlarm()) ?? 0;
      world.permit = fail("upstream_invalid_client", { retryAfterMs: 45_000 });
      await grant.alarm();
      world.nowMs += 45_000;
      await grant.alarm();
    });
    expect(world.acquired.slice(1)).toMatchObject([{ lateMs: 0 }, { lateMs: 45_000 }]);
  });
});
