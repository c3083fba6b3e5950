import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { kidOf } from "../../src/crypto/envelope.ts";
import { seedTeam } from "../connectors/rows.ts";
import { entry, ring } from "../crypto/rings.ts";
import { EVERYTHING, grantWorld, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

const parsed = (lines: string[]) => lines.map((line) => JSON.parse(line));

/** A Grant that holds this many tokens, each of a group of its own. */
async function holding(count: number) {
  const world = await grantWorld();
  await world.inside(async (grant) => {
    for (let index = 0; index < count; index++) await grant.token(world.request({ groupId: `group-${index}` }));
  });
  world.asked.length = 0;
  world.points.length = 0;
  return world;
}

describe("a revocation", () => {
  test("of everything drops it here and tells the provider of each token", async () => {
    const world = await holding(3);
    await world.inside(async (grant, storage) => {
      expect(await grant.revoke(EVERYTHING)).toEqual({
        tokensFound: 3,
        deleted: 3,
        providerRevoked: 3,
        providerSkipped: 0,
        providerFailed: 0,
        providerPending: 0,
      });
      expect([rows(storage, "tokens"), rows(storage, "upstream_revocations")]).toEqual([[], []]);
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ tokensFound: 0, providerRevoked: 0 });
    });
    expect(world.asked.toSorted()).toEqual(["revoke at-1", "revoke at-2", "revoke at-3"]);
    expect(world.points).toMatchObject([
      { kind: "revocation", connectorId: world.connector.id, tokensFound: 3, providerRevoked: 3 },
      { kind: "revocation", tokensFound: 0 },
    ]);
  });

  test("of a Grant that never held anything finds nothing and writes nothing", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      expect(Object.values(await grant.revoke(EVERYTHING))).toEqual([0, 0, 0, 0, 0, 0]);
      expect(await storage.getAlarm()).toBeNull();
    });
    expect(world.points).toMatchObject([{ kind: "revocation", connectorId: undefined }]);
  });

  test("up to a revocation value leaves what was obtained under it", async () => {
    const world = await grantWorld();
    await world.inside(async (grant, storage) => {
      await grant.token(world.request({ groupId: "old", revokedBeforeMs: 4 }));
      await grant.token(world.request({ groupId: "new", revokedBeforeMs: 5 }));
      expect(await grant.revoke({ revokedBeforeMs: 5, linkId: null })).toMatchObject({ tokensFound: 1 });
      expect(rows(storage, "tokens").map((row) => row.group_id)).toEqual(["new"]);
    });
    expect(world.asked.at(-1)).toBe("revoke at-1");
  });

  test("finds what a newer token has replaced, until it expires", async () => {
    const world = await grantWorld();
    await world.inside(async (grant) => {
      const replace = async () => {
        const current = await grant.token(world.request());
        world.nowMs += 31_000;
        return grant.token(world.request({ rejectedTokenId: current.ok ? current.value.tokenId : "" }));
      };
      expect(said(await replace())).toBe("at-2");
      expect(said(await replace())).toBe("at-3");
      world.nowMs = START_MS + LIFETIME_MS;
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ tokensFound: 2, providerRevoked: 2 });
    });
    expect(world.asked.filter((what) => what.startsWith("revoke")).toSorted()).toEqual(["revoke at-2", "revoke at-3"]);
  });

  test("by a newer value owes what is replaced to the provider at once", async () => {
    const world = await holding(1);
    await world.inside(async (grant, storage) => {
      await grant.token(world.request({ groupId: "group-0", revokedBeforeMs: 1 }));
      expect(rows(storage, "superseded_tokens")).toEqual([]);
      expect(rows(storage, "upstream_revocations")).toMatchObject([{ due_at_ms: START_MS, tries: 0 }]);
    });
  });

  test("forgets failures, so that the next request is not answered with what was", async () => {
    const world = await grantWorld();
    const issue = world.issue;
    world.issue = () => "upstream_timeout";
    await world.inside(async (grant) => {
      expect(said(await grant.token(world.request()))).toBe("upstream_timeout");
      await grant.revoke(EVERYTHING);
      world.issue = issue;
      expect(said(await grant.token(world.request()))).toBe("at-1");
    });
  });

  test("ends what the Grant remembers of the group: its next lease is not a hot one's", async () => {
    const world = await grantWorld();
    await world.inside(async (grant) => {
      const hot = world.request({ leaseKey: "l1:key" });
      await grant.token(hot);
      await grant.token(hot);
      await grant.revoke(EVERYTHING);
      await grant.token(hot);
    });
    expect(world.kv).toHaveLength(1);
  });
});

