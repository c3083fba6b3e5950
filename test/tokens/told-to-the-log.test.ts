import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { clock } from "../support/clock.ts";
import { ask, type Isolate, isolate, type Scene, scene } from "../support/connect.ts";

let here: Isolate;
let at: Scene;
beforeAll(async () => {
  here = await isolate();
  at = await scene(here.api, "told-to-the-log");
});
beforeEach(() => clock.reset());

/** The line of the request that was answered last. */
const line = () => JSON.parse(here.services.lines.at(-1) ?? "{}");

/** A question with that `Cache-Control`. */
const asking = (cacheControl: string) =>
  here.api.send(`/v1/connect/token/${encodeURIComponent(at.uid)}`, {
    method: "POST",
    headers: { authorization: `Bearer ${at.runtime}`, "cache-control": cacheControl },
  });

describe("the line of a token request", () => {
  test("says whose token of which connector came from where, and how long it may be kept", async () => {
    await ask(here.api, at);
    const facts = { subjectType: "app", connectorId: at.connectorId, connectorUid: at.uid, connectorType: "oauth" };
    expect(line()).toMatchObject({ ...facts, status: 200, rung: "grant", minted: true });
    expect(line().leaseLeftMs).toBeGreaterThan(50_000);
    expect(line().leaseLeftMs).toBeLessThanOrEqual(60_000);
    clock.advance(20_000);
    await ask(here.api, at);
    expect(line()).toMatchObject({ ...facts, rung: "memory", minted: false });
    expect(line().leaseLeftMs).toBeGreaterThan(30_000);
    expect(line().leaseLeftMs).toBeLessThanOrEqual(40_000);
    expect(line().limit).toBeUndefined();
  });

  test("says of a token that may not be kept that nothing is left, and not less", async () => {
    const unleased = await scene(here.api, "told-without-lease", { leaseSeconds: 0 });
    await ask(here.api, unleased);
    expect(line()).toMatchObject({ connectorId: unleased.connectorId, leaseLeftMs: 0 });
  });

  test("says what was asked for though it is refused", async () => {
    const stranger = { ...at, runtime: (await scene(here.api, "told-of-a-stranger")).runtime };
    expect((await ask(here.api, stranger)).status).toBe(404);
    expect(line()).toMatchObject({ status: 404, subjectType: "app" });
    for (const name of ["connectorId", "rung", "minted", "leaseLeftMs"]) expect(line()).not.toHaveProperty(name);
  });
});

describe("who insists on the Grant", () => {
  test.each(["no-cache", "No-Cache", "max-age=0, no-cache", "no-cache, no-store"])("says so by %j", async (value) => {
    await ask(here.api, at);
    await asking(value);
    expect(line()).toMatchObject({ status: 200, rung: "grant" });
  });

  test.each(["", "max-age=0", "no-caches", "xno-cache", "no-store"])("does not by %j", async (value) => {
    await ask(here.api, at);
    await asking(value);
    expect(line()).toMatchObject({ status: 200, rung: "memory" });
  });
});
