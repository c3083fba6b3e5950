import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { fail, ok } from "../../src/errors.ts";
import { MAX_SUPERSEDED_TOKENS } from "../../src/grants/superseded-tokens.ts";
import { seedTeam } from "../connectors/rows.ts";
import { type UserWorld, userWorld } from "./user-world.ts";
import { granted, grantWorld, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

const alice = { externalSubject: { issuer: "https://as.example.com", subject: "alice" } };
const stateOf = (storage: DurableObjectStorage) => rows(storage, "authorization")[0];
const logged = (world: Pick<UserWorld, "lines">, event: string) =>
  world.lines.map((line) => JSON.parse(line)).filter((line) => line.event === event);
const indexed = (world: UserWorld) =>
  env.DB.prepare("SELECT authorization_state AS state, external_subject AS subject FROM grants WHERE name = ?")
    .bind(world.name)
    .first<{ state: string; subject: string | null }>();

describe("what is known of a user", () => {
  test("stays when a refresh says nothing new, and is not written again", async () => {
    const world = await userWorld();
    world.script.exchange = () => ({ ...alice, claims: { groups: ["a"] } });
    await world.inside(async (grant, storage, restart) => {
      await world.authorized(grant);
      world.script.refresh = () => ({ refreshToken: "rt-1" });
      const before = rows(storage, "authorization_secrets");
      world.nowMs += LIFETIME_MS;
      expect(said(await grant.token(world.request()))).toBe("at-2");
      expect(rows(storage, "authorization_secrets")).toEqual(before);
      const token = granted(await restart().token(world.request()));
      expect(token).toMatchObject({ externalSubject: "alice", claims: { groups: ["a"] } });
    });
  });

  test("may be learnt from a refresh, and is then in the index", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      expect(granted(await grant.token(world.request())).externalSubject).toBeUndefined();
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => alice;
      expect(granted(await grant.token(world.request())).externalSubject).toBe("alice");
      await expect.poll(() => stateOf(storage)?.indexed).toBe(1);
    });
    expect((await indexed(world))?.subject).toMatch(/^[\w-]{43}$/);
  });
});

describe("the index of grants", () => {
  test("says of a refused authorization that it has ended", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      world.script.refresh = () => "upstream_grant_refused";
      world.nowMs += LIFETIME_MS;
      await grant.token(world.request());
      expect(stateOf(storage)).toMatchObject({ refusals: 1, indexed: 1 });
      world.nowMs += 30_000;
      await grant.token(world.request());
      await expect.poll(() => stateOf(storage)?.indexed).toBe(1);
    });
    expect((await indexed(world))?.state).toBe("refused_upstream");
  });

  test("that is behind is still behind after a refresh that failed", async () => {
    const world = await userWorld({ rotation: "grace" });
    const { db } = world.deps;
    const broken = {
      ...db,
      run: (statement: Parameters<typeof db.run>[0]) =>
        statement.sql.includes("authorization_state") ? Promise.reject(new Error("gone")) : db.run(statement),
    };
    await world.inside(
      async (grant, storage) => {
        await world.authorized(grant);
        world.nowMs += LIFETIME_MS;
        world.script.refresh = () => "upstream_unreachable";
        await grant.token(world.request());
        expect(stateOf(storage)).toMatchObject({ failures: 1, indexed: 0 });
      },
      { db: broken },
    );
  });
});

describe("a refresh that could not even begin", () => {
  const group = (...scopes: string[]) => ({ scopes, resources: [], audience: [], authorizationDetails: [] });

  test("is everybody's answer for that token until it may be tried again, and nobody's for another", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant, { group: group("a", "b") });
      world.nowMs += LIFETIME_MS;
      world.permit = fail("upstream_invalid_client", { retryAfterMs: 5_000 });
      for (let count = 0; count < 3; count++) {
        expect(said(await grant.token(world.request({ group: group("a") })))).toBe("upstream_invalid_client");
      }
      expect(world.acquired).toHaveLength(2);
      world.permit = ok({ permit: "prm_2" });
      expect(said(await grant.token(world.request({ group: group("b") })))).toBe("at-2");
      expect(said(await grant.token(world.request({ group: group("a") })))).toBe("upstream_invalid_client");
      world.nowMs += 5_000;
      expect(said(await grant.token(world.request({ group: group("a") })))).toBe("at-3");
    });
  });

  test("and one that was refused keep their story while they are not repeated", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => ({ code: "upstream_rejected", reason: "error=temporarily_unavailable" });
      await grant.token(world.request());
      world.nowMs += 400;
      expect(await grant.token(world.request())).toEqual(
        fail("upstream_rejected", { reason: "error=temporarily_unavailable", retryAfterMs: 600 }),
      );
    });
    expect(world.script.presented).toHaveLength(1);
  });
});

describe("D-07 a project's revocation while its token is being refreshed", () => {
  test.for([
    ["lnk_2", ["access_token"], ["rt-1", "rt-2"], "at-3"],
    ["lnk_3", [], ["rt-1"], "at-2"],
  ] as const)("of %s ends what that brings home only if it is its own", async ([linkId, owed, presented, token]) => {
    const world = await userWorld({ revocationScope: "token" });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      const answer = Promise.withResolvers<void>();
      world.script.held = answer.promise;
      const asking = grant.token(world.request({ linkId: "lnk_2" }));
      await expect.poll(() => world.script.presented.length).toBe(1);
      await grant.revoke({ revokedBeforeMs: null, linkId });
      world.script.held = Promise.resolve();
      answer.resolve();
      expect(said(await asking)).toBe(token);
      expect(rows(storage, "upstream_revocations").map(({ hint }) => hint)).toEqual(owed);
    });
    expect(world.script.presented).toEqual(presented);
  });
});