describe("a provider that does not take it", () => {
  test("is told again later and later, until it does", async () => {
    const world = await holding(1);
    world.revoke = () => ({ status: 503, body: {} });
    await world.inside(async (grant, storage) => {
      expect(await grant.revoke(EVERYTHING)).toMatchObject({
        tokensFound: 1,
        providerRevoked: 0,
        providerFailed: 1,
        providerPending: 1,
      });
      const dueInMs = () => Number(rows(storage, "upstream_revocations")[0]?.due_at_ms) - world.nowMs;
      expect(dueInMs()).toBe(30_000);
      expect(await storage.getAlarm()).toBe(world.nowMs + 30_000);
      world.nowMs += 29_999;
      await grant.alarm();
      expect(world.asked).toHaveLength(1);
      world.nowMs += 1;
      await grant.alarm();
      expect([world.asked.length, dueInMs()]).toEqual([2, 60_000]);
      world.revoke = () => ({ status: 200, body: {} });
      world.nowMs += 60_000;
      await grant.alarm();
      expect(rows(storage, "upstream_revocations")).toEqual([]);
    });
    expect(parsed(world.lines).map(({ event, errorCode }) => [event, errorCode])).toEqual(
      Array(2).fill(["grant.upstream_revocation_failed", "upstream_unreachable"]),
    );
  });

  test("is not told of a token that has expired meanwhile", async () => {
    const world = await holding(1);
    world.revoke = () => "upstream_timeout";
    await world.inside(async (grant, storage) => {
      await grant.revoke(EVERYTHING);
      world.nowMs = START_MS + LIFETIME_MS;
      await grant.alarm();
      expect(rows(storage, "upstream_revocations")).toEqual([]);
    });
    expect(world.asked).toHaveLength(1);
  });

  test("is not asked by two at once for the same token", async () => {
    const world = await holding(2);
    await world.inside(async (grant) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      world.held = promise;
      const first = grant.revoke(EVERYTHING);
      await expect.poll(() => world.asked.length).toBe(1);
      await grant.alarm();
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ providerRevoked: 0, providerPending: 2 });
      resolve();
      expect(await first).toMatchObject({ providerRevoked: 2 });
    });
    expect(world.asked).toHaveLength(2);
  });

  test("and is slow makes nobody wait for more than five seconds and one call", async () => {
    const world = await holding(5);
    world.revoke = () => {
      world.nowMs += 3000;
      return { status: 200, body: {} };
    };
    await world.inside(async (grant, storage) => {
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ providerRevoked: 2, providerPending: 3 });
      expect(await storage.getAlarm()).toBe(START_MS);
      await grant.alarm();
      await grant.alarm();
      expect(rows(storage, "upstream_revocations")).toEqual([]);
    });
  });

  test("is told of fifty at a time", async () => {
    const world = await holding(52);
    await world.inside(async (grant) => {
      expect(await grant.revoke(EVERYTHING)).toMatchObject({
        tokensFound: 52,
        providerRevoked: 50,
        providerPending: 2,
      });
      await grant.alarm();
    });
    expect(world.asked).toHaveLength(52);
  });

  test("since the connector points elsewhere, is not sent another provider's token", async () => {
    const world = await holding(1);
    const config = JSON.stringify(world.connector.config).replaceAll("as.example.com", "other.example.com");
    await env.DB.prepare("UPDATE connectors SET config = ? WHERE id = ?").bind(config, world.connector.id).run();
    await world.inside(async (grant) => {
      expect(await grant.revoke(EVERYTHING)).toMatchObject({
        providerRevoked: 0,
        providerSkipped: 1,
        providerPending: 0,
      });
    });
    expect([world.asked, parsed(world.lines)]).toEqual([
      [],
      [expect.objectContaining({ event: "grant.provider_changed", connectorId: world.connector.id })],
    ]);
  });

  test("whose connector is deleted is told all the same; one that is gone altogether cannot be", async () => {
    const world = await holding(1);
    await env.DB.prepare("UPDATE connectors SET deleted_at_ms = 1 WHERE id = ?").bind(world.connector.id).run();
    await world.inside(async (grant) => {
      expect(await grant.revoke(EVERYTHING)).toMatchObject({ providerRevoked: 1 });
    });
    const other = await holding(1);
    const { db } = other.deps;
    await other.inside(
      async (grant) => {
        expect(await grant.revoke(EVERYTHING)).toMatchObject({
          providerRevoked: 0,
          providerSkipped: 1,
          providerPending: 0,
        });
      },
      { db: { ...db, first: async () => null } },
    );
  });

  test("cannot be told of a token that does not open; the others do not wait for it", async () => {
    const world = await holding(2);
    await world.inside(async (_, storage, restart) => {
      storage.sql.exec("UPDATE tokens SET token_sealed = 'AAAA' WHERE group_id = 'group-0'");
      expect(await restart().revoke(EVERYTHING)).toMatchObject({
        tokensFound: 2,
        providerRevoked: 1,
        providerFailed: 1,
        providerPending: 1,
      });
      expect(rows(storage, "upstream_revocations")).toMatchObject([{ tries: 1, due_at_ms: START_MS + 30_000 }]);
    });
    const failed = parsed(world.lines).find(({ event }) => event === "grant.notice_failed");
    expect(failed?.reason).toMatch(/^ApiError: decryption_failed/);
  });
});

