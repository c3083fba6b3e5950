import { beforeEach, describe, expect, test } from "vitest";
import { clock } from "../support/clock.ts";
import { ask, isolate, type Scene, scene } from "../support/connect.ts";
import { trustedWorkload } from "../support/workload.ts";

beforeEach(() => clock.reset());

describe("a linked workload", () => {
  test("gets a provider token with every field of the contract", async () => {
    const { api } = await isolate();
    const at = await scene(api, "fields");
    const { status, body, headers } = await ask(api, at, { subject: { type: "app" }, scopes: ["*"] });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      token: "fields-access-token-1",
      connector: { id: at.connectorId, uid: "oauth/fields", type: "oauth" },
      name: "fields",
      scopes: ["read"],
    });
    expect(body.tokenId).toMatch(/^stk_/);
    expect(body.authorizationId).toMatch(/^aut_/);
    expect(body.expiresAt).toBeGreaterThan(clock.now() + 3_500_000);
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test("gets the same token by id, by uid, with scopes spelled differently, and from another isolate", async () => {
    const first = await isolate();
    const at = await scene(first.api, "same");
    const answers = [
      await ask(first.api, at),
      await ask(first.api, at, { scopes: ["*"] }),
      await ask(first.api, { ...at, uid: at.connectorId }, { subject: { type: "app" } }),
      await ask((await isolate()).api, at),
    ];
    expect(new Set(answers.map(({ body }) => body.token))).toEqual(new Set(["same-access-token-1"]));
    expect((await at.upstream.state()).issued).toHaveLength(1);
  });

  test("C-03 a cached wide token is not served to a narrower request", async () => {
    const { api } = await isolate();
    const at = await scene(api, "narrow");
    const wide = await ask(api, at, { scopes: ["read", "admin"] });
    const narrow = await ask(api, at, { scopes: ["read"] });
    expect(wide.body.token).not.toBe(narrow.body.token);
    expect(wide.body.scopes).toEqual(["admin", "read"]);
    expect(narrow.body.scopes).toEqual(["read"]);
  });
});

describe("the ladder", () => {
  test("warm from memory: no database, no KV, no object", async () => {
    const here = await isolate();
    const at = await scene(here.api, "warm-memory");
    await ask(here.api, at);
    here.reset();
    const { body } = await ask(here.api, at);
    expect(body.token).toBe("warm-memory-access-token-1");
    expect(here.calls).toEqual({ d1: 0, kv: 0, objects: 0 });
  });

  test("warm from KV in a fresh isolate: no database, no object, at most two KV operations", async () => {
    const first = await isolate();
    const at = await scene(first.api, "warm-kv");
    await ask(first.api, at);
    // A second isolate asks the Grant again, which makes the group worth a KV lease.
    await ask((await isolate()).api, at);
    await untilLeaseInKv(async () => at);
    const fresh = await isolate();
    const { body } = await ask(fresh.api, at);
    expect(body.token).toBe("warm-kv-access-token-1");
    expect(fresh.calls.d1).toBe(0);
    expect(fresh.calls.objects).toBe(0);
    expect(fresh.calls.kv).toBeLessThanOrEqual(2);
  });

  test("warm from memory with a workload's JWT: no call at all, and none either for a JWT never seen before", async () => {
    const here = await isolate();
    const at = await scene(here.api, "warm-jwt");
    const workload = await trustedWorkload(here.api, at);
    const jwt = await workload.sign();
    expect((await ask(here.api, { ...at, runtime: jwt })).status).toBe(200);
    here.reset();
    expect((await ask(here.api, { ...at, runtime: jwt })).body.token).toBe("warm-jwt-access-token-1");
    expect((await ask(here.api, { ...at, runtime: await workload.sign() })).body.token).toBe("warm-jwt-access-token-1");
    expect(here.calls).toEqual({ d1: 0, kv: 0, objects: 0 });
  });

  test("warm from KV in a fresh isolate with a JWT never seen before: two KV operations, nothing else", async () => {
    const first = await isolate();
    const at = await scene(first.api, "warm-kv-jwt");
    const workload = await trustedWorkload(first.api, at);
    const withJwt = async () => ({ ...at, runtime: await workload.sign() });
    await untilLeaseInKv(withJwt);
    const fresh = await isolate();
    const { body } = await ask(fresh.api, await withJwt());
    expect(body.token).toBe("warm-kv-jwt-access-token-1");
    expect(fresh.calls).toEqual({ d1: 0, kv: 2, objects: 0 });
  });

  test("no-cache goes to the Grant and comes back with the same token", async () => {
    const here = await isolate();
    const at = await scene(here.api, "asks-past-caches");
    await ask(here.api, at);
    here.reset();
    const { body } = await here.api.send(`/v1/connect/token/${encodeURIComponent(at.uid)}`, {
      method: "POST",
      headers: { authorization: `Bearer ${at.runtime}`, "cache-control": "no-cache" },
    });
    expect(body.token).toBe("asks-past-caches-access-token-1");
    expect(here.calls.objects).toBe(1);
  });

  test("a lease of zero always asks the Grant", async () => {
    const here = await isolate();
    const at = await scene(here.api, "lease-zero", { leaseSeconds: 0 });
    await ask(here.api, at);
    here.reset();
    expect((await ask(here.api, at)).body.token).toBe("lease-zero-access-token-1");
    // Within a second of the last look at the link, the Grant is all that is asked.
    expect(here.calls).toEqual({ d1: 0, kv: 0, objects: 1 });
    clock.advance(1_001);
    here.reset();
    await ask(here.api, at);
    expect(here.calls).toMatchObject({ d1: 1, objects: 1 });
    expect((await at.upstream.state()).issued).toHaveLength(1);
  });

  /** Publishing happens after the answer, in the object. */
  async function untilLeaseInKv(asker: () => Promise<Scene>): Promise<void> {
    for (let tries = 0; tries < 50; tries++) {
      const probe = await isolate();
      await ask(probe.api, await asker());
      if (probe.calls.objects === 0) return;
    }
    throw new Error("no lease ever reached KV");
  }
});

test("1,000 callers of a cold group cause one upstream request, and all are answered", {
  timeout: 60_000,
}, async () => {
  const { api } = await isolate();
  const at = await scene(api, "stampede");
  await at.upstream.control({ delayMs: 200 });
  const answers = await Promise.all(Array.from({ length: 1000 }, () => ask(api, at)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ body }) => body.token))).toEqual(new Set(["stampede-access-token-1"]));
  expect((await at.upstream.state()).issued).toHaveLength(1);
});

test("1,000 callers of an expired group cause one upstream request, and all are answered", {
  timeout: 60_000,
}, async () => {
  const { api } = await isolate();
  const at = await scene(api, "expired");
  await at.upstream.control({ expiresIn: 120 });
  await ask(api, at);
  clock.advance(120_000);
  await at.upstream.control({ delayMs: 200 });
  const answers = await Promise.all(Array.from({ length: 1000 }, () => ask(api, at)));
  expect(new Set(answers.map(({ body }) => body.token))).toEqual(new Set(["expired-access-token-2"]));
  expect((await at.upstream.state()).issued).toHaveLength(2);
});
