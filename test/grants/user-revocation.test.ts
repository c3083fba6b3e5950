import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { indexAuthorization, isSubjectShared } from "../../src/grants/external-subject.ts";
import { assertIndexRow } from "../../src/grants/index-row.ts";
import { db, seedTeam } from "../connectors/rows.ts";
import { type UserWorld, userWorld } from "./user-world.ts";
import { EVERYTHING, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

const alice = { externalSubject: { issuer: "https://as.example.com", subject: "alice" } };
const revocations = (world: UserWorld) => world.asked.filter((what) => what.startsWith("revoke "));

describe("ending an authorization", () => {
  test("tells the provider of the refresh token first, and keeps what it confirmed", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await grant.token(world.request());
      world.nowMs += LIFETIME_MS - 10_000;
      await grant.token(world.request());
      const revoked = await grant.revoke(EVERYTHING);
      expect(revoked).toMatchObject({ tokensFound: 3, deleted: 3, providerRevoked: 3, providerPending: 0 });
      expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
      expect(await grant.describe()).toMatchObject({
        state: "revoked",
        refreshable: false,
        accessTokenExpiresAtMs: null,
        nextAttemptAtMs: null,
        upstreamRevocation: { outcome: "confirmed", atMs: world.nowMs },
      });
      for (const table of ["tokens", "superseded_tokens", "authorization_secrets", "upstream_revocations"]) {
        expect(rows(storage, table)).toEqual([]);
      }
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ tokensFound: 0, providerRevoked: 0 });
    });
    expect(revocations(world)[0]).toBe("revoke rt-2");
    expect(revocations(world).toSorted()).toEqual(["revoke at-1", "revoke at-2", "revoke rt-2"]);
    const state = await env.DB.prepare("SELECT authorization_state FROM grants WHERE name = ?")
      .bind(world.name)
      .first("authorization_state");
    expect(state).toBe("revoked");
  });

  test("goes on by the alarm until the provider confirms, and says so meanwhile", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage, restart) => {
      await world.authorized(grant);
      world.revoke = () => "upstream_unreachable";
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ providerFailed: 2, providerPending: 2 });
      expect(await grant.describe()).toMatchObject({ upstreamRevocation: { outcome: "pending", atMs: null } });
      const alarmAtMs = (await storage.getAlarm()) ?? 0;
      expect(alarmAtMs).toBe(START_MS + 30_000);
      world.nowMs = alarmAtMs;
      world.revoke = () => ({ status: 200, body: {} });
      const next = restart();
      await next.alarm();
      expect((await next.describe())?.upstreamRevocation).toEqual({ outcome: "confirmed", atMs: alarmAtMs });
    });
  });

  test("gives up on a refresh token after a week", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.revoke = () => "upstream_unreachable";
      await grant.revoke(EVERYTHING);
      world.nowMs += 7 * 24 * 3_600_000;
      await grant.alarm();
      expect(rows(storage, "upstream_revocations")).toEqual([]);
      expect((await grant.describe())?.upstreamRevocation?.outcome).toBe("given_up");
    });
  });

  test("is what its own link's revocation means, and no other link's", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      await grant.token(world.request({ linkId: "lnk_2" }));
      await grant.revoke({ revokedBeforeMs: null, linkId: "lnk_3" });
      expect(await grant.describe()).toMatchObject({ state: "active" });
      expect(await grant.revoke({ revokedBeforeMs: null, linkId: "lnk_1" })).toMatchObject({ tokensFound: 3 });
      // Nothing that came from an authorization outlives it.
      expect(said(await grant.token(world.request({ linkId: "lnk_2" })))).toBe("user_authorization_required");
    });
  });

  test("while it is being refreshed ends what that brings home, the new refresh token included", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      const slow = Promise.withResolvers<void>();
      world.script.held = slow.promise;
      const refreshing = grant.token(world.request());
      while (world.script.presented.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await grant.revoke(EVERYTHING);
      slow.resolve();
      expect(said(await refreshing)).toBe("user_authorization_required");
      expect(rows(storage, "authorization_secrets")).toEqual([]);
      await grant.alarm();
    });
    expect(revocations(world).toSorted()).toEqual(["revoke at-2", "revoke rt-1", "revoke rt-2"]);
  });
});

