import { beforeAll, describe, expect, test } from "vitest";
import { seedTeam } from "../connectors/rows.ts";
import { type UserWorld, userWorld } from "./user-world.ts";
import { granted, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

const NOTHING = { scopes: [], resources: [], audience: [], authorizationDetails: [] };
const group = (...scopes: string[]) => ({ ...NOTHING, scopes });
const reach = (linkId: string | null) => ({ revokedBeforeMs: null, linkId });

describe("C-03 what was granted", () => {
  test("serves who asks for the defaults, and who asks for just that, with one token", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("a", "b") });
      const ask = (change: object) => grant.token(world.request({ group: group("a", "b"), ...change }));
      expect(said(await ask({ narrow: false, groupId: "defaults" }))).toBe("at-1");
      expect(granted(await ask({ narrow: true, groupId: "named" }))).toMatchObject({ token: "at-1", groupId: "named" });
    });
    expect(world.script.presented).toEqual([]);
  });

  test("is narrowed for who asks for less, and never served in its place", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("admin", "read") });
      const narrow = { group: group("read"), narrow: true, groupId: "narrow" };
      expect(granted(await grant.token(world.request(narrow)))).toMatchObject({ token: "at-2", scopes: ["read"] });
      const whole = { group: group("admin", "read"), narrow: false };
      expect(granted(await grant.token(world.request(whole)))).toMatchObject({
        token: "at-1",
        scopes: ["admin", "read"],
      });
    });
    expect(world.asked.at(-1)).toBe("refresh rt-1 read");
    expect(world.script.refreshes).toMatchObject([{ narrow: true, grantedScopes: ["admin", "read"] }]);
  });

  test("C-08 does not include what was not granted: the answer says what is missing, and asks nobody", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("a") });
      const answer = await grant.token(world.request({ group: group("a", "b", "c"), narrow: true }));
      expect(answer).toMatchObject({ failure: { code: "insufficient_scope" } });
      expect(!answer.ok && answer.failure.message).toContain("b c");
    });
    expect(world.script.presented).toEqual([]);
  });

  test("C-08 may shrink at a refresh, and what is gone is then missing", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("a", "b") });
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => ({ scopes: ["a"] });
      const whole = { group: group("a", "b"), narrow: false };
      expect(granted(await grant.token(world.request(whole))).scopes).toEqual(["a"]);
      expect(said(await grant.token(world.request({ group: group("b"), narrow: true })))).toBe("insufficient_scope");
      expect((await grant.describe())?.scopes).toEqual(["a"]);
    });
  });

  test("C-08 that a narrowed token lacks is said of that token, without another refresh", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("a", "b", "c") });
      world.script.refresh = () => ({ scopes: ["a"] });
      const narrow = { group: group("a", "b"), narrow: true };
      for (let count = 0; count < 3; count++) {
        expect(said(await grant.token(world.request(narrow)))).toBe("insufficient_scope");
      }
      expect((await grant.describe())?.scopes).toEqual(["a", "b", "c"]);
    });
    expect(world.script.presented).toEqual(["rt-1"]);
  });

  test("is cut to the link's ceiling as it is now, and what comes home above it is handed to nobody", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant, { group: group("a", "b") });
      const under = { group: group("a"), narrow: false, scopeCeiling: ["a"] };
      expect(granted(await grant.token(world.request(under)))).toMatchObject({ token: "at-2", scopes: ["a"] });
      world.script.refresh = () => ({ scopes: ["a", "b"] });
      world.nowMs += LIFETIME_MS;
      for (let count = 0; count < 5; count++) {
        expect(said(await grant.token(world.request(under)))).toBe("insufficient_scope");
      }
      expect(rows(storage, "tokens").filter((row) => Number(row.expires_at_ms) > world.nowMs)).toEqual([]);
    });
    // The refresh token that came with it is kept, and a loop does not spend it.
    expect(world.script.presented).toEqual(["rt-1", "rt-2"]);
  });

  test("for other resources is another token, and the refresh names them", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("a") });
      const at = { ...group("a"), resources: ["https://api.example.com"] };
      const token = granted(await grant.token(world.request({ group: at, narrow: false })));
      expect(token).toMatchObject({ token: "at-2", resources: ["https://api.example.com"] });
      expect(said(await grant.token(world.request({ group: group("a"), narrow: false })))).toBe("at-1");
      world.script.refresh = () => ({ scopes: [] });
      world.nowMs += LIFETIME_MS;
      await grant.token(world.request({ group: at, narrow: false }));
      expect((await grant.describe())?.scopes).toEqual(["a"]);
    });
    expect(world.script.refreshes[0]?.group.resources).toEqual(["https://api.example.com"]);
  });
});

describe("two projects behind one grant", () => {
  const other = { linkId: "lnk_2", groupId: "other" };

  test("D-07 have a token each, and one's revocation reaches its own", async () => {
    const world = await userWorld({ revocationScope: "token" });
    await world.inside(async (grant) => {
      await world.authorized(grant);
      expect(said(await grant.token(world.request()))).toBe("at-1");
      expect(said(await grant.token(world.request(other)))).toBe("at-2");
      expect(await grant.revoke(reach("lnk_2"))).toMatchObject({ tokensFound: 1, providerRevoked: 1 });
      expect(said(await grant.token(world.request()))).toBe("at-1");
      expect(said(await grant.token(world.request(other)))).toBe("at-3");
    });
    expect(world.asked).toContain("revoke at-2");
  });

  test("share a token that cannot be replaced, and each one's revocation means it", async () => {
    const world = await userWorld();
    world.script.exchange = () => ({ refreshToken: null });
    await world.inside(async (grant) => {
      await world.authorized(grant);
      expect(said(await grant.token(world.request(other)))).toBe("at-1");
      expect(said(await grant.token(world.request()))).toBe("at-1");
      expect(await grant.revoke(reach("lnk_2"))).toMatchObject({ tokensFound: 1 });
      expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
    });
  });
});

