import { expect, test, vi } from "vitest";
import { startDeadline } from "../../src/outbound/deadline.ts";

const never = new Promise<never>(() => {});

test("work that ends in time is its own outcome", async () => {
  const deadline = startDeadline(10_000);
  expect(await deadline.race(Promise.resolve("done"))).toBe("done");
  await expect(deadline.race(Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(deadline.signal.aborted).toBe(false);
  deadline.end();
});

test("work that does not end is given up, and its signal says so", async () => {
  const deadline = startDeadline(5);
  await expect(deadline.race(never)).rejects.toThrow("deadline passed");
  expect(deadline.signal.aborted).toBe(true);
  await expect(deadline.race(never)).rejects.toThrow("deadline passed");
});

test("who has gone away before it began, or goes meanwhile, ends it at once", async () => {
  await expect(startDeadline(60_000, AbortSignal.abort()).race(never)).rejects.toThrow("deadline passed");
  const outer = new AbortController();
  const deadline = startDeadline(60_000, outer.signal);
  outer.abort();
  await expect(deadline.race(never)).rejects.toThrow("deadline passed");
  expect(deadline.signal.aborted).toBe(true);
});

test("its end frees the timer, and what happens afterwards is nobody's failure", async () => {
  const cleared = vi.spyOn(globalThis, "clearTimeout");
  const outer = new AbortController();
  try {
    const deadline = startDeadline(20, outer.signal);
    const race = deadline.race(scheduler.wait(60).then(() => "late"));
    deadline.end();
    expect(cleared).toHaveBeenCalledTimes(1);
    outer.abort();
    // Nobody watches any more: neither the time nor the caller ends what is still running.
    expect(await race).toBe("late");
  } finally {
    cleared.mockRestore();
  }
});
