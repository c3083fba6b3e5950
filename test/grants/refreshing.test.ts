import { beforeAll, describe, expect, test, vi } from "vitest";
import { fail, ok } from "../../src/errors.ts";
import { seedTeam } from "../connectors/rows.ts";
import { type UserWorld, userWorld } from "./user-world.ts";
import { granted, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

const events = (world: UserWorld) => world.lines.map((line) => JSON.parse(line));
const stateOf = (storage: DurableObjectStorage) => rows(storage, "authorization")[0];

describe("C-04 a rotating refresh token", () => {
  test("is spent once by two hundred who ask at its expiry, and all of them get what it brought", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const answers = await Promise.all(Array.from({ length: 200 }, () => grant.token(world.request())));
      expect(new Set(answers.map(said))).toEqual(new Set(["at-2"]));
      expect(answers.every((answer) => answer.ok && answer.minted)).toBe(true);
    });
    expect(world.script.presented).toEqual(["rt-1"]);
  });

  test("of which several tokens are wanted is spent by one after the other, each time the newest", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      const group = { scopes: ["a", "b", "c"], resources: [], audience: [], authorizationDetails: [] };
      await world.authorized(grant, { group });
      const ask = (scope: string) =>
        grant.token(world.request({ groupId: scope, group: { ...group, scopes: [scope] }, narrow: true }));
      const answers = await Promise.all(["a", "b", "c", "a", "b", "c"].map(ask));
      expect(answers.map(said)).toEqual(["at-2", "at-3", "at-4", "at-2", "at-3", "at-4"]);
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-2", "rt-3"]);
    expect(world.script.mostUnderWay).toBe(1);
  });

  test("stays when the provider sends none, and when it sends the same", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.script.refresh = () => ({ refreshToken: null });
      for (let count = 0; count < 3; count++) {
        world.nowMs += LIFETIME_MS;
        if (count === 1) world.script.refresh = () => ({ refreshToken: "rt-1" });
        expect(said(await grant.token(world.request()))).toBe(`at-${count + 2}`);
      }
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-1", "rt-1"]);
  });

  test("is renewed though whoever asked is gone, and its answer serves the next", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const answered = Promise.withResolvers<void>();
      world.script.held = answered.promise;
      const abandoned = grant.token(world.request());
      await new Promise((resolve) => setTimeout(resolve, 50));
      const second = grant.token(world.request());
      answered.resolve();
      expect([said(await abandoned), said(await second)]).toEqual(["at-2", "at-2"]);
    });
    expect(world.script.presented).toEqual(["rt-1"]);
  });

  test("is journaled before it is sent, by a fingerprint that does not tell it", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const journal: unknown[] = [];
      world.script.refresh = () => {
        journal.push(...rows(storage, "attempts"));
        return {};
      };
      await grant.token(world.request());
      const startedAtMs = START_MS + LIFETIME_MS;
      expect(journal).toMatchObject([
        {
          id: expect.stringMatching(/^att_/),
          kind: "refresh",
          started_at_ms: startedAtMs,
          deadline_ms: startedAtMs + 20_000,
        },
      ]);
      const [{ fingerprint }] = journal as [{ fingerprint: string }];
      expect(fingerprint).toMatch(/^[\w-]{43}$/);
      expect(stateOf(storage)?.fingerprint).not.toBe(fingerprint);
    });
  });
});