describe("an authorization without a refresh token", () => {
  test("serves until its token ends, and then says that the user has to come again", async () => {
    const world = await userWorld();
    world.script.exchange = () => ({ refreshToken: null });
    await world.inside(async (grant) => {
      await world.authorized(grant);
      expect(await grant.describe()).toMatchObject({ refreshable: false, nextAttemptAtMs: null });
      world.nowMs += LIFETIME_MS - 1;
      const last = granted(await grant.token(world.request()));
      expect(last.token).toBe("at-1");
      expect(said(await grant.token(world.request({ rejectedTokenId: last.tokenId })))).toBe("at-1");
      world.nowMs += 1;
      const answer = await grant.token(world.request());
      expect(answer).toMatchObject({ failure: { code: "user_authorization_required" } });
      expect(!answer.ok && answer.failure.message).toContain("no refresh token");
    });
    expect(world.script.presented).toEqual([]);
  });
});

describe("where a refresh ends the access token before it", () => {
  const policy = { oldAccessTokenDies: true, rotation: "stable" } as const;
  const ask = (world: UserWorld, change: object = {}) =>
    world.request({ leaseKey: "l1:key", narrow: false, ...change });

  test("there is one token for everybody, in no cache, and it is said to end a minute early", async () => {
    const world = await userWorld(policy);
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      for (const linkId of ["lnk_1", "lnk_2", "lnk_1"]) {
        const token = granted(await grant.token(ask(world, { linkId, groupId: linkId, group: group("read") })));
        expect(token).toMatchObject({ token: "at-1", groupId: linkId, expiresAtMs: START_MS + LIFETIME_MS - 60_000 });
        expect(token.leaseUntilMs).toBe(token.leaseFromMs);
      }
      expect(rows(storage, "tokens")).toMatchObject([{ group_id: "only", link_id: null }]);
    });
    expect([world.kv, world.script.presented]).toEqual([[], []]);
  });

  test("no buffer refreshes it before the told end, and the alarm never does", async () => {
    const world = await userWorld(policy);
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(ask(world));
      world.nowMs += LIFETIME_MS - 60_001;
      expect(said(await grant.token(ask(world, { validityBufferMs: 3_000_000 })))).toBe("at-1");
      await grant.alarm();
      expect(await storage.getAlarm()).toBe(START_MS + LIFETIME_MS);
      expect(world.script.presented).toEqual([]);
      world.nowMs += 1;
      expect(said(await grant.token(ask(world)))).toBe("at-2");
      expect(world.script.presented).toEqual(["rt-1"]);
    });
  });

  test("a refresh that fails leaves it to be served to its real end", async () => {
    const world = await userWorld(policy);
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS - 50_000;
      world.script.refresh = () => "upstream_unreachable";
      const token = granted(await grant.token(ask(world)));
      expect(token).toMatchObject({ token: "at-1", expiresAtMs: START_MS + LIFETIME_MS });
      world.nowMs += 50_000;
      expect(said(await grant.token(ask(world)))).toBe("upstream_unreachable");
    });
  });
});

describe("U-14 a connector that was pointed at another provider", () => {
  test("gets nothing of what users authorized at the one before, until it is pointed back", async () => {
    const world = await userWorld();
    const at = (configRevision: number) => ({ connector: { ...world.request().connector, configRevision } });
    await world.inside(async (grant) => {
      await world.authorized(grant);
      const configured = (revision: number, provider: string | null) => {
        world.script.provider = provider;
        return world.deps.db.run({
          sql: "UPDATE connectors SET config_revision = ? WHERE id = ?",
          values: [revision, world.connector.id],
        });
      };
      await configured(2, "https://evil.example");
      const answer = await grant.token(world.request(at(2)));
      expect(answer).toMatchObject({ failure: { code: "user_authorization_required", reason: "provider changed" } });
      world.nowMs += LIFETIME_MS;
      expect(said(await grant.token(world.request(at(2))))).toBe("user_authorization_required");
      // An edge that has not heard of it does not get the refresh token sent there, either.
      expect(said(await grant.token(world.request(at(1))))).toBe("user_authorization_required");
      await configured(3, null);
      expect(said(await grant.token(world.request(at(3))))).toBe("at-2");
    });
    expect(world.script.presented).toEqual(["rt-1"]);
  });

  test("is noticed by the refresh itself, where no question brought the news", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.script.provider = "https://evil.example";
      await world.deps.db.run({
        sql: "UPDATE connectors SET config_revision = 2 WHERE id = ?",
        values: [world.connector.id],
      });
      world.nowMs += LIFETIME_MS;
      expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
    });
    expect(world.script.presented).toEqual([]);
  });
});

describe("C-09 a wide revocation", () => {
  test("that no walk has brought yet is obeyed, because the question brings it along", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { revokedBeforeMs: 5 });
      expect(said(await grant.token(world.request({ revokedBeforeMs: 5 })))).toBe("at-1");
      const answer = await grant.token(world.request({ revokedBeforeMs: 6 }));
      expect(answer).toMatchObject({ failure: { code: "user_authorization_required", reason: "revoked" } });
    });
    expect(world.script.presented).toEqual([]);
  });
});
