import { describe, expect, test } from "vitest";
import type { ConnectorSnapshotRow } from "../../src/connectors/snapshot-query.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { type Failure, fail, ok, type Result } from "../../src/errors.ts";
import { grantName } from "../../src/grants/name.ts";
import type { GrantTokenRequest, LeasedToken } from "../../src/grants/protocol.ts";
import { createLogger } from "../../src/log.ts";
import type { Database } from "../../src/store/database.ts";
import { type TokenQuestion, tokenFor } from "../../src/tokens/ladder.ts";
import { leasedToken, openLease } from "../../src/tokens/lease-envelope.ts";
import { kvKey, snapshotMemoryKey, tokenMemoryKey } from "../../src/tokens/lease-keys.ts";
import { leasedSnapshot } from "../../src/tokens/snapshot.ts";
import { createTokenCaches } from "../../src/tokens/token-caches.ts";
import { createOAuth, succeeded } from "../catalog/support.ts";
import { entry, ring } from "../crypto/rings.ts";
import { leased, request } from "./samples.ts";

const keys = await ring(entry("k1", 1));
const START_MS = 1_000_000;
const SCOPE = { projectId: "prj_1", environment: "production" };
const REF = "oauth/one";

const saved = succeeded(
  await createOAuth(
    { token_endpoint: "https://as.example.com/token" },
    { clientCredentials: { enabled: true, scopes: ["read"] } },
  ),
);
const row = {
  team_id: "team_1",
  id: "scl_1",
  uid: REF,
  type: "oauth",
  name: "one",
  service: "one",
  draft: 0,
  config: JSON.stringify(saved.config),
  config_revision: 3,
  revision: 7,
  region: "weur",
  lease_seconds: 60,
  link_id: "lnk_1",
  link_updated_at_ms: 11,
  environments: '["production"]',
  installations: null,
  subjects: null,
  subject_namespace: null,
  scopes: null,
  authorization_details: null,
  revoked_before_ms: 5,
} satisfies ConnectorSnapshotRow;

/** A deployment of fakes: one database row, a KV that any number of isolates share, and one Grant that counts. */
function deployment() {
  const state = {
    nowMs: START_MS,
    row: row as ConnectorSnapshotRow | null,
    kv: new Map<string, { value: string; ttlSeconds: number }>(),
    reads: 0,
    kvReads: [] as number[],
    asked: [] as { name: string; region: string | null; request: GrantTokenRequest }[],
    limits: [] as string[],
    /** What the Grant answers beyond its usual; a function may throw. */
    answer: (_: GrantTokenRequest): Partial<LeasedToken> | Failure => ({}),
    afford: (_: string): Result<null> => ok(null),
    seen: [] as string[],
  };
  const db: Database = {
    async first<Row>() {
      state.reads++;
      return state.row as Row | null;
    },
    all: () => unexpected("all"),
    run: () => unexpected("run"),
    batch: () => unexpected("batch"),
  };
  const grant = async (name: string, region: string | null, asked: GrantTokenRequest) => {
    state.asked.push({ name, region, request: asked });
    const answer = state.answer(asked);
    if ("code" in answer) return { ok: false as const, failure: answer };
    const leaseUntilMs = state.nowMs + asked.connector.leaseSeconds * 1000;
    const token: LeasedToken = {
      ...leased,
      token: `token-${state.asked.length}`,
      tokenId: `stk_${state.asked.length}`,
      expiresAtMs: state.nowMs + 3_600_000,
      groupId: asked.groupId,
      snapshotVersion: asked.snapshotVersion,
      revokedBeforeMs: asked.revokedBeforeMs,
      leaseFromMs: state.nowMs,
      leaseUntilMs,
      ...answer,
    };
    return { ok: true as const, value: token, minted: true };
  };

  function isolate() {
    const deferred: Promise<unknown>[] = [];
    const services = {
      db,
      keys,
      randomBytes,
      random: () => 0,
      now: () => state.nowMs,
      log: createLogger(() => {}),
      tokenCaches: createTokenCaches(),
      leases: {
        async get(names: string[]) {
          state.kvReads.push(names.length);
          return names.map((name) => state.kv.get(name)?.value ?? null);
        },
        async put(name: string, value: string, ttlSeconds: number) {
          state.kv.set(name, { value, ttlSeconds });
        },
      },
      grants: {
        grant: (name: string, region: string | null) => ({
          token: (asked: GrantTokenRequest) => grant(name, region, asked),
          revoke: () => unexpected("revoke"),
        }),
        gate: () => unexpected("gate"),
      },
    };
    async function ask(change: Partial<TokenQuestion> = {}, asking: Partial<TokenQuestion["request"]> = {}) {
      const question: TokenQuestion = {
        connectorRef: REF,
        scope: SCOPE,
        request: { ...request, subject: { type: "app" }, ...asking },
        bypassCaches: false,
        grantClosed: null,
        budget: {
          spend: async () => state.afford("spend"),
          askGrant: async (connectorId) => state.afford(`askGrant ${connectorId}`),
        },
        onSnapshot: ({ connector }) => state.seen.push(connector.id),
        ...change,
      };
      // The fakes answer what the real ones would; their other members are never asked for.
      const answer = await tokenFor(question, services as unknown as Parameters<typeof tokenFor>[1], (work) =>
        deferred.push(work),
      );
      return answer.ok
        ? { rung: answer.value.rung, token: answer.value.token.token, minted: answer.value.minted }
        : answer.failure;
    }
    /** What was deferred, and what that defers. */
    async function settle() {
      const count = deferred.length;
      for (const work of deferred) await work;
      deferred.length = 0;
      return count;
    }
    return { ask, settle, services };
  }
  return Object.assign(state, { isolate });
}

