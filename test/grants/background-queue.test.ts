import { describe, expect, test } from "vitest";
import { BACKGROUND_PERMITS, type BackgroundAsker, BackgroundQueue } from "../../src/grants/background-queue.ts";

const HOUR_MS = 3_600_000;
const onTime: BackgroundAsker = { lateMs: 0, leftMs: HOUR_MS };
const returning: BackgroundAsker = { lateMs: 1_000, leftMs: HOUR_MS };

/** A queue whose permits are all held since time 0, by `h0` and on. */
function busyQueue(admitted: string[] = []): BackgroundQueue {
  const queue = new BackgroundQueue((permit) => admitted.push(permit));
  for (let holder = 0; holder < BACKGROUND_PERMITS; holder++) {
    expect(queue.enter(`h${holder}`, onTime, 0)).toEqual({ kind: "in" });
  }
  return queue;
}

describe("permits of the background", () => {
  test("that come back go to those in line, in their order, before anybody else", () => {
    const admitted: string[] = [];
    const queue = busyQueue(admitted);
    for (const permit of ["a", "b", "c"]) expect(queue.enter(permit, returning, 0)).toEqual({ kind: "in line" });
    expect(queue.giveUp("b")).toBe(true);
    queue.leave("h0", 100);
    expect(queue.enter("d", onTime, 100)).toEqual({ kind: "in line" });
    queue.leave("h1", 100);
    expect(admitted).toEqual(["a", "c"]);
    // Who holds one cannot give up any more.
    expect(queue.giveUp("c")).toBe(false);
    queue.leave("h2", 100);
    expect(admitted).toEqual(["a", "c", "d"]);
  });

  test("go to whoever asks while one is free, whatever turns were given", () => {
    const queue = busyQueue();
    for (let asker = 0; asker < 100; asker++) queue.enter(`a${asker}`, onTime, 0);
    for (let asker = 0; asker < 16; asker++) queue.giveUp(`a${asker}`);
    queue.leave("h0", 1);
    expect(queue.enter("x", onTime, 1)).toEqual({ kind: "in" });
  });

  test("of holders that died are given on after half a minute, and not before", () => {
    const admitted: string[] = [];
    const queue = busyQueue(admitted);
    queue.enter("a", returning, 0);
    queue.enter("x", onTime, 29_999);
    expect(admitted).toEqual([]);
    queue.enter("y", onTime, 30_000);
    expect(admitted).toEqual(["a", "x"]);
  });

  test("that were of no use, or are nobody's, say nothing of the pace", () => {
    const queue = busyQueue();
    queue.leave("h0", 20_000, false);
    queue.leave("nobody", 20_000);
    queue.enter("h0", onTime, 20_000);
    expect(queue.away({ lateMs: 0, leftMs: HOUR_MS }, 90_000, 20_000)).toBe(70_000 + Math.ceil(500 / 8));
  });
});

describe("whoever finds no permit", () => {
  test("stands in line if it had its turn, or nobody else waits for one", () => {
    const queue = busyQueue();
    for (let asker = 0; asker < 16; asker++) expect(queue.enter(`a${asker}`, onTime, 0).kind).toBe("in line");
    expect(queue.enter("b", onTime, 0)).toEqual({ kind: "away", waitMs: 1_000 });
    queue.giveUp("a0");
    expect(queue.enter("c", { ...onTime, lateMs: 999 }, 0).kind).toBe("away");
    expect(queue.enter("d", returning, 0).kind).toBe("in line");
    expect(queue.enter("e", returning, 0).kind).toBe("away");
  });

  test("is told one turn after the other, at the pace at which permits come back", () => {
    const queue = busyQueue();
    for (let asker = 0; asker < 16; asker++) queue.enter(`a${asker}`, onTime, 0);
    const turns = Array.from({ length: 1_000 }, (_, index) => queue.away(onTime, 0, 0) - 62.5 * (index + 1));
    expect(Math.max(...turns.slice(20).map(Math.abs))).toBeLessThan(1);
    // Half a second later eight of them have come and gone.
    expect(queue.away(onTime, 500, 500)).toBe(Math.ceil(62.5 * (1_001 - 8)));
  });

  test("is told by the pace of now, and not by that of a provider that used to hang", () => {
    const queue = busyQueue();
    for (let holder = 0; holder < BACKGROUND_PERMITS; holder++) queue.leave(`h${holder}`, 20_000);
    for (let count = 0; count < 1_000; count++) queue.away(onTime, 0, 20_000);
    expect(queue.away(onTime, 0, 20_000)).toBeGreaterThan(1_500_000);
    for (let call = 0; call < 40; call++) {
      queue.enter(`c${call}`, onTime, 20_000 + call * 100);
      queue.leave(`c${call}`, 20_100 + call * 100);
    }
    expect(queue.away(onTime, 0, 24_100)).toBeLessThan(20_000);
  });

  test("is not sent away for more than three quarters of the time that is left, nor for less than a second", () => {
    const queue = busyQueue();
    for (let count = 0; count < 10_000; count++) queue.away(onTime, 0, 0);
    expect(queue.away({ lateMs: 0, leftMs: 100_000 }, 0, 0)).toBe(75_000);
    expect(queue.away({ lateMs: 0, leftMs: 1_000 }, 0, 0)).toBe(1_000);
  });

  test("has its turn after a pause that all observe, and not with all of them at its end", () => {
    const queue = new BackgroundQueue(() => {});
    const first = queue.away(onTime, 60_000, 0);
    const later = Array.from({ length: 100 }, (_, index) => index * 500 + queue.away(onTime, 60_000, index * 500));
    expect(first).toBe(60_063);
    expect(later).toEqual(later.map((_, index) => Math.ceil(60_000 + 62.5 * (index + 2))));
  });
});

