import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { fail } from "../../src/errors.ts";
import { seedTeam } from "../connectors/rows.ts";
import { type UserWorld, userWorld } from "./user-world.ts";
import { EVERYTHING, granted, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

const WHOLE = { narrow: false };
const alice = { externalSubject: { issuer: "https://as.example.com", subject: "alice" } };
const bob = { externalSubject: { issuer: "https://as.example.com", subject: "bob" } };
const indexed = (world: UserWorld) =>
  env.DB.prepare("SELECT authorization_state AS state, external_subject AS subject FROM grants WHERE name = ?")
    .bind(world.name)
    .first<{ state: string; subject: string | null }>();
const owed = (storage: DurableObjectStorage) =>
  rows(storage, "upstream_revocations").map(({ hint, due_at_ms }) => [hint, Number(due_at_ms) - START_MS]);

describe("a user who authorizes", () => {
  test("gets the exchange's token first, and a refreshed one after it", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
      const { authorizationId, scopes } = await world.authorized(grant);
      expect([authorizationId, scopes]).toEqual([expect.stringMatching(/^aut_/), ["read"]]);
      const first = granted(await grant.token(world.request(WHOLE)));
      const expiresAtMs = START_MS + LIFETIME_MS;
      expect(first).toMatchObject({ token: "at-1", authorizationId, groupId: "group", expiresAtMs });
      world.nowMs += LIFETIME_MS;
      const second = await grant.token(world.request(WHOLE));
      expect(second).toMatchObject({ ok: true, minted: true, value: { token: "at-2", authorizationId } });
      expect(rows(storage, "attempts")).toEqual([]);
      expect(JSON.stringify(rows(storage, "authorization_secrets"))).not.toMatch(/rt-|read/);
    });
    expect(world.asked).toEqual(["exchange code-1", "refresh rt-1"]);
    expect(await indexed(world)).toEqual({ state: "active", subject: null });
  });

  test("is known by the provider's id, and by nothing else in the index", async () => {
    const world = await userWorld();
    world.script.exchange = () => ({ ...alice, claims: { groups: ["a"] } });
    await world.inside(async (grant, storage, restart) => {
      await world.authorized(grant);
      const token = granted(await restart().token(world.request()));
      expect(token).toMatchObject({ externalSubject: "alice", claims: { groups: ["a"] } });
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => ({ claims: { groups: ["b"] } });
      const refreshed = granted(await grant.token(world.request()));
      expect(refreshed).toMatchObject({ externalSubject: "alice", claims: { groups: ["b"] } });
      expect(JSON.stringify(rows(storage, "authorization"))).not.toContain("alice");
    });
    expect(world.script.refreshes[0]?.externalSubject).toEqual(alice.externalSubject);
    expect((await indexed(world))?.subject).toMatch(/^[\w-]{43}$/);
  });

  test("for another grant than this one, or as the app, authorizes nothing", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      const elsewhere = { ...world.identity, partition: "preview" };
      const answer = await grant.authorize(world.authorization({ identity: elsewhere }));
      expect(answer).toMatchObject({ failure: { code: "internal_error" } });
      expect(storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'identity'").toArray()).toEqual([]);
    });
    expect(world.asked).toEqual([]);
  });

  test("journals the exchange, holds a permit for it, and leaves nothing when it fails", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      const journal: unknown[] = [];
      world.script.exchange = () => {
        journal.push(...rows(storage, "attempts"));
        return "upstream_rejected";
      };
      const answer = await grant.authorize(world.authorization());
      expect(answer).toEqual({ ok: false, failure: { code: "upstream_rejected" } });
      expect(journal).toMatchObject([{ kind: "exchange" }]);
      expect([rows(storage, "attempts"), rows(storage, "authorization")]).toEqual([[], []]);
      expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
      expect(await grant.describe()).toBeNull();
    });
    expect(world.acquired).toEqual([{ priority: "foreground", configRevision: 1 }]);
  });

  test("spends a code once, however often it is brought at the same time", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      const request = world.authorization();
      const answers = await Promise.all([1, 2, 3].map(() => grant.authorize(request)));
      expect(answers.every(({ ok }) => ok)).toBe(true);
      expect(new Set(answers.map((answer) => answer.ok && answer.value.authorizationId)).size).toBe(1);
    });
    expect(world.asked).toEqual(["exchange code-1"]);
  });

  test("C-08 narrowly keeps that, and more than the link allows is kept by nobody", async () => {
    const world = await userWorld();
    const group = { scopes: ["a", "b"], resources: [], audience: [], authorizationDetails: [] };
    await world.inside(async (grant, storage) => {
      world.script.exchange = () => ({ scopes: ["a"] });
      expect((await world.authorized(grant, { group })).scopes).toEqual(["a"]);
      expect(granted(await grant.token(world.request({ group, narrow: false }))).scopes).toEqual(["a"]);
      const missing = await grant.token(world.request({ group, narrow: true }));
      expect(missing).toMatchObject({ failure: { code: "insufficient_scope" } });
      expect(!missing.ok && missing.failure.message).toContain("not granted: b.");

      world.script.exchange = () => ({ scopes: ["a", "z"] });
      const wide = await grant.authorize(world.authorization({ group, scopeCeiling: ["a", "b"] }));
      expect(wide).toMatchObject({ failure: { code: "insufficient_scope" } });
      expect(said(await grant.token(world.request({ group, narrow: false })))).toBe("at-1");
      expect(
        rows(storage, "upstream_revocations")
          .map(({ hint }) => hint)
          .toSorted(),
      ).toEqual(["access_token", "refresh_token"]);
    });
  });

  test("for a connector that is gone stores nothing", async () => {
    const world = await userWorld();
    await env.DB.prepare("UPDATE connectors SET deleted_at_ms = 1 WHERE id = ?").bind(world.connector.id).run();
    await world.inside(async (grant) => {
      expect(await grant.authorize(world.authorization())).toMatchObject({ failure: { code: "not_found" } });
    });
    expect(world.asked).toEqual([]);
  });

  test("by pasting a key has that key, for every project and for ever, and nothing to refresh", async () => {
    const world = await userWorld();
    world.script.kind = "pasted-key";
    const none = { scopes: [], resources: [], audience: [], authorizationDetails: [] };
    await world.inside(async (grant, storage) => {
      await world.authorized(grant, { group: none, credential: { kind: "key", key: "pasted" } });
      for (const linkId of ["lnk_1", "lnk_2"]) {
        world.nowMs += 400 * 24 * LIFETIME_MS;
        const token = granted(await grant.token(world.request({ linkId, group: none, narrow: false })));
        expect(token).toMatchObject({ token: "pasted", static: true, scopes: [] });
      }
      await grant.alarm();
      expect(said(await grant.token(world.request({ group: none })))).toBe("pasted");
      expect(await grant.describe()).toMatchObject({ refreshable: false, accessTokenExpiresAtMs: null });
      expect(JSON.stringify(rows(storage, "tokens"))).not.toContain("pasted");
      const revoked = await grant.revoke(EVERYTHING);
      expect(revoked).toMatchObject({ tokensFound: 1, deleted: 1, providerSkipped: 1, providerPending: 0 });
      expect(said(await grant.token(world.request({ group: none })))).toBe("user_authorization_required");
    });
    expect([world.asked, world.acquired]).toEqual([[], []]);
  });

  test("with a key where keys are not pasted, or with a code where they are, is refused", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      const key = { kind: "key", key: "pasted" } as const;
      expect(await grant.authorize(world.authorization({ credential: key }))).toEqual(fail("unresolved_token"));
      world.script.kind = "pasted-key";
      expect(await grant.authorize(world.authorization())).toEqual(fail("unresolved_token"));
    });
    expect(world.asked).toEqual([]);
  });
});