function unexpected(what: string): never {
  throw new Error(`nothing may ask for ${what}`);
}

describe("a cold isolate", () => {
  test("reads the database once and asks the Grant with everything that it must know", async () => {
    const here = deployment();
    const { ask, settle } = here.isolate();
    expect(await ask({}, { validityBufferMs: 7, scopes: [] })).toEqual({
      rung: "grant",
      token: "token-1",
      minted: true,
    });
    expect([here.reads, here.kvReads, here.seen]).toEqual([1, [2], ["scl_1"]]);
    const [asked] = here.asked;
    if (asked === undefined) throw new Error("the Grant was not asked");
    expect(here.asked).toEqual([
      {
        name: await grantName(asked.request.identity),
        region: "weur",
        request: expect.objectContaining({
          teamId: "team_1",
          identity: expect.objectContaining({ connectorId: "scl_1", subject: { type: "app" } }),
          connector: { type: "oauth", configRevision: 3, region: "weur", leaseSeconds: 60 },
          groupId: expect.stringMatching(/^[\w-]{43}$/),
          group: expect.objectContaining({ scopes: ["read"] }),
          snapshotVersion: "7.lnk_1.11",
          revokedBeforeMs: 5,
          narrow: false,
          validityBufferMs: 7,
          rejectedTokenId: null,
          leaseKey: await kvKey(keys, tokenMemoryKey(REF, SCOPE, request)),
        }),
      },
    ]);
    expect(await settle()).toBe(1);
  });

  test("leases the snapshot to the others, from before the read and for as long as the connector says", async () => {
    const here = deployment();
    const { ask, settle } = here.isolate();
    await ask();
    await settle();
    const key = await kvKey(keys, snapshotMemoryKey(REF, "prj_1"));
    expect([...here.kv.keys()]).toEqual([key]);
    expect(here.kv.get(key)?.ttlSeconds).toBe(120);
    const opened = await openLease(keys, "snapshot", key, here.kv.get(key)?.value ?? "", leasedSnapshot);
    expect(opened).toMatchObject({ leaseFromMs: START_MS, leaseUntilMs: START_MS + 60_000 });
    expect(opened?.snapshot).toMatchObject({ teamId: "team_1", version: "7.lnk_1.11", revokedBeforeMs: 5 });
  });

  test("that finds no connector says so, remembers nothing and asks nobody else", async () => {
    const here = deployment();
    here.row = null;
    const { ask, settle } = here.isolate();
    expect(await ask()).toMatchObject({ code: "not_found" });
    expect([here.asked, here.seen, await settle()]).toEqual([[], [], 0]);
    here.row = row;
    expect(await ask()).toMatchObject({ rung: "grant" });
    expect(here.reads).toBe(2);
  });

  test("of many requests at once reads once and asks the Grant once", async () => {
    const here = deployment();
    const { ask } = here.isolate();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect(new Set(answers.map((answer) => ("token" in answer ? answer.token : answer.code)))).toEqual(
      new Set(["token-1"]),
    );
    expect([here.reads, here.asked.length]).toEqual([1, 1]);
    expect(answers.filter((answer) => "minted" in answer && answer.minted)).toHaveLength(1);
  });

  test("with the snapshot in memory: of requests at once one mints, and the others find the token there", async () => {
    const here = deployment();
    const { ask } = here.isolate();
    await ask({ scope: { ...SCOPE, environment: "preview" } });
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers).toEqual([
      { rung: "grant", token: "token-1", minted: true },
      { rung: "memory", token: "token-1", minted: false },
      { rung: "memory", token: "token-1", minted: false },
    ]);
  });

  test("tells the Grant whether scopes were asked for, or are the connector's own", async () => {
    const here = deployment();
    const { ask } = here.isolate();
    await ask({}, { scopes: [] });
    await ask({}, { scopes: ["read"] });
    expect(here.asked.map(({ request }) => request.narrow)).toEqual([false, true]);
  });
});