describe("ten thousand grants that are due at once, by the jitter of tokens that live for an hour", () => {
  /** Grants that are due within 2.5 minutes, whose tokens end after five, and calls that take so long. */
  function flood(callMs: (nowMs: number) => number) {
    const [grants, spreadMs, endMs] = [10_000, 150_000, 300_000];
    const seen = { done: 0, missed: 0, asks: 0, mostHeld: 0, lastMs: 0, mostAsks: 0 };
    const calendar = new Map<number, (() => void)[]>();
    let nowMs = 0;
    const at = (atMs: number, event: () => void) => {
      const events = calendar.get(Math.ceil(atMs)) ?? [];
      calendar.set(Math.ceil(atMs), [...events, event]);
    };
    let held = 0;
    const inLine = new Map<string, () => void>();
    const queue = new BackgroundQueue((permit) => inLine.get(permit)?.());
    const hold = (permit: string) => {
      inLine.delete(permit);
      seen.mostHeld = Math.max(seen.mostHeld, ++held);
      at(nowMs + callMs(nowMs), () => {
        held--;
        seen.done++;
        seen.lastMs = nowMs;
        queue.leave(permit, nowMs);
      });
    };
    const wake = (dueAtMs: number, name: string, asks: number) => {
      if (nowMs >= endMs) {
        seen.missed++;
        return;
      }
      seen.asks++;
      seen.mostAsks = Math.max(seen.mostAsks, asks);
      const permit = `${name} ${asks}`;
      const asker = { lateMs: nowMs - dueAtMs, leftMs: endMs - nowMs };
      const entry = queue.enter(permit, asker, nowMs);
      const comeBack = (waitMs: number) => at(nowMs + waitMs, () => wake(dueAtMs, name, asks + 1));
      if (entry.kind === "in") hold(permit);
      if (entry.kind === "away") comeBack(entry.waitMs);
      if (entry.kind === "in line") {
        inLine.set(permit, () => hold(permit));
        at(nowMs + 5_000, () => {
          if (inLine.delete(permit) && queue.giveUp(permit)) comeBack(queue.away(asker, nowMs, nowMs));
        });
      }
    };
    for (let grant = 0; grant < grants; grant++) {
      const dueAtMs = (grant * 7_919) % spreadMs;
      at(dueAtMs, () => wake(dueAtMs, `g${grant}`, 1));
    }
    for (; nowMs <= endMs + 30_000; nowMs++) {
      for (const event of calendar.get(nowMs) ?? []) event();
      calendar.delete(nowMs);
    }
    return seen;
  }

  test("are all refreshed before their tokens end, where the provider lets them, and ask about once", () => {
    const { done, asks, mostHeld, lastMs } = flood(() => 100);
    expect([done, mostHeld]).toEqual([10_000, BACKGROUND_PERMITS]);
    expect(asks).toBeLessThan(10_500);
    expect(lastMs).toBeLessThan(151_000);
  });

  test("use the provider to the full where it is slower than they are due, and ask about twice", () => {
    const { done, asks, mostHeld, lastMs, mostAsks } = flood(() => 200);
    expect([done, mostHeld]).toEqual([10_000, BACKGROUND_PERMITS]);
    expect(asks).toBeLessThan(25_000);
    expect(mostAsks).toBeLessThan(8);
    // At best it takes 10,000 × 200 ms / 8.
    expect(lastMs).toBeLessThan(1.15 * 250_000);
  });

  test("do not ask over and over where it is so slow that most of their tokens end", () => {
    const { done, missed, asks } = flood(() => 1_000);
    expect(done).toBeGreaterThan(0.8 * 2_400);
    expect(done + missed).toBe(10_000);
    expect(asks).toBeLessThan(50_000);
  });

  test("catch up once it does not hang any more", () => {
    const { done } = flood((nowMs) => (nowMs > 50_000 && nowMs < 60_000 ? 10_000 : 100));
    expect(done).toBe(10_000);
  });
});
