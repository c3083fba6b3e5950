import { beforeAll, describe, expect, test } from "vitest";
import { fail, ok } from "../../src/errors.ts";
import { BACKGROUND_PERMITS, BackgroundQueue } from "../../src/grants/background-queue.ts";
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
    expect(world.acquired.at(-1)).toMatchObject({ priority: "background", hasWaited: false });
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

  test("comes back when its turn is, and says then that it has waited", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(world.request());
      world.nowMs = (await storage.getAlarm()) ?? 0;
      world.permit = fail("rate_limited", { retryAfterMs: 12_345 });
      await grant.alarm();
      expect(await storage.getAlarm()).toBe(world.nowMs + 12_345);
      // Who waits does not queue behind that.
      world.permit = ok({ permit: "prm_1" });
      const asked = world.acquired.length;
      expect(said(await grant.token(world.request()))).toBe("at-1");
      expect(world.acquired).toHaveLength(asked);
      world.nowMs += 12_345;
      await grant.alarm();
      expect(world.acquired.at(-1)).toMatchObject({ priority: "background", hasWaited: true });
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

describe("ten thousand grants that are due in one minute", () => {
  test("ask the gate a few times each, and never more call than there are permits", () => {
    const queue = new BackgroundQueue();
    const callMs = 150;
    type Event = { atMs: number; grant: number; leaves: boolean; hasWaited: boolean };
    // A calendar of arrivals and departures, by the millisecond.
    const calendar = new Map<number, Event[]>();
    const at = (event: Event) => calendar.set(event.atMs, [...(calendar.get(event.atMs) ?? []), event]);
    for (let grant = 0; grant < 10_000; grant++) {
      at({ atMs: (grant * 7_919) % 60_000, grant, leaves: false, hasWaited: false });
    }
    let [asks, holders, most, done, lastMs] = [0, 0, 0, 0, 0];
    for (let nowMs = 0; done < 10_000 && nowMs < 3_600_000; nowMs++) {
      for (const { grant, leaves, hasWaited } of calendar.get(nowMs) ?? []) {
        if (leaves) {
          queue.leave(`prm_${grant}`, nowMs);
          holders--;
          done++;
          lastMs = nowMs;
          continue;
        }
        asks++;
        const waitMs = queue.enter(`prm_${grant}`, hasWaited, nowMs);
        if (waitMs > 0) at({ atMs: nowMs + waitMs, grant, leaves: false, hasWaited: true });
        else {
          holders++;
          at({ atMs: nowMs + callMs, grant, leaves: true, hasWaited: false });
        }
        most = Math.max(most, holders);
      }
      calendar.delete(nowMs);
    }
    expect(done).toBe(10_000);
    expect(most).toBe(BACKGROUND_PERMITS);
    // At best it takes 10,000 × 150 ms / 8.
    expect(lastMs).toBeLessThan(1.5 * ((10_000 * callMs) / BACKGROUND_PERMITS));
    expect(asks).toBeLessThan(40_000);
  });

  test("find a provider that hangs no more often than it lets calls end", () => {
    const queue = new BackgroundQueue();
    for (let holder = 0; holder < BACKGROUND_PERMITS; holder++) expect(queue.enter(`h${holder}`, false, 0)).toBe(0);
    const turns = Array.from({ length: 1_000 }, (_, index) => queue.enter(`w${index}`, false, 0));
    expect(turns[0]).toBe(63);
    expect(turns.at(-1)).toBe(63 * 1_000);
    for (let holder = 0; holder < BACKGROUND_PERMITS; holder++) queue.leave(`h${holder}`, 20_000);
    // Twenty seconds a call: whoever asks now is told to stay away for longer.
    const [first = 0, second = 0] = [queue.enter("x", false, 20_000), queue.enter("y", false, 20_000)];
    expect(second - first).toBeGreaterThan(1_500);
  });
});