describe("memory", () => {
  test("serves until the lease ends, and no longer", async () => {
    const here = deployment();
    const { ask, settle } = here.isolate();
    await ask();
    here.nowMs += 39_999;
    const [reads, kvReads] = [here.reads, here.kvReads.length];
    expect(await ask()).toEqual({ rung: "memory", token: "token-1", minted: false });
    expect([here.reads, here.kvReads.length, here.asked.length]).toEqual([reads, kvReads, 1]);
    await settle();
    here.nowMs = START_MS + 60_000;
    expect(await ask()).toMatchObject({ rung: "grant", token: "token-2" });
  });

  test("is told apart by connector, project, environment and every part of the request", async () => {
    const here = deployment();
    here.row = { ...row, environments: '["production","preview"]' };
    const { ask } = here.isolate();
    await ask();
    await ask({ connectorRef: "scl_1" });
    await ask({ scope: { ...SCOPE, projectId: "prj_2" } });
    await ask({ scope: { ...SCOPE, environment: "preview" } });
    await ask({}, { validityBufferMs: 1 });
    expect(here.asked).toHaveLength(4);
  });

  test("does not serve what is no longer allowed, whatever it holds", async () => {
    const here = deployment();
    const { ask } = here.isolate();
    await ask();
    expect(await ask({ scope: { projectId: "prj_1", environment: "preview" } })).toMatchObject({ code: "forbidden" });
    expect(here.seen).toEqual(["scl_1", "scl_1"]);
    expect(here.asked).toHaveLength(1);
  });

  test.for<[what: string, change: Partial<LeasedToken>]>([
    ["was obtained under another state of connector or link", { snapshotVersion: "older" }],
    ["was obtained under an older revocation value", { revokedBeforeMs: 4 }],
    ["does not outlive the caller's buffer", { expiresAtMs: START_MS + 30_000, lifetimeMs: 3_600_000 }],
    ["has a lease that is over", { leaseUntilMs: START_MS }],
  ])("passes over a token that %s", async ([, change]) => {
    const here = deployment();
    here.answer = () => change;
    const { ask } = here.isolate();
    const asking = { validityBufferMs: 30_000 };
    await ask({}, asking);
    here.answer = () => ({});
    expect(await ask({}, asking)).toMatchObject({ rung: "grant", token: "token-2" });
    expect(await ask({}, asking)).toMatchObject({ rung: "memory", token: "token-2" });
  });

  test("is not asked for the very token that the provider refused", async () => {
    const here = deployment();
    const { ask } = here.isolate();
    await ask();
    expect(await ask({}, { rejectedTokenId: "stk_0" })).toMatchObject({ rung: "memory" });
    expect(await ask({}, { rejectedTokenId: "stk_1" })).toMatchObject({ rung: "grant", token: "token-2" });
    expect(here.asked[1]?.request.rejectedTokenId).toBe("stk_1");
  });
});