test("a refresh brings along what the connector has become, and is counted with its time", async () => {
  const world = await userWorld();
  await world.inside(async (grant, storage) => {
    await world.authorized(grant);
    const { db } = world.deps;
    await db.run({ sql: "UPDATE connectors SET config_revision = 2 WHERE id = ?", values: [world.connector.id] });
    world.nowMs += LIFETIME_MS;
    world.script.refresh = () => {
      world.nowMs += 250;
      return {};
    };
    expect(said(await grant.token(world.request()))).toBe("at-2");
    expect(stateOf(storage)).toMatchObject({ config_revision: 2 });
  });
  expect(world.points.at(-1)).toMatchObject({ kind: "mint", connectorType: "oauth", outcome: "ok", durationMs: 250 });
  expect(world.script.refreshes).toMatchObject([{ connectorId: world.connector.id }]);
});

describe("what the log is told of refreshes", () => {
  test("is each failure, with a refresh token's fingerprint that is too short to find it by, and the recovery", async () => {
    const world = await userWorld({ rotation: "grace" });
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.nowMs += LIFETIME_MS;
      world.script.refresh = () => "upstream_unreachable";
      await grant.token(world.request());
      await grant.token(world.request());
      world.script.refresh = () => ({});
      world.nowMs += 60_000;
      await grant.token(world.request());
      world.nowMs += LIFETIME_MS;
      await grant.token(world.request());
    });
    const { id: connectorId } = world.connector;
    const fingerprint = expect.stringMatching(/^[\w-]{8}$/);
    const told = { level: "warn", connectorId, errorCode: "upstream_unreachable", outcome: "unknown", fingerprint };
    expect(logged(world, "grant.refresh_failed")).toMatchObject([
      { ...told, failures: 1 },
      { ...told, failures: 2 },
    ]);
    expect(logged(world, "grant.recovered")).toMatchObject([{ level: "info", connectorId, failures: 2 }]);
    expect(logged(world, "grant.authorization_ended")).toEqual([]);
    expect(logged(world, "grant.superseded_forgotten")).toEqual([]);
  });

  test("is that an authorization has ended, and how", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      await world.authorized(grant);
      world.script.refresh = () => "upstream_grant_refused";
      for (let count = 0; count < 2; count++) {
        world.nowMs += LIFETIME_MS;
        await grant.token(world.request());
      }
    });
    expect(logged(world, "grant.authorization_ended")).toMatchObject([
      {
        level: "warn",
        connectorId: world.connector.id,
        state: "refused_upstream",
        fingerprint: expect.stringMatching(/^[\w-]{8}$/),
      },
    ]);
  });

  test("is a scope above the ceiling, whose tokens are owed to the provider at once", async () => {
    const world = await userWorld({ revocationScope: "token" });
    await world.inside(async (grant, storage) => {
      const group = { scopes: ["a"], resources: [], audience: [], authorizationDetails: [] };
      await world.authorized(grant, { group });
      world.script.refresh = () => ({ scopes: ["a", "b"] });
      world.nowMs += LIFETIME_MS;
      const answer = await grant.token(world.request({ group, narrow: false, scopeCeiling: ["a"] }));
      expect(answer).toMatchObject({
        failure: {
          code: "insufficient_scope",
          message: "The provider granted more than the project's link allows: b.",
        },
      });
      const { nowMs } = world;
      expect(rows(storage, "upstream_revocations")).toMatchObject([{ hint: "access_token", due_at_ms: nowMs }]);
      expect(rows(storage, "attempts")).toEqual([]);
      await expect.poll(() => storage.getAlarm()).toBe(nowMs);
    });
    expect(logged(world, "grant.scopes_above_ceiling")).toMatchObject([
      { level: "warn", connectorId: world.connector.id, scopes: 1 },
    ]);
  });

  test.for(["user", "app"] as const)(
    "C-09 is a token of the %s that is still valid and had to be forgotten",
    async (whose) => {
      const user = whose === "user" ? await userWorld() : null;
      const world = user ?? (await grantWorld());
      await world.inside(async (grant, storage) => {
        await user?.authorized(grant);
        const { tokenId } = granted(await grant.token(world.request()));
        storage.sql.exec(
          `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         INSERT INTO superseded_tokens (token_id, token_sealed, generation, expires_at_ms, revoked_before_ms)
         SELECT 'stk_' || i, 'sealed', i, ? + i, 0 FROM n`,
          MAX_SUPERSEDED_TOKENS,
          START_MS + 2 * LIFETIME_MS,
        );
        world.nowMs += 31_000;
        expect(said(await grant.token(world.request({ rejectedTokenId: tokenId })))).toBe("at-2");
      });
      expect(logged(world, "grant.superseded_forgotten")).toMatchObject([
        { level: "warn", connectorId: world.connector.id, forgotten: 1 },
      ]);
    },
  );
});

test("a token that was refreshed because it is in use counts as unused until somebody asks", async () => {
  const world = await userWorld();
  await world.inside(async (grant, storage) => {
    await world.authorized(grant);
    await grant.token(world.request());
    world.nowMs = (await storage.getAlarm()) ?? 0;
    await grant.alarm();
    expect(rows(storage, "tokens")).toMatchObject([{ minted_at_ms: world.nowMs, asked_at_ms: START_MS }]);
  });
});