describe("C-05 an attempt whose end nobody saw", () => {
  const LOST = ["upstream_timeout", "upstream_unreachable", "upstream_invalid_response", "upstream_too_large"] as const;

  test.for(LOST)("for %s is tried again with the same refresh token, and the grant lives on", async (code) => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => code;
      expect(said(await grant.token(world.request()))).toBe(code);
      expect(stateOf(storage)).toMatchObject({ state: "active", unknown_attempts: 1, last_outcome: code });
      world.script.refresh = () => ({});
      expect(said(await grant.token(world.request()))).toBe("at-2");
      expect(stateOf(storage)).toMatchObject({ state: "active", unknown_attempts: 0, failures: 0, last_outcome: "ok" });
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-1"]);
    expect(events(world)).toContainEqual(expect.objectContaining({ event: "grant.recovered", failures: 1 }));
  });

  test("and then a refusal is a grant lost in flight, and never one that somebody withdrew", async () => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant, storage, restart) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => "upstream_timeout";
      await grant.token(world.request());
      world.script.refresh = () => "upstream_grant_refused";
      expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
      expect(stateOf(storage)).toMatchObject({ state: "lost_in_flight" });
      const answer = await restart().token(world.request());
      expect(answer).toMatchObject({ ok: false, failure: { code: "user_authorization_required" } });
      expect(!answer.ok && answer.failure.message).toContain("lost");
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-1"]);
  });

  test("because the object died is remembered by the next one", async () => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant, storage, restart) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const never = Promise.withResolvers<void>();
      world.script.held = never.promise;
      const dying = grant.token(world.request());
      while (world.script.presented.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      world.script.held = Promise.resolve();
      const next = restart();
      expect(rows(storage, "attempts")).toEqual([]);
      expect(stateOf(storage)).toMatchObject({ unknown_attempts: 1, state: "active" });
      world.script.refresh = () => "upstream_grant_refused";
      expect(said(await next.token(world.request()))).toBe("user_authorization_required");
      expect(stateOf(storage)).toMatchObject({ state: "lost_in_flight" });
      never.resolve();
      await dying;
    });
    expect(events(world)).toContainEqual(
      expect.objectContaining({ event: "grant.attempt_abandoned", kind: "refresh" }),
    );
  });

  test("spares the access token of a strict provider: nothing is sent until that has expired", async () => {
    const world = await userWorld({ rotation: "strict" });
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS - 10_000;
      world.script.refresh = () => "upstream_timeout";
      for (let count = 0; count < 3; count++) expect(said(await grant.token(world.request()))).toBe("at-1");
      expect(world.script.presented).toHaveLength(1);
      world.script.refresh = () => ({});
      world.nowMs += 10_000;
      expect(said(await grant.token(world.request()))).toBe("at-2");
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-1"]);
  });

  test("is not repeated more often than the back-off says", async () => {
    const world = await userWorld({ rotation: "stable" });
    await world.inside(async (grant, _, restart) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => "upstream_unreachable";
      for (let count = 0; count < 20; count++) await grant.token(world.request());
      expect(world.script.presented).toHaveLength(2);
      const answer = await restart().token(world.request());
      expect(answer).toMatchObject({ ok: false, failure: { code: "upstream_unreachable", retryAfterMs: 1_000 } });
      world.nowMs += 1_000;
      await grant.token(world.request());
      expect(world.script.presented).toHaveLength(3);
    });
  });
});

describe("C-06 a refresh token that the provider refuses", () => {
  test("is asked about once more, half a minute later, before that is believed", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => "upstream_grant_refused";
      const first = await grant.token(world.request());
      expect(first).toMatchObject({ ok: false, failure: { code: "upstream_grant_refused" } });
      expect(await grant.token(world.request())).toMatchObject({ ok: false, failure: { retryAfterMs: 30_000 } });
      world.nowMs += 29_999;
      expect(said(await grant.token(world.request()))).toBe("upstream_grant_refused");
      expect(world.script.presented).toHaveLength(1);
      expect(stateOf(storage)).toMatchObject({ state: "active", refusals: 1 });
      world.nowMs += 1;
      expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
      expect(stateOf(storage)).toMatchObject({ state: "refused_upstream" });
      await grant.token(world.request({ rejectedTokenId: "stk_any" }));
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-1"]);
  });

  test("once only lives on", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => "upstream_grant_refused";
      await grant.token(world.request());
      world.script.refresh = () => ({});
      world.nowMs += 30_000;
      expect(said(await grant.token(world.request()))).toBe("at-2");
      expect(stateOf(storage)).toMatchObject({ state: "active", refusals: 0, first_refused_at_ms: null });
    });
  });

  test("while its access token is still good costs nobody that", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS - 29_000;
      world.script.refresh = () => "upstream_grant_refused";
      expect(said(await grant.token(world.request()))).toBe("at-1");
      expect(said(await grant.token(world.request()))).toBe("at-1");
    });
    expect(world.script.presented).toHaveLength(1);
  });

  test("for good leaves its access token to those who ask, until one of them says that it was rejected", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS - 60_000;
      world.script.refresh = () => "upstream_grant_refused";
      const { tokenId } = granted(await grant.token(world.request({ validityBufferMs: 70_000 })));
      world.nowMs += 30_000;
      expect(said(await grant.token(world.request({ validityBufferMs: 70_000 })))).toBe("at-1");
      expect(stateOf(storage)).toMatchObject({ state: "refused_upstream" });
      expect(said(await grant.token(world.request()))).toBe("at-1");
      expect(said(await grant.token(world.request({ rejectedTokenId: tokenId })))).toBe("user_authorization_required");
    });
    expect(world.script.presented).toHaveLength(2);
  });

  test.for([
    "upstream_unreachable",
    "upstream_timeout",
    "upstream_rate_limited",
    "upstream_invalid_client",
    "upstream_rejected",
    "upstream_invalid_response",
  ] as const)("is not what %s says, however often it comes", async (code) => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => code;
      for (let count = 0; count < 12; count++) {
        await grant.token(world.request());
        world.nowMs += 40_000;
      }
      expect(world.script.presented.length).toBeGreaterThan(10);
      expect(stateOf(storage)).toMatchObject({ state: "active" });
      world.script.refresh = () => ({});
      expect(said(await grant.token(world.request()))).toBe("at-2");
    });
  });
});