describe("where a revocation ends everything that a user gave this client", () => {
  test("another project's token is dropped here, and the provider is not told", async () => {
    const world = await userWorld({ revocationScope: "grant" });
    await world.inside(async (grant) => {
      await world.authorized(grant);
      await grant.token(world.request({ linkId: "lnk_2" }));
      const revoked = await grant.revoke({ revokedBeforeMs: null, linkId: "lnk_2" });
      expect(revoked).toMatchObject({ tokensFound: 1, deleted: 1, providerRevoked: 0, providerSkipped: 1 });
      expect(await grant.describe()).toMatchObject({ state: "active" });
    });
    expect(revocations(world)).toEqual([]);
  });

  /** Another Grant of the same connector, as the index has it. */
  async function neighbour(world: UserWorld, state: string) {
    await env.DB.prepare(
      `INSERT INTO grants (name, connector_id, subject_type, subject_id, partition, created_at_ms, seen_at_ms,
         external_subject, authorization_state)
       SELECT 'g1:neighbour-of-' || name, connector_id, 'user', 'other', 'preview', 1, 1, external_subject, ?
       FROM grants WHERE name = ?`,
    )
      .bind(state, world.name)
      .run();
  }

  test("and where it ends one token, another grant of the same user is no reason to keep silent", async () => {
    const world = await userWorld({ revocationScope: "token" });
    world.script.exchange = () => alice;
    await world.inside(async (grant) => {
      await world.authorized(grant);
      await neighbour(world, "active");
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ providerRevoked: 2 });
    });
    expect(revocations(world)).toEqual(["revoke rt-1", "revoke at-1"]);
  });

  test.for([
    ["active", [], "shared"],
    ["revoked", ["revoke rt-1", "revoke at-1"], "confirmed"],
    ["refused_upstream", ["revoke rt-1", "revoke at-1"], "confirmed"],
  ] as const)("and another grant of the same user is %s", async ([state, told, outcome]) => {
    const world = await userWorld({ revocationScope: "grant" });
    world.script.exchange = () => alice;
    await world.inside(async (grant) => {
      await world.authorized(grant);
      await neighbour(world, state);
      await grant.revoke(EVERYTHING);
      expect((await grant.describe())?.upstreamRevocation?.outcome).toBe(outcome);
    });
    expect(revocations(world)).toEqual(told);
  });

  test.for([
    ["of the same user of the app is active", "ada", "active", [], "shared"],
    ["of the same user of the app has ended", "ada", "revoked", ["revoke rt-1", "revoke at-1"], "confirmed"],
    ["of another user of the app is active", "bob", "active", ["revoke rt-1", "revoke at-1"], "confirmed"],
  ] as const)("whose user is unknown, and a grant %s", async ([, user, state, told, outcome]) => {
    const world = await userWorld({ revocationScope: "grant" });
    await world.inside(async (grant) => {
      await world.authorized(grant);
      await neighbour(world, state);
      const own = await env.DB.prepare("SELECT subject_id FROM grants WHERE name = ?").bind(world.name).first();
      await env.DB.prepare("UPDATE grants SET subject_id = ? WHERE name = 'g1:neighbour-of-' || ?")
        .bind(user === "ada" ? own?.subject_id : "bob", world.name)
        .run();
      await grant.revoke(EVERYTHING);
      expect((await grant.describe())?.upstreamRevocation?.outcome).toBe(outcome);
    });
    expect(revocations(world)).toEqual(told);
  });

  test("nothing is told while nobody knows of the others, and all of it once somebody does", async () => {
    const world = await userWorld({ revocationScope: "grant" });
    world.script.exchange = () => alice;
    await world.inside(async (_, __, restart) => {
      const first = world.deps.db.first;
      const grant = restart({
        db: {
          ...world.deps.db,
          first: async (statement) => {
            if (statement.sql.includes("external_subject")) throw new Error("the database is gone");
            return first(statement);
          },
        },
      });
      await world.authorized(grant);
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ providerFailed: 2, providerPending: 2 });
      expect(revocations(world)).toEqual([]);
      world.nowMs += 30_000;
      await restart().alarm();
    });
    expect(revocations(world)).toEqual(["revoke rt-1", "revoke at-1"]);
  });
});

describe("whether another grant is of the same user at the provider", () => {
  test("is no question about the app's own tokens", async () => {
    const app = { connectorId: "scl_1", subject: { type: "app" } } as const;
    expect(await isSubjectShared(db, app, null, "g1:own")).toBe(false);
  });

  test("of an unknown user is asked for that user, of that issuer, of that connector", async () => {
    const world = await userWorld();
    const { id: connectorId } = world.connector;
    const subject = { type: "user", namespace: null, issuer: "https://i.example", id: "ida" } as const;
    const other = { connectorId, installationId: null, subject, partition: "preview" };
    await assertIndexRow(db, "g1:of-ida", other, "k1", 1);
    const shared = (change: object, at = connectorId) =>
      isSubjectShared(db, { connectorId: at, subject: { ...subject, ...change } }, null, "g1:own");
    expect(await shared({})).toBe(false);
    await indexAuthorization(db, "g1:of-ida", { subjectHash: null, state: "active" });
    expect(await shared({})).toBe(true);
    expect(await shared({ id: "ian" })).toBe(false);
    expect(await shared({ issuer: null })).toBe(false);
    expect(await shared({}, "scl_other")).toBe(false);
    expect(await isSubjectShared(db, other, null, "g1:of-ida")).toBe(false);
  });
});

describe("D-05 re-sealing", () => {
  test("reaches the refresh token and what is known of the user", async () => {
    const world = await userWorld();
    world.script.exchange = () => alice;
    const { ring, entry } = await import("../crypto/rings.ts");
    const { kidOf } = await import("../../src/crypto/envelope.ts");
    const old = world.ring;
    await world.inside(async (grant, storage, restart) => {
      await world.authorized(grant);
      const both = await ring(entry("k9", 9));
      world.ring = { primaryKid: "k9", kids: ["k9", ...old.kids], key: (kid) => both.key(kid) ?? old.key(kid) };
      expect(await grant.reseal("k9")).toEqual({ done: true, reason: "" });
      const sealed = rows(storage, "authorization_secrets").map(({ token_sealed }) => kidOf(String(token_sealed)));
      expect(sealed).toEqual(["k9", "k9"]);
      world.ring = { primaryKid: "k9", kids: ["k9"], key: (kid) => both.key(kid) };
      expect(await restart().token(world.request())).toMatchObject({ ok: true, value: { externalSubject: "alice" } });
      // The connector's own secret still needs the old key.
      world.ring = { primaryKid: "k9", kids: ["k9", ...old.kids], key: (kid) => both.key(kid) ?? old.key(kid) };
      world.nowMs += LIFETIME_MS;
      expect(said(await restart().token(world.request()))).toBe("at-2");
    });
    expect(world.script.presented).toEqual(["rt-1"]);
  });
});
