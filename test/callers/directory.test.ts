import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { createCallerCaches, type LeasedEntry } from "../../src/callers/caller-caches.ts";
import { createCallerDirectory, type DirectoryDeps } from "../../src/callers/caller-directory.ts";
import { CALLER_LEASE_MS, type LeaseDeps, type LeaseSource, lookUp } from "../../src/callers/caller-leases.ts";
import { fail } from "../../src/errors.ts";
import { LruMap } from "../../src/store/lru.ts";
import { keys, NOW_MS } from "./support.ts";

/** Stores that count what is asked of them, over one isolate's memory. */
function world() {
  const state = { nowMs: NOW_MS, kvReads: 0, random: 0, kv: new Map<string, string>() };
  const deferred: Promise<unknown>[] = [];
  const deps: LeaseDeps = {
    now: () => state.nowMs,
    randomBytes: (length) => new Uint8Array(length).fill(state.random),
    keys,
    leases: {
      get: async (names) => {
        state.kvReads++;
        return names.map((name) => state.kv.get(name) ?? null);
      },
      put: async (name, value) => void state.kv.set(name, value),
    },
    loading: new Map(),
    defer: (work) => void deferred.push(work),
  };
  const settle = () => Promise.all(deferred.splice(0));
  return { state, deps, settle };
}

function source<T>(schema: z.ZodMiniType<T>, read: () => Promise<T | null>): LeaseSource<T> {
  return { memory: new LruMap<string, LeasedEntry<T>>(10), memoryKey: "it", name: ["thing", "it"], schema, read };
}

describe("what is looked up for a caller", () => {
  test("is not read from anywhere when nobody may look, and is given from memory all the same", async () => {
    const { deps, state } = world();
    let reads = 0;
    const it = source(z.string(), async () => `read ${++reads}`);
    const refused = { ...deps, mayLookUp: () => fail("rate_limited") };
    expect(await lookUp(it, refused)).toEqual(fail("rate_limited"));
    expect(await lookUp(it, refused, { current: true })).toEqual(fail("rate_limited"));
    expect([reads, state.kvReads]).toEqual([0, 0]);
    await lookUp(it, deps);
    expect(await lookUp(it, refused)).toMatchObject({ ok: true, value: { value: "read 1", current: false } });
  });

  test("and breaks the reader is an error, not an answer", async () => {
    const { deps } = world();
    const it = source(z.string(), () => Promise.reject(new TypeError("a fault of ours")));
    await expect(lookUp(it, deps)).rejects.toThrow("a fault of ours");
    await expect(lookUp(it, deps, { current: true })).rejects.toThrow("a fault of ours");
  });

  test("is renewed by isolates at different times, though they started together", async () => {
    const holds: number[] = [];
    for (const random of [0, 255]) {
      const { deps, state } = world();
      state.random = random;
      const found = await lookUp(
        source(z.string(), async () => "x"),
        deps,
      );
      if (found.ok && found.value !== null) holds.push(found.value.holdUntilMs - NOW_MS);
    }
    expect(holds).toEqual([0.8 * CALLER_LEASE_MS, 0.6 * CALLER_LEASE_MS]);
  });

  test("by a read that took longer does not replace what a later one found", async () => {
    const { deps, state } = world();
    const slow = Promise.withResolvers<string>();
    const answers = [slow.promise, Promise.resolve("new")];
    const it = source(z.string(), () => answers.shift() ?? Promise.resolve("none"));
    const first = lookUp(it, deps, { current: true });
    state.nowMs += 1;
    await lookUp(it, deps, { current: true });
    slow.resolve("old");
    expect(await first).toMatchObject({ value: { value: "old" } });
    expect(await lookUp(it, deps)).toMatchObject({ value: { value: "new" } });
  });

  test("and lies in KV in the shape of another version is read anew", async () => {
    const { deps, settle } = world();
    await lookUp(
      source(z.number(), async () => 1),
      deps,
    );
    await settle();
    const it = source(z.string(), async () => "one");
    expect(await lookUp(it, deps)).toMatchObject({ ok: true, value: { value: "one", current: true } });
  });
});

describe("an access token that moves to another key", () => {
  const row = {
    id: "0123456789abcdefghjk",
    role: "developer" as const,
    projectId: null,
    environment: null,
    userId: null,
    secretMac: "old",
    secretMacKid: "k1",
    expiresAtMs: null,
  };
  const next = { ...row, secretMac: "new", secretMacKid: "k2" };

  function directory() {
    const { deps } = world();
    const writes: unknown[] = [];
    const callerCaches = createCallerCaches();
    const nothing = () => Promise.reject(new Error("nothing else is asked"));
    const run = async (statement: unknown) => {
      writes.push(statement);
      return 1;
    };
    const db: DirectoryDeps["db"] = { first: nothing, all: nothing, batch: nothing, run };
    return { callerCaches, writes, directory: createCallerDirectory({ ...deps, db, callerCaches }) };
  }
  const remembered = (value: typeof row) => ({ value, leaseFromMs: 0, leaseUntilMs: 1, renewAtMs: 1 });

  test("is written once, by the first request that sees it under the old one", async () => {
    const { directory: known, callerCaches, writes } = directory();
    callerCaches.accessTokens.set(row.id, remembered(row));
    await known.moveAccessToken(row, next);
    expect(callerCaches.accessTokens.get(row.id)?.value).toEqual(next);
    await known.moveAccessToken(row, next);
    expect(writes).toHaveLength(1);
  });

  test("is written though memory has let go of it", async () => {
    const { directory: known, callerCaches, writes } = directory();
    await known.moveAccessToken(row, next);
    expect([writes.length, callerCaches.accessTokens.get(row.id)]).toEqual([1, undefined]);
  });
});

test("one isolate remembers a thousand issuers, projects and key sets, and no more of them", () => {
  const { issuers, projects, jwks } = createCallerCaches();
  expect([kept(issuers), kept(projects), kept(jwks)]).toEqual([1000, 1000, 1000]);
});

/** How many of 1001 entries stay; what they are does not matter. */
function kept<V>(cache: LruMap<string, V>): number {
  for (let index = 0; index <= 1000; index++) cache.set(`${index}`, {} as V);
  return cache.size;
}