describe("KV", () => {
  /** Another isolate has asked, and its Grant has leased the token to KV. */
  async function warmed(change: { token?: Partial<LeasedToken>; row?: Partial<ConnectorSnapshotRow> } = {}) {
    const here = deployment();
    here.row = { ...row, ...change.row };
    const first = here.isolate();
    await first.ask();
    await first.settle();
    const { sealLease } = await import("../../src/tokens/lease-envelope.ts");
    const leaseKey = here.asked[0]?.request.leaseKey;
    if (leaseKey) {
      const token = { ...leased, snapshotVersion: "7.lnk_1.11", expiresAtMs: START_MS + 3_600_000 };
      const lease = { leaseFromMs: START_MS, leaseUntilMs: START_MS + 60_000, token: "from-kv", tokenId: "stk_kv" };
      const value = await sealLease(keys, "token", leaseKey, { ...token, ...lease, ...change.token }, randomBytes);
      here.kv.set(leaseKey, { value, ttlSeconds: 120 });
      expect(await openLease(keys, "token", leaseKey, value, leasedToken)).not.toBeNull();
    }
    here.reads = 0;
    here.kvReads.length = 0;
    return here;
  }

  test("warms an isolate with one operation and nothing else, and is then in its memory", async () => {
    const here = await warmed();
    const { ask } = here.isolate();
    expect(await ask()).toEqual({ rung: "kv", token: "from-kv", minted: false });
    expect([here.reads, here.kvReads, here.asked.length]).toEqual([0, [2], 1]);
    expect(await ask()).toEqual({ rung: "memory", token: "from-kv", minted: false });
    expect(here.kvReads).toEqual([2]);
  });

  test("is asked for the token alone when the snapshot is known", async () => {
    const here = await warmed();
    const { ask } = here.isolate();
    await ask({ scope: { ...SCOPE, environment: "preview" } });
    here.kvReads.length = 0;
    expect(await ask()).toEqual({ rung: "kv", token: "from-kv", minted: false });
    expect([here.kvReads, here.reads]).toEqual([[1], 0]);
    expect(await ask()).toMatchObject({ rung: "memory", token: "from-kv" });
  });

  test("is asked for the snapshot alone when the token is known, and nobody is told that it came from there", async () => {
    const here = await warmed();
    const { ask, services } = here.isolate();
    await ask();
    services.tokenCaches.snapshots.clear();
    here.kvReads.length = 0;
    expect(await ask()).toEqual({ rung: "memory", token: "from-kv", minted: false });
    expect(here.kvReads).toEqual([1]);
    // And it is no answer to who insists on the Grant.
    services.tokenCaches.snapshots.clear();
    expect(await ask({ bypassCaches: true })).toMatchObject({ rung: "grant", token: "token-2" });
  });

  test("is not renewed for who found it there: that is the next one's", async () => {
    const here = await warmed();
    const { ask, settle } = here.isolate();
    here.nowMs += 45_000;
    expect(await ask()).toMatchObject({ rung: "kv" });
    expect([await settle(), here.asked.length]).toEqual([0, 1]);
    expect(await ask()).toMatchObject({ rung: "memory" });
    await settle();
    expect(here.asked).toHaveLength(2);
  });

  test("is asked for the snapshot alone by who insists on the Grant", async () => {
    const here = await warmed();
    const { ask } = here.isolate();
    expect(await ask({ bypassCaches: true })).toMatchObject({ rung: "grant", token: "token-2" });
    expect(here.kvReads).toEqual([1]);
    expect(await ask({ bypassCaches: true })).toMatchObject({ rung: "grant", token: "token-3" });
    expect(await ask()).toMatchObject({ rung: "memory", token: "token-3" });
  });

  test.for<[what: string, change: Partial<LeasedToken>]>([
    ["of another state of the link", { snapshotVersion: "6" }],
    ["from before a revocation", { revokedBeforeMs: 4 }],
    ["whose lease is over", { leaseUntilMs: START_MS }],
    ["with a lease longer than any", { leaseUntilMs: START_MS + 400_000 }],
    ["that is about to expire", { expiresAtMs: START_MS + 1, lifetimeMs: 3_600_000 }],
  ])("does not serve a token %s", async ([, token]) => {
    const here = await warmed({ token });
    const { ask } = here.isolate();
    expect(await ask({}, { validityBufferMs: 10 })).toMatchObject({ rung: "grant", token: "token-2" });
  });

  test("whose values were swapped, cut or written by somebody else is an empty KV", async () => {
    const here = await warmed();
    const [one = "", two = ""] = [...here.kv.keys()];
    const [first, second] = [here.kv.get(one), here.kv.get(two)];
    if (first === undefined || second === undefined) throw new Error("KV was not warmed");
    here.kv.set(one, second).set(two, first);
    expect(await here.isolate().ask()).toMatchObject({ rung: "grant" });
    expect(here.reads).toBe(1);
  });

  test("is not used for leases that its own staleness could outlive", async () => {
    const here = await warmed({ row: { lease_seconds: 59 } });
    expect(here.kv.size).toBe(0);
    expect(here.asked[0]?.request.leaseKey).toBeNull();
  });
});

