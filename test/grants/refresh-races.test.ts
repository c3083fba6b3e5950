import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { fail, ok } from "../../src/errors.ts";
import type { GrantObject } from "../../src/grants/grant.ts";
import { seedTeam } from "../connectors/rows.ts";
import { type UserWorld, userWorld } from "./user-world.ts";
import { EVERYTHING, granted, LIFETIME_MS, rows, said } from "./world.ts";

beforeAll(() => seedTeam());

const alice = { externalSubject: { issuer: "https://as.example.com", subject: "alice" } };
const bob = { externalSubject: { issuer: "https://as.example.com", subject: "bob" } };
const stateOf = (storage: DurableObjectStorage) => rows(storage, "authorization")[0];
const owed = (storage: DurableObjectStorage) =>
  rows(storage, "upstream_revocations")
    .map(({ hint }) => hint)
    .toSorted();
const mints = (world: UserWorld) => world.points.filter(({ kind }) => kind === "mint").map(({ outcome }) => outcome);

/** A refresh that the provider is asked for, and answers when told to. */
async function underWay(world: UserWorld, grant: GrantObject) {
  const asked = world.script.presented.length;
  const answer = Promise.withResolvers<void>();
  world.script.held = answer.promise;
  const asking = grant.token(world.request());
  await expect.poll(() => world.script.presented.length).toBe(asked + 1);
  world.script.held = Promise.resolve();
  return { asking, answer: answer.resolve };
}

/** What somebody is told whose attempt is cut off after its twenty seconds, once `isWaiting`. */
async function cutOff(asking: () => ReturnType<GrantObject["token"]>, isWaiting: () => boolean) {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const asked = asking();
    while (!isWaiting()) await scheduler.wait(1);
    await vi.advanceTimersByTimeAsync(20_000);
    return await asked;
  } finally {
    vi.useRealTimers();
  }
}

describe("a refresh that waits at the gate", () => {
  test("is not begun for an authorization that ended meanwhile, and its permit is given back", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const gate = Promise.withResolvers<void>();
      world.gateHeld = gate.promise;
      const asking = grant.token(world.request());
      await expect.poll(() => world.acquired.length).toBe(2);
      await grant.revoke(EVERYTHING);
      gate.resolve();
      expect(said(await asking)).toBe("user_authorization_required");
      expect([rows(storage, "attempts"), stateOf(storage)?.unknown_attempts]).toEqual([[], 0]);
    });
    expect(world.script.presented).toEqual([]);
    expect(world.reports).toEqual([{ kind: "ok" }, { kind: "other" }]);
    expect(mints(world)).toEqual(["ok", "ok"]);
  });

  test("for longer than an attempt may take does not begin when the gate opens", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const gate = Promise.withResolvers<void>();
      world.gateHeld = gate.promise;
      const answer = await cutOff(
        () => grant.token(world.request()),
        () => world.acquired.length === 2,
      );
      expect(answer).toMatchObject(fail("upstream_timeout", { reason: "attempt_ms=20000" }));
      gate.resolve();
      await expect.poll(() => world.reports.length).toBe(2);
      expect(rows(storage, "attempts")).toEqual([]);
      // Nothing was sent, so nothing is unknown of the refresh token.
      expect(stateOf(storage)).toMatchObject({ unknown_attempts: 0, failures: 0 });
    });
    expect(world.script.presented).toEqual([]);
  });

  test("in the background is not waited for by who asks: that one has a turn of its own", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      const { tokenId } = granted(await grant.token(world.request()));
      world.nowMs = (await storage.getAlarm()) ?? 0;
      const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      world.gateHeld = first.promise;
      const alarm = grant.alarm();
      await expect.poll(() => world.acquired.length).toBe(2);
      world.gateHeld = second.promise;
      const asking = grant.token(world.request({ rejectedTokenId: tokenId }));
      world.permit = fail("rate_limited", { retryAfterMs: 60_000 });
      first.resolve();
      await expect.poll(() => world.acquired.length).toBe(3);
      world.permit = ok({ permit: "prm_2" });
      second.resolve();
      expect(said(await asking)).toBe("at-2");
      await alarm;
    });
    expect(world.acquired.slice(1)).toMatchObject([{ priority: "background" }, { priority: "foreground" }]);
  });

  test("in the background gives its permit back when somebody who did not wait for one was faster", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      const { tokenId } = granted(await grant.token(world.request()));
      world.nowMs = (await storage.getAlarm()) ?? 0;
      const gate = Promise.withResolvers<void>();
      world.gateHeld = gate.promise;
      const alarm = grant.alarm();
      await expect.poll(() => world.acquired.length).toBe(2);
      world.gateHeld = Promise.resolve();
      expect(said(await grant.token(world.request({ rejectedTokenId: tokenId })))).toBe("at-2");
      gate.resolve();
      await alarm;
    });
    expect(world.script.presented).toEqual(["rt-1"]);
    expect(world.reports).toEqual([{ kind: "ok" }, { kind: "ok" }, { kind: "other" }]);
  });
});