describe("what the gate says", () => {
  test("keeps the provider from being asked, and the refresh token from being blamed", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.permit = fail("upstream_rate_limited", { retryAfterMs: 5_000 });
      expect(await grant.token(world.request())).toMatchObject({ failure: { code: "upstream_rate_limited" } });
      expect(stateOf(storage)).toMatchObject({ failures: 0, unknown_attempts: 0 });
      world.permit = ok({ permit: "prm_1" });
      world.nowMs += 5_000;
      expect(said(await grant.token(world.request()))).toBe("at-2");
    });
    expect(world.acquired).toEqual(Array(3).fill(expect.objectContaining({ priority: "foreground" })));
  });

  test("hears of rejected credentials and of a provider that wants quiet, and that the grant is well", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => "upstream_invalid_client";
      await grant.token(world.request());
      world.nowMs += 60_000;
      world.script.refresh = () => ({ code: "upstream_rate_limited", retryAfterMs: 7_000 });
      await grant.token(world.request());
    });
    expect(world.reports).toEqual([
      { kind: "ok" },
      { kind: "invalid-client", configRevision: 1 },
      { kind: "rate-limited", retryAfterMs: 7_000 },
    ]);
  });
});

describe("C-12 a token that callers say was rejected", () => {
  test("is replaced at most once in half a minute, and else answered again", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      const ask = async () => {
        const { tokenId } = granted(await grant.token(world.request()));
        return said(await grant.token(world.request({ rejectedTokenId: tokenId })));
      };
      expect(await ask()).toBe("at-1");
      world.nowMs += 30_000;
      expect(await ask()).toBe("at-2");
      for (let count = 0; count < 10; count++) expect(await ask()).toBe("at-2");
      world.nowMs += 29_999;
      expect(await ask()).toBe("at-2");
    });
    expect(world.script.presented).toEqual(["rt-1"]);
  });

  test("that the provider repeats stays one token, and is not revoked as its own predecessor", async () => {
    const world = await userWorld({ revocationScope: "token" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      const { tokenId } = granted(await grant.token(world.request()));
      world.script.refresh = () => ({ accessToken: "at-1", refreshToken: null });
      world.nowMs += 30_000;
      const again = granted(await grant.token(world.request({ rejectedTokenId: tokenId })));
      expect(again).toMatchObject({ token: "at-1", tokenId });
      expect(rows(storage, "superseded_tokens")).toEqual([]);
    });
  });
});

describe("a refresh that hangs", () => {
  test("ends for those who wait after twenty seconds, and what it brings home later is kept", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const hanging = Promise.withResolvers<void>();
      world.script.held = hanging.promise;
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      try {
        const asked = grant.token(world.request());
        while (world.script.presented.length === 0) await scheduler.wait(1);
        await vi.advanceTimersByTimeAsync(20_000);
        expect(said(await asked)).toBe("upstream_timeout");
      } finally {
        vi.useRealTimers();
      }
      expect(stateOf(storage)).toMatchObject({ state: "active", unknown_attempts: 1 });
      expect(rows(storage, "attempts")).toEqual([]);
      hanging.resolve();
      await vi.waitFor(() => expect(stateOf(storage)).toMatchObject({ unknown_attempts: 0 }));
      expect(said(await grant.token(world.request()))).toBe("at-2");
    });
    expect(world.script.presented).toEqual(["rt-1"]);
  });
});

describe("the object's memory of a token", () => {
  test("is not needed: after a restart the same is served, and the same refresh token is spent", async () => {
    const world = await userWorld();
    await world.inside(async (grant, _, restart) => {
      await world.authorized(grant);
      expect(said(await restart().token(world.request()))).toBe("at-1");
      world.nowMs += LIFETIME_MS;
      expect(said(await restart().token(world.request()))).toBe("at-2");
      world.nowMs += LIFETIME_MS;
      expect(said(await restart().token(world.request()))).toBe("at-3");
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-2"]);
  });
});

describe("what comes after the commit", () => {
  test("cannot take it back: the tokens are there though the alarm and the index fail", async () => {
    const world = await userWorld();
    await world.inside(async (_, storage, restart) => {
      const flaky = { run: world.deps.db.run };
      const grant = restart({ db: { ...world.deps.db, run: (statement) => flaky.run(statement) } });
      flaky.run = async () => {
        throw new Error("the database is gone");
      };
      await world.authorized(grant);
      expect(stateOf(storage)).toMatchObject({ indexed: 0 });
      expect(said(await grant.token(world.request()))).toBe("at-1");
      flaky.run = world.deps.db.run;
      world.nowMs += 30_000;
      await grant.alarm();
      expect(stateOf(storage)).toMatchObject({ indexed: 1 });
    });
    expect(events(world)).toContainEqual(expect.objectContaining({ event: "grant.index_behind" }));
  });
});
