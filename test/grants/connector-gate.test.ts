import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { driverOf } from "../../src/catalog/registry.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { BACKGROUND_PERMITS } from "../../src/grants/background-queue.ts";
import { ConnectorGateObject, type PermitRequest } from "../../src/grants/connector-gate.ts";
import { db, keys } from "../connectors/rows.ts";

const START_MS = 1_000_000;

/** A gate of its own, with a clock that the test moves. */
async function withGate(work: (gate: ConnectorGateObject, clock: { nowMs: number }) => Promise<void>): Promise<void> {
  const clock = { nowMs: START_MS };
  await runInDurableObject(env.CONNECTOR_GATES.getByName(crypto.randomUUID()), (_, state) =>
    work(
      new ConnectorGateObject(state, {}, { now: () => clock.nowMs, randomBytes, db, driverOf, keys: async () => keys }),
      clock,
    ),
  );
}

const waiting: PermitRequest = { priority: "foreground", configRevision: 1 };
const idle: PermitRequest = { priority: "background", configRevision: 1, lateMs: 0, leftMs: 3_600_000 };

/** So many of the background that stand in line. */
function line(gate: ConnectorGateObject, count: number) {
  return Array.from({ length: count }, () => gate.acquire(idle));
}

/** So many that hold a permit. */
async function holders(gate: ConnectorGateObject, count: number): Promise<void> {
  for (let holder = 0; holder < count; holder++) await permit(gate, idle);
}

async function permit(gate: ConnectorGateObject, request: PermitRequest): Promise<string> {
  const result = await gate.acquire(request);
  if (!result.ok) throw new Error(`refused: ${result.failure.code}`);
  return result.value.permit;
}

describe("permits", () => {
  test("are there for everybody who waits, each with a name of its own", () =>
    withGate(async (gate) => {
      const permits: string[] = [];
      for (let count = 0; count < 50; count++) permits.push(await permit(gate, waiting));
      expect(new Set(permits).size).toBe(50);
      expect(permits[0]).toMatch(/^prm_/);
    }));

  test("run out for work in the background, and are there again once one is given back", () =>
    withGate(async (gate) => {
      const permits: string[] = [];
      for (let count = 0; count < BACKGROUND_PERMITS; count++) permits.push(await permit(gate, idle));
      const inLine = line(gate, 16);
      expect(await gate.acquire(idle)).toEqual({
        ok: false,
        failure: { code: "rate_limited", reason: "background permits in use", retryAfterMs: 1_000 },
      });
      await permit(gate, waiting);
      await gate.report(permits[3] ?? "", { kind: "other" });
      expect(await inLine[0]).toMatchObject({ ok: true });
      for (const held of permits) await gate.report(held, { kind: "ok" });
      await Promise.all(inLine.slice(0, 8));
    }));

  test("are not waited for at the gate for longer than five seconds", () =>
    withGate(async (gate) => {
      await holders(gate, BACKGROUND_PERMITS);
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      try {
        const inLine = gate.acquire(idle);
        await vi.advanceTimersByTimeAsync(5_000);
        expect(await inLine).toMatchObject({ ok: false, failure: { code: "rate_limited", retryAfterMs: 1_000 } });
      } finally {
        vi.useRealTimers();
      }
    }));

  test("leave no timer behind, whether they came or not", () =>
    withGate(async (gate) => {
      const first = await permit(gate, idle);
      await holders(gate, BACKGROUND_PERMITS - 1);
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      try {
        const inLine = line(gate, 2);
        await expect.poll(() => vi.getTimerCount()).toBe(2);
        await gate.report(first, { kind: "ok" });
        expect(await inLine[0]).toMatchObject({ ok: true });
        expect(vi.getTimerCount()).toBe(1);
        await vi.advanceTimersByTimeAsync(5_000);
        expect(await inLine[1]).toMatchObject({ ok: false });
        expect(vi.getTimerCount()).toBe(0);
      } finally {
        vi.useRealTimers();
      }
    }));

  test("are no permits any more when the provider asks for quiet while they are waited for", () =>
    withGate(async (gate) => {
      const first = await permit(gate, idle);
      await holders(gate, BACKGROUND_PERMITS - 1);
      const inLine = gate.acquire(idle);
      await gate.report(first, { kind: "ok" });
      expect(await inLine).toMatchObject({ ok: true });
      const next = gate.acquire(idle);
      const another = await permit(gate, waiting);
      await gate.report(another, { kind: "rate-limited", retryAfterMs: 9_000 });
      const { value } = (await inLine) as { value: { permit: string } };
      await gate.report(value.permit, { kind: "ok" });
      expect(await next).toMatchObject({ failure: { code: "upstream_rate_limited" } });
    }));

  test("whose holder died come back after half a minute, and not before", () =>
    withGate(async (gate, clock) => {
      for (let count = 0; count < BACKGROUND_PERMITS; count++) await permit(gate, idle);
      clock.nowMs += 29_999;
      let isIn = false;
      void gate.acquire(idle).then(({ ok }) => {
        isIn = ok;
      });
      await scheduler.wait(0);
      expect(isIn).toBe(false);
      clock.nowMs += 1;
      for (let count = 0; count < BACKGROUND_PERMITS - 1; count++) await permit(gate, idle);
      expect(isIn).toBe(true);
    }));
});