describe("an alarm", () => {
  test("never throws, whatever is broken, and comes again in a minute", async () => {
    const world = await holding(1);
    await world.inside(async (grant, storage) => {
      storage.sql.exec("DROP TABLE upstream_revocations");
      await grant.alarm();
      expect(await storage.getAlarm()).toBe(START_MS + 60_000);
    });
    expect(parsed(world.lines)).toEqual([
      expect.objectContaining({
        event: "grant.alarm_failed",
        level: "error",
        reason: expect.stringMatching(/^Error: /),
      }),
    ]);
  });

  test("clears away what has expired, and then there is nothing to wake up for", async () => {
    const world = await holding(1);
    await world.inside(async (grant, storage) => {
      world.nowMs = START_MS + LIFETIME_MS - 1;
      await grant.alarm();
      expect(rows(storage, "tokens")).toHaveLength(1);
      await storage.deleteAlarm();
      world.nowMs += 1;
      await grant.alarm();
      expect([rows(storage, "tokens"), await storage.getAlarm()]).toEqual([[], null]);
    });
  });
});

describe("D-05 re-sealing", () => {
  const kidsOf = async (name: string) => {
    const query = env.DB.prepare("SELECT kid FROM grant_keys WHERE grant_name = ? ORDER BY kid").bind(name);
    return (await query.all<{ kid: string }>()).results.map(({ kid }) => kid);
  };
  const K1 = "k1:dmFsZXRrZXktdGVzdC1vbmx5LW1hc3Rlci1rZXktISE=";

  test("brings every envelope under the new primary, and the index forgets the old one", async () => {
    const world = await holding(2);
    await world.inside(async (grant, storage, restart) => {
      const current = await grant.token(world.request({ groupId: "group-0" }));
      world.nowMs += 31_000;
      const rejectedTokenId = current.ok ? current.value.tokenId : "";
      await grant.token(world.request({ groupId: "group-0", rejectedTokenId }));
      world.ring = await ring(entry("k2", 60), K1);
      const reborn = restart();
      expect(await reborn.reseal("k2")).toEqual({ done: true, reason: "" });
      expect(await kidsOf(world.name)).toEqual(["k2"]);
      world.ring = await ring(entry("k2", 60));
      expect(said(await restart().token(world.request({ groupId: "group-1" })))).toBe("at-2");
      // The connector's own secrets are not the Grant's to re-seal.
      const [sealed] = rows(storage, "superseded_tokens");
      expect(kidOf(String(sealed?.token_sealed))).toBe("k2");
      world.ring = await ring(entry("k2", 60), K1);
      expect(await restart().revoke(EVERYTHING)).toMatchObject({ tokensFound: 3, providerRevoked: 3 });
      expect(rows(storage, "upstream_revocations")).toEqual([]);
    });
  });

  test("is not done while the object has another primary, or holds what does not open", async () => {
    const world = await holding(2);
    await world.inside(async (grant, storage, restart) => {
      expect(await grant.reseal("k2")).toEqual({ done: false, reason: "its primary key is k1" });
      storage.sql.exec("UPDATE tokens SET generation = 99 WHERE group_id = 'group-0'");
      world.ring = await ring(entry("k2", 60), K1);
      expect(await restart().reseal("k2")).toEqual({ done: false, reason: "it holds tokens that do not open" });
      expect(await kidsOf(world.name)).toEqual(["k1", "k2"]);
      // Once it has expired, nobody needs it.
      world.nowMs = START_MS + LIFETIME_MS;
      expect(await restart().reseal("k2")).toEqual({ done: true, reason: "" });
      expect([await kidsOf(world.name), rows(storage, "tokens")]).toEqual([["k2"], []]);
    });
  });

  test("of a Grant that never held anything is done", async () => {
    const world = await grantWorld();
    await world.inside(async (grant) => expect(await grant.reseal("k1")).toEqual({ done: true, reason: "" }));
    expect(await kidsOf(world.name)).toEqual([]);
  });
});