describe("a connector without leases", () => {
  test("is asked every time, and its link is read at most once a second", async () => {
    const here = deployment();
    here.row = { ...row, lease_seconds: 0 };
    const { ask } = here.isolate();
    for (let count = 1; count <= 3; count++)
      expect(await ask()).toMatchObject({ rung: "grant", token: `token-${count}` });
    expect([here.reads, here.kv.size]).toEqual([1, 0]);
    here.nowMs += 1000;
    await ask();
    expect(here.reads).toBe(2);
  });
});

describe("what a request may cost", () => {
  const refusal: Failure = { code: "rate_limited", retryAfterMs: 1 };

  test("is counted before the database is read and before a Grant is asked, and not for what memory holds", async () => {
    const here = deployment();
    const spent: string[] = [];
    here.afford = (what) => {
      spent.push(what);
      return ok(null);
    };
    const { ask } = here.isolate();
    await ask();
    await ask();
    expect(spent).toEqual(["spend", "askGrant scl_1"]);
  });

  test("that is refused reads and asks nothing", async () => {
    const here = deployment();
    here.afford = (what) => (what === "spend" ? fail("rate_limited") : ok(null));
    await expect(here.isolate().ask()).rejects.toMatchObject({ failure: { code: "rate_limited" } });
    expect(here.reads).toBe(0);
    here.afford = (what) => (what === "spend" ? ok(null) : { ok: false, failure: refusal });
    expect(await here.isolate().ask()).toEqual(refusal);
    expect(here.asked).toEqual([]);
  });

  test("that is closed to the Grant is what is cached, or the refusal", async () => {
    const here = deployment();
    const { ask } = here.isolate();
    expect(await ask({ grantClosed: refusal })).toEqual(refusal);
    expect(here.asked).toEqual([]);
    await ask();
    expect(await ask({ grantClosed: refusal })).toMatchObject({ rung: "memory" });
  });
});

