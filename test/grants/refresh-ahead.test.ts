import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { fail, ok } from "../../src/errors.ts";
import { seedTeam } from "../connectors/rows.ts";
import { userWorld } from "./user-world.ts";
import { LIFETIME_MS, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

describe("the alarm of a grant that is in use", () => {
  test("refreshes before the end, in the background, so that nobody waits", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      // Nobody has asked yet: only the token's end is of interest.
      expect(await storage.getAlarm()).toBe(START_MS + LIFETIME_MS);
      await grant.token(world.request());
      const alarmAtMs = (await storage.getAlarm()) ?? 0;
      expect(alarmAtMs).toBeGreaterThanOrEqual(START_MS + LIFETIME_MS - 300_000);
      expect(alarmAtMs).toBeLessThanOrEqual(START_MS + LIFETIME_MS - 150_000);
      expect((await grant.describe())?.nextAttemptAtMs).toBe(alarmAtMs);
      world.nowMs = alarmAtMs;
      await grant.alarm();
      expect(await grant.token(world.request())).toMatchObject({ ok: true, minted: false, value: { token: "at-2" } });
    });
    expect(world.script.presented).toEqual(["rt-1"]);
    expect(world.acquired.at(-1)).toMatchObject({ priority: "background", lateMs: 0 });
  });

  test("that comes early, for whatever else, asks for no permit and refreshes nothing", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(world.request());
      const alarmAtMs = (await storage.getAlarm()) ?? 0;
      const asked = world.acquired.length;
      world.nowMs = alarmAtMs - 1;
      await grant.alarm();
      expect(world.acquired).toHaveLength(asked);
      expect(await storage.getAlarm()).toBe(alarmAtMs);
    });
    expect(world.script.presented).toEqual([]);
  });

  test("does it once for a token that nobody asks for any more", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(world.request());
      world.nowMs = (await storage.getAlarm()) ?? 0;
      await grant.alarm();
      expect(world.script.presented).toHaveLength(1);
      expect(await storage.getAlarm()).toBe(world.nowMs + LIFETIME_MS);
      world.nowMs += LIFETIME_MS;
      await grant.alarm();
      expect(world.script.presented).toHaveLength(1);
    });
  });

  test("does it for each group of tokens in use, one after the other", async () => {
    const world = await userWorld();
    const group = (...scopes: string[]) => ({ scopes, resources: [], audience: [], authorizationDetails: [] });
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("a", "b") });
      await grant.token(world.request({ group: group("a", "b") }));
      await grant.token(world.request({ group: group("a") }));
      world.nowMs += LIFETIME_MS - 100_000;
      await grant.alarm();
      expect(said(await grant.token(world.request({ group: group("a") })))).not.toBe("at-2");
      expect(said(await grant.token(world.request({ group: group("a", "b") })))).not.toBe("at-1");
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-2", "rt-3"]);
    expect(world.script.mostUnderWay).toBe(1);
  });

  test("asks for a permit before anything else, and comes back when its turn is, saying how late that makes it", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(world.request());
      world.nowMs = (await storage.getAlarm()) ?? 0;
      world.permit = fail("rate_limited", { retryAfterMs: 12_345 });
      const seen = await env.DB.prepare("SELECT seen_at_ms FROM grants WHERE name = ?").bind(world.name).first();
      await grant.alarm();
      expect(await storage.getAlarm()).toBe(world.nowMs + 12_345);
      expect(await env.DB.prepare("SELECT seen_at_ms FROM grants WHERE name = ?").bind(world.name).first()).toEqual(
        seen,
      );
      // Who waits does not queue behind that.
      world.permit = ok({ permit: "prm_1" });
      const asked = world.acquired.length;
      expect(said(await grant.token(world.request()))).toBe("at-1");
      expect(world.acquired).toHaveLength(asked);
      world.nowMs += 12_345;
      await grant.alarm();
      const leftMs = START_MS + LIFETIME_MS - world.nowMs;
      expect(world.acquired.at(-1)).toMatchObject({ priority: "background", lateMs: 12_345, leftMs });
      expect(said(await grant.token(world.request()))).toBe("at-2");
    });
  });

  test("does not run again and again when the background cannot even begin", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(world.request());
      world.nowMs = (await storage.getAlarm()) ?? 0;
      world.permit = fail("upstream_invalid_client", { retryAfterMs: 45_000 });
      await grant.alarm();
      expect(await storage.getAlarm()).toBe(world.nowMs + 45_000);
      world.permit = ok({ permit: "prm_1" });
    });
    expect(world.script.presented).toEqual([]);
  });

  test("confirms a refusal, though nobody asks", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => "upstream_grant_refused";
      await grant.token(world.request());
      expect(await storage.getAlarm()).toBe(world.nowMs + 30_000);
      world.nowMs += 30_000;
      await grant.alarm();
      expect(await grant.describe()).toMatchObject({
        state: "refused_upstream",
        lastRefresh: { outcome: "upstream_grant_refused" },
        nextAttemptAtMs: null,
      });
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-1"]);
  });

  test("C-05 wakes the next object after the death of one that was refreshing", async () => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant, storage, restart) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const never = Promise.withResolvers<void>();
      world.script.held = never.promise;
      const dying = grant.token(world.request());
      while (world.script.presented.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await storage.getAlarm()).toBe(world.nowMs + 20_000);
      world.script.held = Promise.resolve();
      world.nowMs += 20_000;
      const next = restart();
      await next.alarm();
      expect(said(await next.token(world.request()))).toBe("at-2");
      never.resolve();
      await dying;
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-1"]);
  });
});
