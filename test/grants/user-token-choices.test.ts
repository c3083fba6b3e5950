import { beforeAll, describe, expect, test } from "vitest";
import { fail } from "../../src/errors.ts";
import { seedTeam } from "../connectors/rows.ts";
import { userWorld } from "./user-world.ts";
import { EVERYTHING, granted, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

const group = (...scopes: string[]) => ({ scopes, resources: [], audience: [], authorizationDetails: [] });
const whole = (...scopes: string[]) => ({ group: group(...scopes), narrow: false });
const messageOf = (answer: { ok: boolean; failure?: { message?: string | undefined } }) => answer.failure?.message;

describe("a provider whose tokens do not last", () => {
  test("is asked a few times, and then the caller is to come back", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => ({ expiresAtMs: world.nowMs });
      expect(await grant.token(world.request())).toEqual(
        fail("storage_unavailable", { reason: "refreshed again and again for others", retryAfterMs: 1_000 }),
      );
    });
    expect(world.script.presented).toHaveLength(8);
  });

  test("for as long as a caller needs them is asked a few times, and then that one gets the last", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => {
        world.nowMs += 60_000;
        return { expiresAtMs: world.nowMs + 40_000 };
      };
      const answer = await grant.token(world.request({ validityBufferMs: 300_000 }));
      expect(answer).toMatchObject({ ok: true, minted: true, value: { token: "at-9" } });
    });
  });
});

describe("of several tokens that would do", () => {
  test("one that is fresh is given before one's own that was rejected, and nobody is asked", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("a", "b") });
      world.nowMs += LIFETIME_MS / 2;
      expect(said(await grant.token(world.request({ group: group("a") })))).toBe("at-2");
      world.nowMs += LIFETIME_MS / 2;
      world.script.refresh = () => ({ scopes: ["a"] });
      const own = granted(await grant.token(world.request(whole("a", "b"))));
      expect(own).toMatchObject({ token: "at-3", scopes: ["a"] });
      world.nowMs += 31_000;
      const other = granted(await grant.token(world.request({ ...whole("a", "b"), rejectedTokenId: own.tokenId })));
      expect(other).toMatchObject({ token: "at-2", scopes: ["a"] });
      expect(world.script.presented).toHaveLength(2);
    });
  });

  test("a caller that outlives another's buffer is not made to wait for a refresh", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS - 45_000;
      expect(said(await grant.token(world.request()))).toBe("at-1");
      expect(world.script.presented).toEqual([]);
      expect(said(await grant.token(world.request({ validityBufferMs: 60_000 })))).toBe("at-2");
    });
  });

  test("a pasted key does for every request, whatever that asks for beside scopes", async () => {
    const world = await userWorld();
    world.script.kind = "pasted-key";
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group(), credential: { kind: "key", key: "pasted" } });
      const elsewhere = { ...group(), resources: ["https://api.example.com"] };
      const token = granted(await grant.token(world.request({ group: elsewhere, narrow: false })));
      expect(token).toMatchObject({ token: "pasted", resources: [], scopes: [] });
    });
  });
});

describe("who waits for its turn to refresh", () => {
  test("finds what it wanted in an authorization that came home meanwhile, and spends nothing", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("a", "b") });
      world.nowMs += LIFETIME_MS;
      const answer = Promise.withResolvers<void>();
      world.script.held = answer.promise;
      const narrow = grant.token(world.request({ group: group("a") }));
      await expect.poll(() => world.script.presented.length).toBe(1);
      const waiting = grant.token(world.request(whole("a", "b")));
      world.script.held = Promise.resolve();
      await world.authorized(grant, { group: group("a", "b") });
      answer.resolve();
      expect(said(await waiting)).toBe("at-2");
      await narrow;
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-2"]);
    expect(world.acquired).toEqual(Array(4).fill({ priority: "foreground", configRevision: 1 }));
  });
});

