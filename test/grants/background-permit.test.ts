import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { fail, ok } from "../../src/errors.ts";
import { withBackgroundPermit } from "../../src/grants/background-permit.ts";
import type { GrantObject } from "../../src/grants/grant.ts";
import { seedTeam } from "../connectors/rows.ts";
import { type UserWorld, userWorld } from "./user-world.ts";
import { LIFETIME_MS, rows, said } from "./world.ts";

beforeAll(() => seedTeam());

/** A grant whose token is in use, at the moment when its alarm is due. Of the gate, only what comes from then on. */
async function dueGrant(work: (world: UserWorld, grant: GrantObject, storage: DurableObjectStorage) => Promise<void>) {
  const world = await userWorld();
  await world.inside(async (grant, storage) => {
    await world.authorized(grant);
    await grant.token(world.request());
    world.nowMs = (await storage.getAlarm()) ?? 0;
    world.acquired.length = 0;
    world.reports.length = 0;
    await work(world, grant, storage);
  });
}

const changeConnector = (world: UserWorld, change: string) =>
  env.DB.prepare(`UPDATE connectors SET ${change} WHERE id = ?`).bind(world.connector.id).run();

describe("the permit of a refresh that nobody waits for", () => {
  test("is asked for once, and given back once, with what the provider did", () =>
    dueGrant(async (world, grant) => {
      world.script.refresh = () => ({ code: "upstream_rate_limited", retryAfterMs: 7_000 });
      await grant.alarm();
      expect(world.acquired).toHaveLength(1);
      expect(world.reports).toEqual([{ kind: "rate-limited", retryAfterMs: 7_000 }]);
    }));

  test("is given back though the provider was not asked", () =>
    dueGrant(async (world, grant) => {
      await changeConnector(world, "deleted_at_ms = 1");
      await grant.alarm();
      expect(world.script.presented).toEqual([]);
      expect(world.reports).toEqual([{ kind: "other" }]);
    }));

  test("was not for credentials that were changed since: those are asked about, too", () =>
    dueGrant(async (world, grant) => {
      await changeConnector(world, "config_revision = config_revision + 1");
      await grant.alarm();
      expect(world.acquired).toMatchObject([
        { priority: "background", configRevision: 1 },
        { priority: "foreground", configRevision: 2 },
      ]);
      expect(world.script.presented).toEqual(["rt-1"]);
      expect(world.reports).toEqual([{ kind: "ok" }]);
    }));

  test("sends nothing with changed credentials that are known to be rejected", () =>
    dueGrant(async (world, grant, storage) => {
      await changeConnector(world, "config_revision = config_revision + 1");
      const gate = Promise.withResolvers<void>();
      world.gateHeld = gate.promise;
      const alarm = grant.alarm();
      await expect.poll(() => world.acquired.length).toBe(1);
      gate.resolve();
      await Promise.resolve();
      const first = Promise.withResolvers<void>();
      world.gateHeld = first.promise;
      await expect.poll(() => world.acquired.length).toBe(2);
      world.permit = fail("upstream_invalid_client", { retryAfterMs: 45_000 });
      first.resolve();
      await alarm;
      expect(world.script.presented).toEqual([]);
      expect(rows(storage, "attempts")).toEqual([]);
      expect(world.reports).toEqual([{ kind: "other" }]);
      expect(await storage.getAlarm()).toBe(world.nowMs + 45_000);
    }));
});

describe("a grant that has nothing to refresh", () => {
  const parts = (identity: boolean, authorization: boolean) => {
    const asked: string[] = [];
    const store = {
      identity: () => (identity ? { identity: { connectorId: "scl_1" }, region: "weur" } : null),
      authorizations: { read: () => (authorization ? { configRevision: 4 } : null) },
    };
    const gate = (connectorId: string, region: string) => ({
      acquire: async (request: object) => {
        asked.push(`${connectorId} ${region} ${JSON.stringify(request)}`);
        return ok({ permit: "prm_1" });
      },
      report: async () => {},
    });
    // No more of a Grant than is looked at.
    const given = { store, deps: { gate }, defer: () => {} } as unknown as Parameters<typeof withBackgroundPermit>[0];
    return { asked, given };
  };
  const asker = { lateMs: 1, leftMs: 2 };

  test.each([
    ["since nobody ever asked", false, true],
    ["since nobody agreed", true, false],
    ["for either reason", false, false],
  ])("%s takes no permit from others", async (_, identity, authorization) => {
    const { asked, given } = parts(identity, authorization);
    const work = vi.fn();
    expect(await withBackgroundPermit(given, asker, work)).toEqual(ok(undefined));
    expect(asked).toEqual([]);
    expect(work).not.toHaveBeenCalled();
  });

  test("unlike one that has, which asks its own gate once, and leaves no timer behind", async () => {
    const { asked, given } = parts(true, true);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      let held: unknown = null;
      const result = await withBackgroundPermit(given, asker, async (permit) => {
        held = { ...permit };
        expect(vi.getTimerCount()).toBe(0);
        return fail("forbidden");
      });
      expect(result).toEqual(fail("forbidden"));
      expect(held).toEqual({ permit: "prm_1", configRevision: 4, isReported: false });
    } finally {
      vi.useRealTimers();
    }
    expect(asked).toEqual([`scl_1 weur {"priority":"background","lateMs":1,"leftMs":2,"configRevision":4}`]);
  });
});

describe("a gate that does not answer", () => {
  test("since it died costs half a minute, and no caller's token", () =>
    dueGrant(async (world, grant, storage) => {
      world.gateHeld = Promise.reject(new Error("the object was reset"));
      await grant.alarm();
      expect(await storage.getAlarm()).toBe(world.nowMs + 30_000);
      expect(world.lines.join()).not.toContain("grant.alarm_failed");
      world.gateHeld = Promise.resolve();
      world.nowMs += 30_000;
      await grant.alarm();
      expect(said(await grant.token(world.request()))).toBe("at-2");
    }));

  test("at all is not waited for beyond what an attempt may take, nor by who asks", () =>
    dueGrant(async (world, grant, storage) => {
      world.gateHeld = new Promise(() => {});
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      try {
        const alarm = grant.alarm();
        while (world.acquired.length === 0) await scheduler.wait(1);
        world.gateHeld = Promise.resolve();
        world.nowMs += LIFETIME_MS;
        expect(said(await grant.token(world.request()))).toBe("at-2");
        await vi.advanceTimersByTimeAsync(20_000);
        await alarm;
      } finally {
        vi.useRealTimers();
      }
      expect(world.script.presented).toEqual(["rt-1"]);
      expect(await storage.getAlarm()).toBeGreaterThan(world.nowMs);
    }));
});
