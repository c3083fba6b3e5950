import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { fail, ok } from "../../src/errors.ts";
import type { GrantDeps } from "../../src/grants/deps.ts";
import { GrantAlarm } from "../../src/grants/grant-alarm.ts";
import { aboveCeilingMessage } from "../../src/grants/reach.ts";
import { createLogger } from "../../src/log.ts";
import { seedTeam } from "../connectors/rows.ts";
import { entry, ring } from "../crypto/rings.ts";
import { userWorld } from "./user-world.ts";
import { EVERYTHING, granted, grantWorld, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

type World = Pick<Awaited<ReturnType<typeof grantWorld>>, "deps">;

/** The world's driver with parts replaced. */
function driverWith(world: World, change: Partial<NonNullable<ReturnType<GrantDeps["driverOf"]>>>) {
  const oauth = world.deps.driverOf("oauth");
  if (oauth === null) throw new Error("there is no oauth driver");
  return { driverOf: () => ({ ...oauth, ...change }) };
}

describe("a mint", () => {
  test("that breaks after it began is a failure, and its journal entry ends", async () => {
    const world = await grantWorld();
    const journal: unknown[] = [];
    await world.inside(async (_, storage, restart) => {
      const breaking = async () => {
        journal.push(...rows(storage, "attempts"));
        throw new TypeError("a fault of ours");
      };
      const grant = restart(driverWith(world, { mint: breaking }));
      expect(await grant.token(world.request())).toMatchObject({
        failure: { code: "internal_error", reason: "TypeError: a fault of ours" },
      });
      expect(rows(storage, "attempts")).toEqual([]);
    });
    expect(journal).toMatchObject([{ id: expect.stringMatching(/^att_/) }]);
  });

  test("whose provider says more of the token than scopes has that in every answer", async () => {
    const world = await grantWorld();
    const metadata = { installation: 7, suspended: false, account: "acme" };
    await world.inside(async (_, __, restart) => {
      const oauth = world.deps.driverOf("oauth");
      const grant = restart(
        driverWith(world, {
          mint: async (...asked) => {
            const minted = (await oauth?.mint(...asked)) ?? fail("no_token");
            return minted.ok ? ok({ ...minted.value, metadata }) : minted;
          },
        }),
      );
      expect(granted(await grant.token(world.request())).metadata).toEqual(metadata);
      expect(granted(await restart().token(world.request())).metadata).toEqual(metadata);
    });
  });

  test("is not an authorization: the app has none to bring home", async () => {
    const world = await grantWorld();
    const { teamId, identity, connector, linkId, group } = world.request();
    const credential = { kind: "key", key: "pasted" } as const;
    const request = { teamId, identity, connector, linkId, group, credential, scopeCeiling: null, revokedBeforeMs: 0 };
    await world.inside(async (grant) => {
      expect(await grant.authorize({ ...request, ordinal: 1 })).toEqual(fail("unresolved_token"));
    });
  });
});

test("C-02 a request that reached the wrong grant is refused, however often it comes and whatever came between", async () => {
  const world = await grantWorld();
  const wrong = world.request({ identity: { ...world.identity, partition: "preview" } });
  const { teamId, identity, connector, linkId, group } = wrong;
  const credential = { kind: "key", key: "pasted" } as const;
  const bringing = { teamId, identity, connector, linkId, group, credential, scopeCeiling: null, revokedBeforeMs: 0 };
  await world.inside(async (grant) => {
    const refused = fail("internal_error", { reason: "a request reached the wrong grant" });
    for (let count = 0; count < 2; count++) {
      expect(await grant.token(wrong)).toEqual(refused);
      expect(await grant.authorize({ ...bringing, ordinal: count + 1 })).toEqual(refused);
      expect(said(await grant.token(world.request()))).toBe("at-1");
    }
  });
  expect(world.asked).toEqual(["token read"]);
});

describe("a token that has ended", () => {
  test("is forgotten with the next mint, of whatever group", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      await grant.token(world.request({ groupId: "old" }));
      world.nowMs += LIFETIME_MS;
      await grant.token(world.request({ groupId: "new" }));
      expect(rows(storage, "tokens")).toMatchObject([{ group_id: "new" }]);
      expect(rows(storage, "superseded_tokens")).toEqual([]);
    });
  });

  test("is found by a revocation, and the provider is not told of it", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      await grant.token(world.request());
      world.nowMs += LIFETIME_MS;
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ tokensFound: 1, providerSkipped: 1, providerPending: 0 });
      expect(rows(storage, "upstream_revocations")).toEqual([]);
    });
    expect(world.asked).toEqual(["token read"]);
  });
});

test("the scopes above a ceiling are told in a text of bounded length", () => {
  expect(aboveCeilingMessage(["x".repeat(10_000)]).length).toBeLessThan(600);
});