describe("a token's use", () => {
  const askedAt = (storage: DurableObjectStorage) => rows(storage, "tokens")[0]?.asked_at_ms;

  test("is noted once, and not for every question", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      expect(askedAt(storage)).toBe(START_MS - 1);
      for (let count = 0; count < 3; count++) {
        await grant.token(world.request());
        expect(askedAt(storage)).toBe(START_MS);
        world.nowMs += 1_000;
      }
    });
  });

  test("is noted though the clock went back", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs -= 1_000;
      await grant.token(world.request());
      expect(askedAt(storage)).toBe(START_MS);
    });
  });
});

describe("a refresh that fails while the token is still good", () => {
  test("is told to the log, and the answer does not claim that it was minted", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS - 20_000;
      world.script.refresh = () => ({ code: "upstream_rejected", reason: "error=invalid_scope" });
      expect(await grant.token(world.request())).toMatchObject({ ok: true, minted: false, value: { token: "at-1" } });
    });
    const told = world.lines.map((line) => JSON.parse(line)).filter(({ event }) => event.includes("served"));
    expect(told).toMatchObject([
      { event: "grant.served_while_failing", errorCode: "upstream_rejected", reason: "error=invalid_scope" },
    ]);
  });

  test("where a refresh ends it is told to end when it does, from the told end on", async () => {
    const world = await userWorld({ oldAccessTokenDies: true, rotation: "stable" });
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS - 60_000;
      world.script.refresh = () => "upstream_unreachable";
      const token = granted(await grant.token(world.request({ narrow: false })));
      expect(token).toMatchObject({ token: "at-1", expiresAtMs: START_MS + LIFETIME_MS });
    });
  });
});

describe("a user is told why to authorize again", () => {
  test("because it was revoked here, whatever is asked for", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      await grant.revoke(EVERYTHING);
      const answer = await grant.token(world.request({ group: group("never", "granted") }));
      expect(answer).toMatchObject({ failure: { code: "user_authorization_required", reason: "revoked" } });
      expect(messageOf(answer)).toContain("revoked here");
    });
  });

  test("because the provider has ended it", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.script.refresh = () => "upstream_grant_refused";
      for (let count = 0; count < 2; count++) {
        world.nowMs += LIFETIME_MS;
        await grant.token(world.request());
      }
      const answer = await grant.token(world.request());
      expect(answer).toMatchObject({ failure: { reason: "refused_upstream" } });
      expect(messageOf(answer)).toContain("no longer accepts this user's authorization");
    });
  });

  test("with the scopes that a narrowed token turned out to lack", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("a", "b", "c") });
      world.script.refresh = () => ({ scopes: ["a"] });
      expect(messageOf(await grant.token(world.request({ group: group("a", "b") })))).toContain("not granted: b.");
    });
  });
});

describe("a connector that cannot be read", () => {
  const gone = async () => null;

  test("gives nothing of an authorization from before its last change", async () => {
    const world = await userWorld();
    const { db } = world.deps;
    await world.inside(async (grant, _, restart) => {
      await world.authorized(grant);
      const connector = { ...world.request().connector, configRevision: 2 };
      const cut = restart({ db: { ...db, first: gone } });
      expect(said(await cut.token(world.request({ connector })))).toBe("not_found");
    });
  });

  test("or that users do not authorize takes neither a code nor a key", async () => {
    const world = await userWorld();
    const { db } = world.deps;
    const key = { kind: "key", key: "pasted" } as const;
    const oauth = world.deps.driverOf("oauth");
    if (oauth === null) throw new Error("there is no oauth driver");
    const driver = { ...oauth, userAuthorization: () => null };
    await world.inside(async (_, __, restart) => {
      const cut = restart({ db: { ...db, first: gone } });
      expect(await cut.authorize(world.authorization({ credential: key }))).toMatchObject(fail("not_found"));
      const appOnly = restart({ driverOf: () => driver });
      expect(await appOnly.authorize(world.authorization())).toEqual(fail("unresolved_token"));
      expect(await appOnly.authorize(world.authorization({ credential: key }))).toEqual(fail("unresolved_token"));
    });
    expect(world.asked).toEqual([]);
  });
});