describe("A-15 of two authorizations of one user", () => {
  test("the one that was asked for later stays, whichever comes home first", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { ordinal: 7 });
      for (const ordinal of [6, 7]) {
        expect(await grant.authorize(world.authorization({ ordinal }))).toEqual(fail("superseded"));
      }
      expect(said(await grant.token(world.request()))).toBe("at-1");
      await world.authorized(grant, { ordinal: 8 });
      expect(said(await grant.token(world.request()))).toBe("at-2");
    });
    expect(world.asked).toEqual(["exchange code-7", "exchange code-8"]);
  });

  test("that are exchanged at the same time the earlier is superseded, and its tokens are owed to the provider", async () => {
    const world = await userWorld({ revocationScope: "token" });
    await world.inside(async (grant, storage) => {
      const slow = Promise.withResolvers<void>();
      world.script.held = slow.promise;
      const earlier = grant.authorize(world.authorization({ ordinal: 1 }));
      while (world.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      world.script.held = Promise.resolve();
      await world.authorized(grant, { ordinal: 2 });
      slow.resolve();
      expect(await earlier).toEqual(fail("superseded"));
      expect(said(await grant.token(world.request()))).toBe("at-1");
      expect(owed(storage).toSorted()).toEqual([
        ["access_token", 0],
        ["refresh_token", 0],
      ]);
      world.nowMs += 1;
      await grant.alarm();
      expect(world.asked.slice(2)).toEqual(["revoke rt-2", "revoke at-2"]);
    });
  });

  test("the replaced one's refresh does not overwrite the new one's tokens, though it comes home last", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const slow = Promise.withResolvers<void>();
      world.script.held = slow.promise;
      const refreshing = grant.token(world.request());
      while (world.script.presented.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      world.script.held = Promise.resolve();
      const { authorizationId } = await world.authorized(grant);
      slow.resolve();
      expect(granted(await refreshing)).toMatchObject({ token: "at-2", authorizationId });
      world.nowMs += LIFETIME_MS;
      expect(said(await grant.token(world.request()))).toBe("at-4");
      expect(rows(storage, "authorization")).toMatchObject([{ authorization_id: authorizationId, state: "active" }]);
    });
    expect(world.script.presented).toEqual(["rt-1", "rt-2"]);
  });

  test("of the same user at the provider nothing is told that could end the new one", async () => {
    const world = await userWorld({ revocationScope: "grant" });
    world.script.exchange = () => alice;
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await world.authorized(grant);
      expect(owed(storage)).toEqual([]);
      expect(rows(storage, "superseded_tokens")).toHaveLength(1);
      expect(said(await grant.token(world.request()))).toBe("at-2");
    });
  });

  test("where a revocation ends one token, the old refresh token is told of once no edge serves what came from it", async () => {
    const world = await userWorld({ revocationScope: "token" });
    world.script.exchange = () => alice;
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await world.authorized(grant);
      expect(owed(storage)).toEqual([["refresh_token", 62_000]]);
      expect(await storage.getAlarm()).toBe(START_MS + 62_000);
      world.nowMs += 62_000;
      await grant.alarm();
    });
    expect(world.asked.at(-1)).toBe("revoke rt-1");
  });

  test("with the same refresh token, that one lives on", async () => {
    const world = await userWorld({ revocationScope: "token" });
    world.script.exchange = () => ({ ...alice, refreshToken: "rt-same" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await world.authorized(grant);
      expect(owed(storage)).toEqual([]);
    });
  });

  test("of another user at the provider ends all that was the first one's, at once", async () => {
    const world = await userWorld({ revocationScope: "grant" });
    world.script.exchange = () => alice;
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(world.request());
      world.script.exchange = () => bob;
      await world.authorized(grant);
      expect(owed(storage).toSorted()).toEqual([
        ["access_token", 0],
        ["refresh_token", 0],
      ]);
      expect(granted(await grant.token(world.request()))).toMatchObject({ token: "at-2", externalSubject: "bob" });
      await grant.alarm();
    });
    expect(world.asked.slice(-2)).toEqual(["revoke rt-1", "revoke at-1"]);
  });

  test("the later one may bring back what had ended", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      await grant.revoke(EVERYTHING);
      expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
      expect(await grant.authorize(world.authorization({ ordinal: 1 }))).toEqual(fail("superseded"));
      await world.authorized(grant);
      expect(said(await grant.token(world.request()))).toBe("at-2");
    });
    expect(await indexed(world)).toMatchObject({ state: "active" });
  });
});

describe("a revocation", () => {
  test("during the exchange ends what that brings home", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      const slow = Promise.withResolvers<void>();
      world.script.held = slow.promise;
      const authorizing = grant.authorize(world.authorization());
      while (world.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ providerPending: 1 });
      slow.resolve();
      expect(await authorizing).toMatchObject({ failure: { code: "user_authorization_required" } });
      expect(rows(storage, "authorization")).toEqual([]);
      await grant.alarm();
    });
    expect(world.asked.slice(1)).toEqual(["revoke rt-1", "revoke at-1"]);
  });
});