describe("a Grant", () => {
  test("that refuses is heard, and nothing is remembered of it", async () => {
    const here = deployment();
    const failure: Failure = { code: "upstream_unreachable", reason: "why", retryAfterMs: 5 };
    here.answer = () => failure;
    const { ask } = here.isolate();
    expect(await ask()).toEqual(failure);
    here.answer = () => ({});
    expect(await ask()).toMatchObject({ rung: "grant", token: "token-2" });
  });

  test("that dies is a failure to be tried again, with its cause for the log", async () => {
    const here = deployment();
    here.answer = () => {
      throw new TypeError("object reset");
    };
    const { ask } = here.isolate();
    await expect(ask()).rejects.toMatchObject({
      failure: { code: "storage_unavailable", reason: "grant object: TypeError: object reset", retryAfterMs: 1000 },
    });
    here.answer = () => {
      throw "text";
    };
    await expect(ask()).rejects.toMatchObject({ failure: { reason: "grant object: unknown" } });
  });
});

describe("renewal", () => {
  test("is one climb past the leases that it replaces, after two thirds of them, and nobody waits for it", async () => {
    const here = deployment();
    const { ask, settle } = here.isolate();
    await ask();
    await settle();
    here.nowMs += 39_999;
    await ask();
    expect(await settle()).toBe(0);
    here.nowMs += 1;
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask()));
    expect(answers).toEqual(Array(5).fill({ rung: "memory", token: "token-1", minted: false }));
    expect(await settle()).toBeGreaterThan(0);
    expect([here.asked.length, here.reads]).toEqual([2, 2]);
    here.nowMs += 30_000;
    expect(await ask()).toEqual({ rung: "memory", token: "token-2", minted: false });
  });

  test("is nobody's request: it spends no budget, is shown to nobody and passes a closed Grant", async () => {
    const here = deployment();
    const { ask, settle } = here.isolate();
    await ask();
    here.nowMs += 40_000;
    const spent: string[] = [];
    here.afford = (what) => {
      spent.push(what);
      return fail("rate_limited");
    };
    here.seen.length = 0;
    expect(await ask({ grantClosed: { code: "rate_limited" } })).toMatchObject({ rung: "memory" });
    await settle();
    expect([here.asked.length, spent, here.seen]).toEqual([2, [], ["scl_1"]]);
  });

  test("is also due when only one of the two leases is", async () => {
    const here = deployment();
    const { ask, settle } = here.isolate();
    await ask();
    await settle();
    here.nowMs += 30_000;
    // Another request's token comes under the same snapshot, ten seconds before that falls due.
    await ask({}, { rejectedTokenId: "stk_1" });
    await settle();
    here.nowMs += 10_000;
    await ask();
    await settle();
    expect([here.asked.length, here.reads]).toEqual([3, 2]);
  });

  test("that failed is not tried again for every request until the lease ends", async () => {
    const here = deployment();
    const { ask, settle } = here.isolate();
    await ask();
    await settle();
    here.nowMs += 40_000;
    here.answer = () => ({ code: "upstream_unreachable" });
    for (let count = 0; count < 3; count++) {
      expect(await ask()).toMatchObject({ rung: "memory", token: "token-1" });
      await settle();
    }
    expect([here.asked.length, here.reads]).toEqual([2, 2]);
    here.nowMs += 20_000;
    here.answer = () => ({});
    expect(await ask()).toMatchObject({ rung: "grant", token: "token-3" });
  });

  test("of one token holds back that of another under the same snapshot, which then renews both once more", async () => {
    const here = deployment();
    const { ask, settle } = here.isolate();
    const other = () => ask({}, { scopes: ["read"] });
    await ask();
    await other();
    await settle();
    expect([here.asked.length, here.reads]).toEqual([2, 1]);
    here.nowMs += 40_000;
    await Promise.all([ask(), other()]);
    await settle();
    expect([here.asked.length, here.reads]).toEqual([3, 2]);
    // The snapshot is new by now, and only the other token is due.
    here.nowMs += 1_000;
    expect(await ask()).toMatchObject({ token: "token-3" });
    expect(await settle()).toBe(0);
    expect(await other()).toMatchObject({ rung: "memory", token: "token-2" });
    await settle();
    expect([here.asked.length, here.reads]).toEqual([4, 3]);
    expect(await other()).toMatchObject({ rung: "memory", token: "token-4" });
  });
});