describe("A-15 a refresh whose authorization was replaced while the provider answered", () => {
  test.for([
    ["the same user", alice, ["refresh_token", "refresh_token"]],
    ["another user", bob, ["access_token", "access_token", "refresh_token", "refresh_token"]],
  ] as const)("by %s brings home what goes where the old one's went", async ([, next, expected]) => {
    const world = await userWorld({ revocationScope: "token" });
    world.script.exchange = () => alice;
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      const { tokenId } = granted(await grant.token(world.request()));
      world.nowMs += 31_000;
      world.script.exchange = () => next;
      const answer = Promise.withResolvers<void>();
      world.script.held = answer.promise;
      const asking = grant.token(world.request({ rejectedTokenId: tokenId }));
      await expect.poll(() => world.script.presented.length).toBe(1);
      world.script.held = Promise.resolve();
      const { authorizationId } = await world.authorized(grant);
      answer.resolve();
      expect(granted(await asking)).toMatchObject({ authorizationId });
      expect(owed(storage)).toEqual(expected);
      expect(rows(storage, "attempts")).toEqual([]);
      expect(stateOf(storage)).toMatchObject({ authorization_id: authorizationId, state: "active", failures: 0 });
    });
    expect(mints(world)).toEqual(["ok", "ok", "ok"]);
  });

  test("and whose refresh token lives on in the new one, changes nothing of that", async () => {
    const world = await userWorld();
    world.script.exchange = () => ({ ...alice, refreshToken: "rt-same" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const { asking, answer } = await underWay(world, grant);
      await world.authorized(grant);
      const before = stateOf(storage);
      answer();
      expect(said(await asking)).toBe("at-2");
      expect(stateOf(storage)).toEqual({ ...before, indexed: 1 });
    });
    expect(world.script.presented).toEqual(["rt-same"]);
  });

  test("and that failed says nothing of the new one", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => "upstream_grant_refused";
      const { asking, answer } = await underWay(world, grant);
      await world.authorized(grant);
      answer();
      expect(said(await asking)).toBe("at-2");
      expect(stateOf(storage)).toMatchObject({ state: "active", refusals: 0, failures: 0 });
      expect(rows(storage, "attempts")).toEqual([]);
    });
  });
});

describe("a refresh that fails after its authorization was revoked", () => {
  test("ends its journal entry, and ends nothing else", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => "upstream_unreachable";
      const { asking, answer } = await underWay(world, grant);
      await grant.revoke(EVERYTHING);
      answer();
      expect(said(await asking)).toBe("user_authorization_required");
      expect(rows(storage, "attempts")).toEqual([]);
      expect(stateOf(storage)).toMatchObject({ state: "revoked", failures: 0 });
    });
    expect(mints(world)).toEqual(["ok", "upstream_unreachable"]);
    expect(world.lines.join()).not.toContain("grant.authorization_ended");
  });
});

describe("C-05 the answer to an attempt that was cut off", () => {
  const hanging = async (world: UserWorld, grant: GrantObject) => {
    const answer = Promise.withResolvers<void>();
    world.script.held = answer.promise;
    const asked = world.script.presented.length;
    const told = await cutOff(
      () => grant.token(world.request()),
      () => world.script.presented.length === asked + 1,
    );
    expect(said(told)).toBe("upstream_timeout");
    world.script.held = Promise.resolve();
    return answer.resolve;
  };

  test("does not overwrite what a later attempt has brought", async () => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => ({ accessToken: "late", refreshToken: "rt-late" });
      const answer = await hanging(world, grant);
      world.script.refresh = () => ({});
      expect(said(await grant.token(world.request()))).toBe("at-2");
      const before = stateOf(storage);
      const reports = world.reports.length;
      answer();
      await expect.poll(() => world.reports.length).toBe(reports + 1);
      expect(stateOf(storage)).toEqual(before);
      expect([said(await grant.token(world.request())), owed(storage)]).toEqual(["at-2", []]);
      world.nowMs += LIFETIME_MS;
      await grant.token(world.request());
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-1", "rt-2"]);
  });

  test("does not bring back what has ended since", async () => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const answer = await hanging(world, grant);
      world.script.refresh = () => "upstream_grant_refused";
      expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
      const reports = world.reports.length;
      answer();
      await expect.poll(() => world.reports.length).toBe(reports + 1);
      expect(stateOf(storage)).toMatchObject({ state: "lost_in_flight" });
      expect(owed(storage)).toEqual([]);
    });
  });

  test("is not a second failure", async () => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => "upstream_unreachable";
      const answer = await hanging(world, grant);
      const reports = world.reports.length;
      answer();
      await expect.poll(() => world.reports.length).toBe(reports + 1);
      expect(stateOf(storage)).toMatchObject({ unknown_attempts: 1, failures: 1, last_outcome: "upstream_timeout" });
    });
  });

  test("that cannot be written down is one whose end nobody saw", async () => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => {
        storage.sql.exec("ALTER TABLE superseded_tokens RENAME TO mislaid");
        return {};
      };
      expect(said(await grant.token(world.request()))).toBe("internal_error");
      expect(rows(storage, "attempts")).toEqual([]);
      expect(stateOf(storage)).toMatchObject({ unknown_attempts: 1, last_outcome: "internal_error" });
      storage.sql.exec("ALTER TABLE mislaid RENAME TO superseded_tokens");
      world.script.refresh = () => ({});
      expect(said(await grant.token(world.request()))).toBe("at-3");
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-1"]);
  });
});

test("C-09 a refresh for a connector that is gone ends the authorization, and sends nothing but revocations", async () => {
  const world = await userWorld();
  await world.inside(async (grant, storage) => {
    await world.authorized(grant);
    world.nowMs += LIFETIME_MS;
    await env.DB.prepare("UPDATE connectors SET deleted_at_ms = 1 WHERE id = ?").bind(world.connector.id).run();
    expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
    expect(stateOf(storage)).toMatchObject({ state: "revoked" });
    expect([rows(storage, "tokens"), rows(storage, "authorization_secrets")]).toEqual([[], []]);
    expect(owed(storage)).toEqual(["refresh_token"]);
    expect(await storage.getAlarm()).toBe(world.nowMs);
  });
  expect([world.script.presented, world.acquired.length, mints(world)]).toEqual([[], 1, ["ok"]]);
});
