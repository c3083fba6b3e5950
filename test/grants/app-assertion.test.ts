import { expect, test } from "vitest";
import type { Driver } from "../../src/catalog/driver.ts";
import { driverOf } from "../../src/catalog/registry.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { ok, type Result } from "../../src/errors.ts";
import { AppAssertion, type AssertionRequest } from "../../src/grants/app-assertion.ts";
import { sql } from "../../src/store/database.ts";
import { db, keys, seedConnector } from "../connectors/rows.ts";

const START_MS = 1_000_000_000;
const REUSE_MS = 7 * 60_000;

/** One connector's assertions: each signature is counted, and says by which clock it was made. */
async function world() {
  const { id: connectorId } = await seedConnector({});
  const state = { nowMs: START_MS, signedAtMs: [] as number[], held: Promise.resolve() };
  const oauth = driverOf("oauth");
  if (oauth === null) throw new Error("there is no oauth driver");
  const signing: Driver = {
    ...oauth,
    async assertion(_, nowMs) {
      state.signedAtMs.push(nowMs);
      await state.held;
      return ok({ assertion: Secret.of(`signed-${state.signedAtMs.length}`), reuseUntilMs: nowMs + REUSE_MS });
    },
  };
  const stored = new Map<string, unknown>();
  const storage = {
    get: async (key: string) => structuredClone(stored.get(key)),
    put: async (key: string, value: unknown) => void stored.set(key, structuredClone(value)),
  } as unknown as DurableObjectStorage;
  const deps = { db, keys: async () => keys, driverOf: () => signing, now: () => state.nowMs, randomBytes };
  const assertions = new AppAssertion(storage, deps);
  const request: AssertionRequest = { teamId: "team_test", connectorId, configRevision: 1, refused: null };
  return {
    state,
    stored,
    storage,
    deps,
    assertions,
    request,
    get: (refused: AssertionRequest["refused"] = null) => assertions.get({ ...request, refused }),
  };
}

test("a gate that left memory hands out what it kept, which is not to be read where it lies", async () => {
  const { get, request, storage, stored, deps } = await world();
  await get();
  const again = new AppAssertion(storage, deps);
  expect((await Promise.all([again.get(request), again.get(request)])).map(text)).toEqual(["signed-1", "signed-1"]);
  expect(JSON.stringify([...stored])).not.toContain("signed-1");
});

test("what was kept under a key that is gone, or is not what was kept, is signed anew", async () => {
  const { state, get, request, storage, stored, deps } = await world();
  await get();
  const [[key, value] = ["", {}]] = stored;
  stored.set(key, { ...Object(value), sealed: "v1.gone" });
  expect(text(await new AppAssertion(storage, deps).get(request))).toBe("signed-2");
  stored.set(key, "something else");
  expect(text(await new AppAssertion(storage, deps).get(request))).toBe("signed-3");
  expect(state.signedAtMs).toHaveLength(3);
});

const text = (result: Result<string>) => (result.ok ? result.value : result.failure.code);

test("an app's assertion is signed once in more than five minutes, however many grants ask, and at once", async () => {
  const { state, get } = await world();
  const hold = Promise.withResolvers<void>();
  state.held = hold.promise;
  const crowd = Array.from({ length: 50 }, () => get());
  hold.resolve();
  expect(new Set((await Promise.all(crowd)).map(text))).toEqual(new Set(["signed-1"]));
  state.nowMs += 5 * 60_000;
  expect(text(await get())).toBe("signed-1");
  state.nowMs = START_MS + REUSE_MS;
  expect(text(await get())).toBe("signed-2");
});

test("a changed connector has its own", async () => {
  const { assertions, request, get } = await world();
  await get();
  await db.run(sql("UPDATE connectors SET config_revision = 2 WHERE id = ?", request.connectorId));
  expect(text(await assertions.get({ ...request, configRevision: 2 }))).toBe("signed-2");
});

test("a provider whose clock is behind is followed, and everybody's next assertion is by its clock", async () => {
  const { state, get } = await world();
  await get();
  const behindMs = 10 * 60_000;
  const refused = { assertion: "signed-1", providerNowMs: START_MS - behindMs };
  expect(text(await get(refused))).toBe("signed-2");
  expect(state.signedAtMs).toEqual([START_MS, START_MS - behindMs]);
  // Another grant, which was refused with the same old one.
  expect(text(await get(refused))).toBe("signed-2");
  state.nowMs += REUSE_MS - 1;
  expect(text(await get())).toBe("signed-2");
  state.nowMs += 1;
  expect(text(await get())).toBe("signed-3");
  expect(state.signedAtMs.at(-1)).toBe(state.nowMs - behindMs);
});

test("a gate that left memory still knows by how much the provider's clock differs", async () => {
  const { state, get, request, storage, deps } = await world();
  await get();
  await get({ assertion: "signed-1", providerNowMs: START_MS - 600_000 });
  state.nowMs += REUSE_MS;
  await new AppAssertion(storage, deps).get(request);
  expect(state.signedAtMs).toEqual([START_MS, START_MS - 600_000, state.nowMs - 600_000]);
});

test("a provider that refuses every assertion does not make us sign again and again", async () => {
  const { state, get } = await world();
  await get();
  for (let round = 0; round < 20; round++) await get({ assertion: "signed-1", providerNowMs: state.nowMs });
  expect(state.signedAtMs).toHaveLength(1);
  state.nowMs += 30_000;
  expect(text(await get({ assertion: "signed-1", providerNowMs: null }))).toBe("signed-2");
});

test("a driver that signs nothing is not asked", async () => {
  const { request, storage, deps } = await world();
  const assertions = new AppAssertion(storage, { ...deps, driverOf });
  expect(text(await assertions.get(request))).toBe("unresolved_token");
});
