import { beforeEach, describe, expect, test } from "vitest";
import { clock } from "../support/clock.ts";
import { ask, isolate, scene } from "../support/connect.ts";
import {
  connectorPath,
  connectorRow,
  grantAlarms,
  grantsOf,
  nextRoundInMs,
  round,
  standStill,
  threeGrants,
  walkOf,
} from "./support.ts";

beforeEach(standStill);

describe("after a connector is deleted", () => {
  test("the provider is told of every token, and then nothing of the connector is left", async () => {
    const here = await isolate();
    const at = await scene(here.api, "several");
    await threeGrants(here, at);
    expect(await grantsOf(at.connectorId)).toHaveLength(3);
    expect((await here.api.delete(connectorPath(at), at.owner)).status).toBe(204);
    await round();
    expect((await at.upstream.state()).revoked.sort()).toEqual([
      "several-access-token-1",
      "several-access-token-2",
      "several-access-token-3",
    ]);
    expect(await grantsOf(at.connectorId)).toEqual([]);
    expect(await walkOf(at.connectorId)).toBeNull();
    expect(await connectorRow(at.connectorId)).toBeNull();
  });

  test("the Housekeeper is woken: it does not sleep through to its next regular round", async () => {
    const here = await isolate();
    const at = await scene(here.api, "woken");
    await here.services.nudgeHousekeeper();
    await round();
    expect(await nextRoundInMs()).toBeGreaterThan(60_000);
    await here.api.delete(connectorPath(at), at.owner);
    expect(await nextRoundInMs()).toBeLessThanOrEqual(100);
  });

  test("while the provider is down the tombstone keeps its sealed secrets, and the revocation succeeds later", async () => {
    const here = await isolate();
    const at = await scene(here.api, "down");
    await threeGrants(here, at);
    await at.upstream.control({ mode: "status/500" });
    await here.api.delete(connectorPath(at), at.owner);
    await round();
    expect(await connectorRow(at.connectorId)).toEqual({
      deleted_at_ms: expect.any(Number),
      secrets_sealed: expect.any(String),
    });
    expect(await grantsOf(at.connectorId)).toHaveLength(3);

    await at.upstream.control({ mode: "" });
    clock.advance(61_000);
    await round();
    expect((await at.upstream.state()).revoked).toHaveLength(3);
    expect(await grantsOf(at.connectorId)).toEqual([]);
    expect(await connectorRow(at.connectorId)).toBeNull();
  });

  test("a Grant tells the provider from its own alarm, whenever the Housekeeper comes by", async () => {
    const here = await isolate();
    const at = await scene(here.api, "own-alarm");
    await threeGrants(here, at);
    await at.upstream.control({ mode: "reset" });
    await here.api.delete(connectorPath(at), at.owner);
    await round();
    await at.upstream.control({ mode: "" });
    clock.advance(31_000);
    await grantAlarms(at.connectorId);
    expect((await at.upstream.state()).revoked).toHaveLength(3);
    clock.advance(30_000);
    await round();
    expect(await connectorRow(at.connectorId)).toBeNull();
  });

  test("a tombstone that waits is left alone for a minute, and then for longer", async () => {
    const here = await isolate();
    const at = await scene(here.api, "waiting");
    await ask(here.api, at);
    await at.upstream.control({ mode: "status/503" });
    await here.api.delete(connectorPath(at), at.owner);
    await round();
    expect(await nextRoundInMs()).toBeGreaterThan(50_000);
    clock.advance(10 * 60_000);
    await round();
    expect(((await walkOf(at.connectorId))?.due_at_ms ?? 0) - clock.now()).toBeGreaterThan(9 * 60_000);
  });

  test("the tombstone goes when the last token expired, even if the provider never came back", async () => {
    const here = await isolate();
    const at = await scene(here.api, "never-back");
    await ask(here.api, at);
    await at.upstream.control({ mode: "status/500" });
    await here.api.delete(connectorPath(at), at.owner);
    await round();
    clock.advance(3_601_000);
    await round();
    expect(await connectorRow(at.connectorId)).toBeNull();
  });

  test("a token that was on its way when its connector was deleted is revoked before the tombstone goes", async () => {
    const here = await isolate();
    const at = await scene(here.api, "on-its-way");
    await at.upstream.control({ delayMs: 500 });
    const asking = ask(here.api, at);
    await expect.poll(async () => (await at.upstream.state()).waiting).toBe(1);
    await here.api.delete(connectorPath(at), at.owner);
    await round();
    expect(await connectorRow(at.connectorId)).not.toBeNull();

    await asking;
    await at.upstream.control({ delayMs: 0 });
    clock.advance(61_000);
    await grantAlarms(at.connectorId);
    await round();
    expect((await at.upstream.state()).revoked).toEqual(["on-its-way-access-token-1"]);
    expect(await connectorRow(at.connectorId)).toBeNull();
  });
});

describe("the answer tells when it holds", () => {
  const effectiveBy = (headers: Headers) => Number(headers.get("valetkey-effective-by"));

  test("a deleted connector: the lease in force, and a clock margin", async () => {
    const here = await isolate();
    const at = await scene(here.api, "header", { leaseSeconds: 30 });
    const before = clock.now();
    const { headers } = await here.api.delete(connectorPath(at), at.owner);
    expect(effectiveBy(headers)).toBeGreaterThanOrEqual(before + 32_000);
    expect(effectiveBy(headers)).toBeLessThanOrEqual(clock.now() + 32_000);
  });

  test("a removed link: the longest lease of the last five minutes", async () => {
    const here = await isolate();
    const at = await scene(here.api, "link-header", { leaseSeconds: 300 });
    await here.api.patch(`/v2/connect/connectors/${at.connectorId}`, { leaseSeconds: 0 }, at.owner);
    const before = clock.now();
    const { status, headers } = await here.api.delete(`${connectorPath(at)}/projects/${at.projectId}`, at.owner);
    expect(status).toBe(204);
    expect(effectiveBy(headers)).toBeGreaterThanOrEqual(before + 302_000);
    expect(effectiveBy(headers)).toBeLessThanOrEqual(clock.now() + 302_000);
  });
});
