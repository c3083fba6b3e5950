import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import { loadKeyRing } from "../../src/crypto/key-ring.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { unwrap } from "../../src/errors.ts";
import { TokenVault } from "../../src/grants/token-vault.ts";
import { createLogger } from "../../src/log.ts";
import { grantsOf } from "../housekeeping/support.ts";
import { clock } from "../support/clock.ts";
import { ask, isolate, scene } from "../support/connect.ts";

beforeEach(() => clock.reset());

test("C-09 a token that cannot be read does not keep the provider from hearing of the others", async () => {
  const { api } = await isolate();
  const at = await scene(api, "unreadable");
  for (const scopes of [["a"], ["b"], ["c"]]) await ask(api, at, { scopes });
  const [name = ""] = await grantsOf(at.connectorId);
  await runInDurableObject(env.GRANTS.getByName(name), (_, { storage }) => {
    storage.sql.exec("UPDATE tokens SET token_sealed = 'AAAA' WHERE rowid = (SELECT min(rowid) FROM tokens)");
  });
  // What the object has opened it remembers; a fresh one has to read.
  await runInDurableObject(env.GRANTS.getByName(name), (_, state) => state.abort("restart")).catch(() => {});

  const { status, body } = await api.delete(`/v1/connect/connectors/${at.connectorId}/tokens`, at.owner, {});
  expect(status).toBe(200);
  expect(body).toMatchObject({ tokensFound: 3, providerRevoked: 2, providerFailed: 1, providerPending: 1 });
  expect((await at.upstream.state()).revoked.toSorted()).toEqual([
    "unreadable-access-token-2",
    "unreadable-access-token-3",
  ]);
});

test("C-13 a Grant does not keep every token that it ever opened in its memory", async () => {
  const keys = unwrap(await loadKeyRing(env.MASTER_KEYS));
  const vault = new TokenVault("g1:test", { keys: async () => keys, log: createLogger(() => {}), randomBytes });
  const place = (index: number) => ({ teamId: "team_1", tokenId: `stk_${index}`, generation: index });
  for (let index = 0; index < 600; index++) {
    await vault.open(place(index), await vault.seal(place(index), Secret.of(`token ${index}`)));
  }
  expect((await vault.open(place(599), "")).expose()).toBe("token 599");
  await expect(vault.open(place(0), "")).rejects.toThrow("decryption_failed");
});

test("a provider that is slow to revoke does not keep the operator waiting for every token", {
  timeout: 30_000,
}, async () => {
  const { api } = await isolate();
  const at = await scene(api, "slow-to-revoke");
  for (const scope of ["a", "b", "c", "d", "e"]) await ask(api, at, { scopes: [scope] });
  await at.upstream.control({ delayMs: 2_000 });
  const { body } = await api.delete(`/v1/connect/connectors/${at.connectorId}/tokens`, at.owner, {});
  expect(body).toMatchObject({ tokensFound: 5, local: "revoked", upstream: "pending" });
  expect(body.providerRevoked).toBeLessThan(5);
  expect(body.providerPending).toBe(5 - body.providerRevoked);

  await at.upstream.control({ delayMs: 0 });
  await vi.waitFor(async () => expect((await at.upstream.state()).revoked).toHaveLength(5), { timeout: 15_000 });
});

test("two who revoke at the same time tell the provider of each token once", async () => {
  const { api } = await isolate();
  const at = await scene(api, "twice-at-once");
  for (const scope of ["a", "b", "c"]) await ask(api, at, { scopes: [scope] });
  await at.upstream.control({ delayMs: 200 });
  const revoke = () =>
    api.delete(`/v1/connect/connectors/${at.connectorId}/tokens`, at.owner, { subject: { type: "app" } });
  const [first, second] = await Promise.all([revoke(), revoke()]);
  expect([first, second].map(({ body }) => body.tokensFound).sort()).toEqual([0, 3]);
  await vi.waitFor(async () => expect((await at.upstream.state()).revoked).toHaveLength(3), { timeout: 15_000 });
  expect(new Set((await at.upstream.state()).revoked).size).toBe(3);
  expect(first.body.providerRevoked + second.body.providerRevoked).toBe(3);
});
