import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { GRANTS_PER_ROUND } from "../../src/housekeeping/housekeeper.ts";
import { owedWalks, restMs, stepWalk, type Walk } from "../../src/housekeeping/revocation-walk.ts";
import { clock } from "../support/clock.ts";
import { type Isolate, isolate, type Scene, scene } from "../support/connect.ts";
import {
  addEmptyGrants,
  connectorPath,
  connectorRow,
  grantsOf,
  housekeeper,
  nextRoundInMs,
  round,
  standStill,
  threeGrants,
  walkOf,
} from "./support.ts";

beforeEach(standStill);

const revokeAll = ({ api }: Isolate, at: Scene) => api.delete(`${connectorPath(at)}/tokens`, at.owner, {});

async function owed({ services }: Isolate, at: Scene): Promise<Walk> {
  const walks = await owedWalks(services.db, clock.now(), 100);
  const walk = walks.find(({ connectorId }) => connectorId === at.connectorId);
  if (walk === undefined) throw new Error("no walk is owed");
  return walk;
}

// Hundreds of objects are started here, which takes a busy machine a while.
describe("a walk over more Grants than one alarm tells", { timeout: 30_000 }, () => {
  test("goes on at once, over several alarms, until a deleted connector is gone", async () => {
    const here = await isolate();
    const at = await scene(here.api, "long-deletion");
    await addEmptyGrants(at.connectorId, 2 * GRANTS_PER_ROUND + 50);
    await here.api.delete(connectorPath(at), at.owner);
    const left: number[] = [];
    while ((await connectorRow(at.connectorId)) !== null && left.length < 10) {
      await round();
      left.push((await grantsOf(at.connectorId)).length);
      if (left.length < 3) expect(await nextRoundInMs()).toBeLessThanOrEqual(100);
    }
    expect(left).toEqual([150, 50, 0]);
    expect(await nextRoundInMs()).toBeGreaterThan(60_000);
  });

  test("ends after the last Grant of a live connector, and keeps every row", async () => {
    const here = await isolate();
    const at = await scene(here.api, "long-revocation");
    await addEmptyGrants(at.connectorId, GRANTS_PER_ROUND + 1);
    await revokeAll(here, at);
    await round();
    expect((await walkOf(at.connectorId))?.after_name).toBe((await grantsOf(at.connectorId))[GRANTS_PER_ROUND - 1]);
    await round();
    expect(await walkOf(at.connectorId)).toBeNull();
    expect(await grantsOf(at.connectorId)).toHaveLength(GRANTS_PER_ROUND + 1);
  });

  test("does not hold up a short one that came later", async () => {
    const here = await isolate();
    const long = await scene(here.api, "held-up-by");
    const short = await scene(here.api, "held-up");
    await addEmptyGrants(long.connectorId, 3 * GRANTS_PER_ROUND);
    await threeGrants(here, short);
    await here.api.delete(connectorPath(long), long.owner);
    clock.advance(1);
    await here.api.delete(connectorPath(short), short.owner);
    clock.advance(1_000);
    await round();
    await round();
    expect(await connectorRow(short.connectorId)).toBeNull();
    expect(await connectorRow(long.connectorId)).not.toBeNull();
  });

  test("is restarted by a later revocation, which then every Grant hears of", async () => {
    const here = await isolate();
    const at = await scene(here.api, "restarted");
    await addEmptyGrants(at.connectorId, GRANTS_PER_ROUND + 1);
    await revokeAll(here, at);
    await round();
    const before = await walkOf(at.connectorId);
    await revokeAll(here, at);
    const after = await walkOf(at.connectorId);
    expect(after?.after_name).toBeNull();
    expect(after?.revoked_before_ms).toBeGreaterThan(before?.revoked_before_ms ?? 0);
  });

  test.for([
    ["half-way", 10],
    ["at its end", 1000],
  ] as const)(
    "that was overtaken %s by a later revocation changes nothing of that one's walk",
    async ([when, limit]) => {
      const here = await isolate();
      const at = await scene(here.api, `overtaken-${limit}`);
      await addEmptyGrants(at.connectorId, 20);
      await revokeAll(here, at);
      const stale = await owed(here, at);
      await revokeAll(here, at);
      const current = await walkOf(at.connectorId);
      expect(await stepWalk(stale, limit, here.services), when).toBeGreaterThan(0);
      expect(await walkOf(at.connectorId)).toEqual(current);
    },
  );
});

