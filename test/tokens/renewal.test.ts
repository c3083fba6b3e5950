import { beforeEach, expect, test } from "vitest";
import { clock } from "../support/clock.ts";
import { ask, isolate, scene } from "../support/connect.ts";

beforeEach(() => clock.reset());

test("after two thirds of a lease one request renews it in the background, and nobody waits at its end", async () => {
  const here = await isolate();
  const at = await scene(here.api, "renewed");
  await ask(here.api, at);
  clock.advance(45_000);
  here.reset();
  await Promise.all(Array.from({ length: 20 }, () => ask(here.api, at)));
  // One climb for all twenty: one call of the Grant, one snapshot; the caller's own lease may fall due as well.
  expect(here.calls.objects).toBe(1);
  expect(here.calls.d1).toBeLessThanOrEqual(2);
  clock.advance(25_000);
  here.reset();
  expect((await ask(here.api, at)).body.token).toBe("renewed-access-token-1");
  expect(here.calls.objects).toBe(0);
});

test("C-11 a hot group costs its Grant about one call a lease and isolate, not one a request", async () => {
  const here = await isolate();
  const at = await scene(here.api, "hot");
  await ask(here.api, at);
  here.reset();
  for (let second = 0; second < 120; second++) {
    clock.advance(1_000);
    await Promise.all(Array.from({ length: 5 }, () => ask(here.api, at)));
  }
  expect(here.calls.objects).toBeLessThanOrEqual(4);
  // Snapshots and the caller's own lease.
  expect(here.calls.d1).toBeLessThanOrEqual(8);
  expect((await at.upstream.state()).issued).toHaveLength(1);
});