describe("a provider that asked for quiet", () => {
  test("is left alone by everybody until then, told how long", () =>
    withGate(async (gate, clock) => {
      await gate.report(await permit(gate, waiting), { kind: "rate-limited", retryAfterMs: 5000 });
      clock.nowMs += 4999;
      const failure = { code: "upstream_rate_limited", reason: "back-off", retryAfterMs: 1 };
      expect(await gate.acquire(waiting)).toEqual({ ok: false, failure });
      expect(await gate.acquire({ ...waiting, configRevision: 2 })).toEqual({ ok: false, failure });
      clock.nowMs += 1;
      await permit(gate, waiting);
    }));

  test("is not called by all of the background at once when that is over", () =>
    withGate(async (gate) => {
      await gate.report(await permit(gate, waiting), { kind: "rate-limited", retryAfterMs: 5000 });
      const turns: unknown[] = [];
      for (let count = 0; count < 3; count++) turns.push(await gate.acquire(idle));
      expect(turns).toMatchObject([5063, 5125, 5188].map((retryAfterMs) => ({ failure: { retryAfterMs } })));
    }));

  test("is left alone for the longest that it asked for", () =>
    withGate(async (gate) => {
      const [one, two] = [await permit(gate, waiting), await permit(gate, waiting)];
      await gate.report(one, { kind: "rate-limited", retryAfterMs: 9000 });
      await gate.report(two, { kind: "rate-limited", retryAfterMs: 10 });
      expect(await gate.acquire(waiting)).toMatchObject({ failure: { retryAfterMs: 9000 } });
    }));

  test("is not forgiven because another call went well", () =>
    withGate(async (gate) => {
      const [one, two] = [await permit(gate, waiting), await permit(gate, waiting)];
      await gate.report(one, { kind: "rate-limited", retryAfterMs: 9000 });
      await gate.report(two, { kind: "ok" });
      expect((await gate.acquire(waiting)).ok).toBe(false);
    }));
});

describe("credentials that were rejected", () => {
  const rejected = { kind: "invalid-client", configRevision: 1 } as const;

  test("are not sent again for a minute; then one caller tries, and the others go on waiting", () =>
    withGate(async (gate, clock) => {
      await gate.report(await permit(gate, waiting), rejected);
      clock.nowMs += 59_000;
      expect(await gate.acquire(waiting)).toEqual({
        ok: false,
        failure: { code: "upstream_invalid_client", reason: "breaker open", retryAfterMs: 1000 },
      });
      clock.nowMs += 1000;
      await permit(gate, waiting);
      expect(await gate.acquire(waiting)).toMatchObject({
        failure: { code: "upstream_invalid_client", retryAfterMs: 60_000 },
      });
    }));

  test("say nothing of newer ones", () =>
    withGate(async (gate) => {
      await gate.report(await permit(gate, waiting), rejected);
      await permit(gate, { ...waiting, configRevision: 2 });
    }));

  test("are good again once a call with them went well, and with no other outcome", () =>
    withGate(async (gate) => {
      const [one, two, three] = [await permit(gate, waiting), await permit(gate, waiting), await permit(gate, waiting)];
      await gate.report(one, rejected);
      await gate.report(two, { kind: "other" });
      expect((await gate.acquire(waiting)).ok).toBe(false);
      await gate.report(three, { kind: "ok" });
      await permit(gate, waiting);
    }));
});