describe("a revocation", () => {
  const held = async () => {
    const world = await grantWorld();
    await world.inside(async (grant) => void (await grant.token(world.request())));
    return world;
  };

  test("whose connector's secrets do not open is told later", async () => {
    const world = await held();
    await env.DB.prepare("UPDATE connectors SET secrets_sealed = 'AAAA' WHERE id = ?").bind(world.connector.id).run();
    await world.inside(async (grant, storage) => {
      expect(await grant.revoke(EVERYTHING)).toMatchObject({
        providerFailed: 1,
        providerSkipped: 0,
        providerPending: 1,
      });
      expect(rows(storage, "upstream_revocations")).toMatchObject([
        { tries: 1, due_at_ms: START_MS + 30_000, hint: "access_token", revocation_scope: null, subject_hash: null },
      ]);
    });
  });

  test.for([
    ["of a type that nobody knows any more", () => ({ driverOf: () => null })],
    [
      "whose provider has no way to be told",
      (world: World) => driverWith(world, { revoke: async () => ok("unsupported") }),
    ],
  ] as const)("%s is not told again and again", async ([, change]) => {
    const world = await held();
    await world.inside(async (_, storage, restart) => {
      expect(await restart(change(world)).revoke(EVERYTHING)).toMatchObject({
        providerRevoked: 0,
        providerSkipped: 1,
        providerFailed: 0,
        providerPending: 0,
      });
      expect(rows(storage, "upstream_revocations")).toEqual([]);
    });
  });

  test("of a user whose provider has no way to be told is on record as that", async () => {
    const world = await userWorld();
    await world.inside(async (_, __, restart) => {
      const grant = restart(driverWith(world, { revoke: async () => ok("unsupported") }));
      await world.authorized(grant);
      await grant.revoke(EVERYTHING);
      expect((await grant.describe())?.upstreamRevocation).toEqual({ outcome: "unsupported", atMs: START_MS });
    });
  });

  test("that is being sent wakes the object only if the sender should die", async () => {
    const world = await held();
    await world.inside(async (grant, storage) => {
      const answer = Promise.withResolvers<void>();
      world.held = answer.promise;
      const sending = grant.revoke(EVERYTHING);
      await expect.poll(() => world.asked.at(-1)).toBe("revoke at-1");
      await grant.revoke(EVERYTHING);
      expect(await storage.getAlarm()).toBe(START_MS + 10_000);
      answer.resolve();
      await sending;
    });
  });

  test("of tokens that the provider takes its time with stops after five seconds", async () => {
    const world = await grantWorld();
    world.revoke = () => {
      world.nowMs += 2_500;
      return { status: 200, body: {} };
    };
    await world.inside(async (grant) => {
      for (const groupId of ["a", "b", "c"]) await grant.token(world.request({ groupId }));
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ providerRevoked: 2, providerPending: 1 });
    });
  });

  test("that the provider refuses is told to the log by connector and code", async () => {
    const world = await held();
    world.revoke = () => "upstream_timeout";
    await world.inside(async (grant) => void (await grant.revoke(EVERYTHING)));
    expect(world.lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        level: "warn",
        event: "grant.upstream_revocation_failed",
        connectorId: world.connector.id,
        errorCode: "upstream_timeout",
      },
    ]);
  });

  test("takes what was leased to KV for no group but the revoked", async () => {
    const world = await grantWorld();
    await world.inside(async (grant) => {
      const [old, other] = ["old", "other"].map((groupId, index) =>
        world.request({ groupId, leaseKey: `l1:${groupId}`, revokedBeforeMs: index }),
      );
      if (old === undefined || other === undefined) return;
      for (const request of [old, old, other, other]) await grant.token(request);
      await grant.revoke({ revokedBeforeMs: 1, linkId: null });
      world.nowMs += 60_000;
      expect(said(await grant.token(other))).toBe("at-2");
    });
    // Hot before and not revoked: its next lease goes to KV with the first ask.
    await expect.poll(() => world.kv.map(({ key }) => key)).toEqual(["l1:old", "l1:other", "l1:other"]);
  });
});

describe("a stored token", () => {
  test("is leased to KV for nobody who did not say where, however often they ask", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      for (let count = 0; count < 4; count++) {
        await grant.token(world.request());
        world.nowMs += 1_000;
      }
      expect(rows(storage, "tokens")[0]?.asked_at_ms).toBe(START_MS);
    });
    expect(world.kv).toEqual([]);
  });

  test("that nobody could open, for a fault of ours, is an error and no answer", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, _, restart) => {
      await grant.token(world.request());
      const broken = restart({ keys: () => Promise.reject(new TypeError("a fault of ours")) });
      await expect(broken.token(world.request())).rejects.toThrow("a fault of ours");
    });
  });

  test("that cannot be re-sealed, for a fault of ours, does not look done", async () => {
    const world = await grantWorld();
    const next = await ring(entry("k2", 60), "k1:dmFsZXRrZXktdGVzdC1vbmx5LW1hc3Rlci1rZXktISE=");
    let loaded = 0;
    const keys = async () => {
      if (loaded++ > 0) throw new TypeError("a fault of ours");
      return next;
    };
    await world.inside(async (grant, _, restart) => {
      await grant.token(world.request());
      await expect(restart({ keys }).reseal("k2")).rejects.toThrow("a fault of ours");
    });
  });
});

describe("an alarm that cannot be set", () => {
  test("costs nobody the answer, and is told to the log", async () => {
    const lines: string[] = [];
    const deps = { now: () => START_MS, log: createLogger((line) => lines.push(line)) };
    const nothing = { nextDueMs: () => null };
    const work = { store: { latestExpiryMs: () => START_MS + LIFETIME_MS }, notices: nothing, authorization: nothing };
    const asked: number[] = [];
    const storage = {
      setAlarm: async (atMs: number | Date) => {
        asked.push(Number(atMs));
        throw new Error("the storage is gone");
      },
    };
    const parts = work as unknown as ConstructorParameters<typeof GrantAlarm>[1];
    await new GrantAlarm(storage, parts, deps).schedule();
    expect(asked).toEqual([START_MS + LIFETIME_MS]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "error", event: "grant.alarm_failed", reason: "Error: the storage is gone" },
    ]);
  });
});
