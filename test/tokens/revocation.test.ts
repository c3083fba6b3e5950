import { beforeEach, describe, expect, test } from "vitest";
import { clock } from "../support/clock.ts";
import { ask, type Isolate, isolate, type Scene, scene } from "../support/connect.ts";
import { lyingKv } from "../support/lying-kv.ts";

beforeEach(() => clock.reset());

const revoke = ({ api }: Isolate, { connectorId }: Scene, token: string, body: object = {}) =>
  api.delete(`/v1/connect/connectors/${connectorId}/tokens`, token, body);

/** Isolates with memories of their own over one KV that lies, all warm for the scene. */
async function warmIsolates(name: string, count: number): Promise<{ isolates: Isolate[]; at: Scene }> {
  const kv = lyingKv(clock.now);
  const isolates = await Promise.all(Array.from({ length: count }, () => isolate({ leases: kv.store })));
  const [first] = isolates;
  if (first === undefined) throw new Error("no isolate");
  const at = await scene(first.api, name);
  for (const { api } of isolates) await ask(api, at);
  expect(kv.writes()).toBeGreaterThan(0);
  return { isolates, at };
}

/** Polls every isolate, second by second, until well after `untilMs`; the last moment each answer was seen. */
async function lastSeen(isolates: Isolate[], at: Scene, untilMs: number, isOld: (body: { token?: string }) => boolean) {
  let lastOldMs = 0;
  let olds = 0;
  while (clock.now() < untilMs + 100_000) {
    for (const { api } of isolates) {
      const { body } = await ask(api, at);
      if (!isOld(body)) continue;
      lastOldMs = clock.now();
      olds++;
    }
    clock.advance(clock.now() < untilMs + 5_000 ? 1_000 : 20_000);
  }
  return { lastOldMs, olds };
}

describe("C-09 nothing is issued past effectiveBy, whatever KV says", () => {
  test("after one subject's tokens are revoked", { timeout: 60_000 }, async () => {
    const { isolates, at } = await warmIsolates("narrow-revoke", 4);
    const [here] = isolates;
    if (here === undefined) throw new Error("no isolate");
    const { status, body } = await revoke(here, at, at.owner, { subject: { type: "app" } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ tokensFound: 1, deleted: 1, providerRevoked: 1, local: "revoked", upstream: "done" });
    const { lastOldMs, olds } = await lastSeen(
      isolates,
      at,
      body.effectiveBy,
      ({ token }) => token === "narrow-revoke-access-token-1",
    );
    expect(lastOldMs).toBeLessThanOrEqual(body.effectiveBy);
    // The leases did outlive the revocation, so the bound was put to the test.
    expect(olds).toBeGreaterThan(0);
  });

  test("after all tokens of a connector are revoked", { timeout: 60_000 }, async () => {
    const { isolates, at } = await warmIsolates("wide-revoke", 4);
    const [here] = isolates;
    if (here === undefined) throw new Error("no isolate");
    const { body } = await revoke(here, at, at.owner);
    const { lastOldMs } = await lastSeen(
      isolates,
      at,
      body.effectiveBy,
      ({ token }) => token === "wide-revoke-access-token-1",
    );
    expect(lastOldMs).toBeGreaterThan(0);
    expect(lastOldMs).toBeLessThanOrEqual(body.effectiveBy);
  });

  test("after the project is unlinked", { timeout: 60_000 }, async () => {
    const { isolates, at } = await warmIsolates("unlink", 4);
    const [here] = isolates;
    if (here === undefined) throw new Error("no isolate");
    const before = clock.now();
    const link = `/v1/connect/connectors/${at.connectorId}/projects/${at.projectId}`;
    expect((await here.api.delete(link, at.owner)).status).toBe(204);
    const effectiveBy = before + 62_000;
    const { lastOldMs } = await lastSeen(isolates, at, effectiveBy, ({ token }) => token !== undefined);
    expect(lastOldMs).toBeGreaterThan(0);
    expect(lastOldMs).toBeLessThanOrEqual(effectiveBy);
    expect((await ask(here.api, at)).body.error.code).toBe("not_found");
  });

  test("after the connector is deleted", { timeout: 60_000 }, async () => {
    const { isolates, at } = await warmIsolates("delete", 3);
    const [here] = isolates;
    if (here === undefined) throw new Error("no isolate");
    const before = clock.now();
    expect((await here.api.delete(`/v1/connect/connectors/${at.connectorId}`, at.owner)).status).toBe(204);
    const { lastOldMs } = await lastSeen(isolates, at, before + 62_000, ({ token }) => token !== undefined);
    expect(lastOldMs).toBeLessThanOrEqual(before + 62_000);
    expect((await ask(here.api, at)).status).toBe(404);
  });
});

describe("a revocation", () => {
  test("tells the provider, and the next token is a new one", async () => {
    const here = await isolate();
    const at = await scene(here.api, "told", { leaseSeconds: 0 });
    await ask(here.api, at);
    const { body } = await revoke(here, at, at.runtime, { subject: { type: "app" } });
    expect(body).toMatchObject({ tokensFound: 1, providerRevoked: 1, providerFailed: 0, providerPending: 0 });
    expect((await at.upstream.state()).revoked).toEqual(["told-access-token-1"]);
    expect((await ask(here.api, at)).body.token).toBe("told-access-token-2");
  });

  test("of what was never issued finds nothing, and creates nothing", async () => {
    const here = await isolate();
    const at = await scene(here.api, "nothing");
    const { status, body } = await revoke(here, at, at.runtime, { subject: { type: "app" } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ tokensFound: 0, deleted: 0, providerRevoked: 0, providerPending: 0 });
    expect(here.calls.objects).toBe(0);
  });

  test("the provider does not confirm stays pending, with the token gone here", async () => {
    const here = await isolate();
    const at = await scene(here.api, "unconfirmed", { leaseSeconds: 0 });
    await ask(here.api, at);
    await at.upstream.control({ mode: "status/500" });
    const { body } = await revoke(here, at, at.owner, { subject: { type: "app" } });
    expect(body).toMatchObject({
      tokensFound: 1,
      providerRevoked: 0,
      providerFailed: 1,
      providerPending: 1,
      upstream: "pending",
    });
    await at.upstream.control({ mode: "" });
    expect((await ask(here.api, at)).body.token).toBe("unconfirmed-access-token-2");
  });

  test("of everything needs a team-wide admin: a project's token and a workload are refused", async () => {
    const here = await isolate();
    const at = await scene(here.api, "admin-only");
    await ask(here.api, at);
    expect((await revoke(here, at, at.runtime)).body.error.code).toBe("forbidden");
    expect((await ask(here.api, at)).body.token).toBe("admin-only-access-token-1");
  });

  test("of a connector that the project is not linked to is not_found", async () => {
    const here = await isolate();
    const mine = await scene(here.api, "mine");
    const theirs = await scene(here.api, "theirs");
    const answer = await revoke(here, theirs, mine.runtime, { subject: { type: "app" } });
    expect(answer.body.error.code).toBe("not_found");
  });

  test("after the lease was shortened still counts the longer lease for five minutes", async () => {
    const here = await isolate();
    const at = await scene(here.api, "shortened", { leaseSeconds: 300 });
    await here.api.patch(`/v2/connect/connectors/${at.connectorId}`, { leaseSeconds: 10 }, at.owner);
    const soon = await revoke(here, at, at.owner);
    expect(soon.body.effectiveBy - clock.now()).toBeGreaterThan(290_000);
    clock.advance(303_000);
    const later = await revoke(here, at, at.owner);
    expect(later.body.effectiveBy - clock.now()).toBeLessThan(15_000);
  });
});