describe("a Grant that cannot be told", () => {
  /** The isolate's Grants, of which those named do not answer. */
  const without = ({ services }: Isolate, names: string[]) => ({
    ...services,
    grants: {
      ...services.grants,
      grant: (name: string, region: string | null) =>
        names.includes(name)
          ? { token: () => Promise.reject(new Error("gone")), revoke: () => Promise.reject(new Error("gone")) }
          : services.grants.grant(name, region),
    },
  });

  test("does not keep the others from being told, and is told when the walk is repeated", async () => {
    const here = await isolate();
    const at = await scene(here.api, "unreachable", { leaseSeconds: 0 });
    await threeGrants(here, at);
    const [first = ""] = await grantsOf(at.connectorId);
    await env.DB.batch([
      env.DB.prepare("UPDATE team SET revocation_clock_ms = ?").bind(clock.now()),
      env.DB.prepare("UPDATE connectors SET revoked_before_ms = ? WHERE id = ?").bind(clock.now(), at.connectorId),
      env.DB.prepare(
        "INSERT INTO revocation_walks (connector_id, revoked_before_ms, due_at_ms, created_at_ms) VALUES (?1, ?2, ?2, ?2)",
      ).bind(at.connectorId, clock.now()),
    ]);
    await stepWalk(await owed(here, at), 100, without(here, [first]));
    expect((await at.upstream.state()).revoked).toHaveLength(2);
    expect(await walkOf(at.connectorId)).toMatchObject({ after_name: null, missed: 0 });

    clock.advance(61_000);
    await stepWalk(await owed(here, at), 100, here.services);
    expect((await at.upstream.state()).revoked).toHaveLength(3);
    expect(await walkOf(at.connectorId)).toBeNull();
  });

  test("early in a long walk is remembered until its end", async () => {
    const here = await isolate();
    const at = await scene(here.api, "missed-early");
    await addEmptyGrants(at.connectorId, 15);
    await revokeAll(here, at);
    const [first = ""] = await grantsOf(at.connectorId);
    await stepWalk(await owed(here, at), 10, without(here, [first]));
    expect(await walkOf(at.connectorId)).toMatchObject({ missed: 1 });
    await stepWalk(await owed(here, at), 10, here.services);
    expect(await walkOf(at.connectorId)).toMatchObject({ after_name: null, missed: 0 });
  });

  test("keeps a deleted connector's tombstone", async () => {
    const here = await isolate();
    const at = await scene(here.api, "kept");
    await addEmptyGrants(at.connectorId, 3);
    const names = await grantsOf(at.connectorId);
    await here.api.delete(connectorPath(at), at.owner);
    await stepWalk(await owed(here, at), 100, without(here, names.slice(0, 1)));
    expect(await grantsOf(at.connectorId)).toEqual(names.slice(0, 1));
    expect(await connectorRow(at.connectorId)).not.toBeNull();
  });
});

test("a walk rests for about as long as it has been going on, within a minute and an hour", () => {
  expect(restMs(0, 0)).toBe(60_000);
  expect(restMs(0, 600_000)).toBe(600_000);
  expect(restMs(0, 86_400_000)).toBe(3_600_000);
  // A clock that went back.
  expect(restMs(1_000, 0)).toBe(60_000);
});

describe("a round", () => {
  test("purges the ids of used one-time tokens that are expired, and no others", async () => {
    await env.DB.prepare(
      `INSERT INTO issuers (id, issuer, audience, selector_claim, algorithms, max_token_age_ms, jwks_uri, jwks,
         jwks_fetched_at_ms, created_at_ms) VALUES ('iss_purge', 'https://purge.example', 'a', 'sub', '[]', 1, 'u', '{}', 0, 0)`,
    ).run();
    const insert = env.DB.prepare("INSERT INTO used_token_ids VALUES ('iss_purge', ?, ?)");
    await env.DB.batch([
      insert.bind("long gone", 1),
      insert.bind("just expired", clock.now()),
      insert.bind("still valid", clock.now() + 60_000),
    ]);
    await housekeeper().nudge();
    await round();
    const { results } = await env.DB.prepare("SELECT jti FROM used_token_ids").all();
    expect(results).toEqual([{ jti: "still valid" }]);
  });

  test("that fails is followed by another, soon, which does the work", async () => {
    const here = await isolate();
    const at = await scene(here.api, "failing-round");
    await here.api.delete(connectorPath(at), at.owner);
    await env.DB.exec("ALTER TABLE revocation_walks RENAME TO revocation_walks_away");
    try {
      await round();
      expect(await nextRoundInMs()).toBeLessThanOrEqual(30_000);
    } finally {
      await env.DB.exec("ALTER TABLE revocation_walks_away RENAME TO revocation_walks");
    }
    await round();
    expect(await connectorRow(at.connectorId)).toBeNull();
  });

  test("does not lose a nudge that comes while it runs", async () => {
    const nextAtMs = await runInDurableObject(housekeeper(), async (instance, { storage }) => {
      await storage.deleteAlarm();
      const running = instance.alarm();
      await instance.nudge();
      await running;
      return storage.getAlarm();
    });
    expect(nextAtMs).not.toBeNull();
    expect((nextAtMs ?? 0) - clock.now()).toBeLessThanOrEqual(100);
  });

  test("is armed by the cron only where none is coming", async () => {
    await runInDurableObject(housekeeper(), (_, { storage }) => storage.deleteAlarm());
    await housekeeper().arm();
    expect(await nextRoundInMs()).toBeLessThanOrEqual(100);
    await round();
    const before = await nextRoundInMs();
    await housekeeper().arm();
    expect(before).toBeGreaterThan(60_000);
    expect(await nextRoundInMs()).toBeGreaterThan(60_000);
  });
});
