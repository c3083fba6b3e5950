import { describe, expect, test } from "vitest";
import { randomBytes } from "../../src/crypto/random.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { LeasePublisher } from "../../src/grants/lease-publisher.ts";
import { TokenVault } from "../../src/grants/token-vault.ts";
import { createLogger } from "../../src/log.ts";
import { leasedToken, openLease } from "../../src/tokens/lease-envelope.ts";
import { entry, ring } from "../crypto/rings.ts";
import { leased } from "../tokens/samples.ts";

const keys = await ring(entry("k1", 1));

function world() {
  const lines: string[] = [];
  const written: { key: string; value: string; ttlSeconds: number }[] = [];
  const leases = {
    get: async (names: string[]) => names.map(() => null),
    put: async (key: string, value: string, ttlSeconds: number) => void written.push({ key, value, ttlSeconds }),
  };
  let loaded = 0;
  const deps = {
    keys: async () => {
      loaded++;
      return keys;
    },
    randomBytes,
    leases,
    log: createLogger((line) => lines.push(line)),
  };
  return { deps, lines, written, loaded: () => loaded };
}

describe("what a Grant leases to KV", () => {
  test("opens under its key as the token that it is, and is garbage after two minutes", async () => {
    const { deps, written } = world();
    await new LeasePublisher(deps).publish("l1:key", leased);
    expect(written).toEqual([{ key: "l1:key", value: expect.any(String), ttlSeconds: 120 }]);
    expect(await openLease(keys, "token", "l1:key", written[0]?.value ?? "", leasedToken)).toEqual(leased);
  });

  test("is counted for a thousand groups: the one asked for longest ago loses its count first", () => {
    const publisher = new LeasePublisher(world().deps);
    const ask = (groupId: string) => publisher.asked({ ...leased, groupId });
    for (let index = 0; index <= 1000; index++) ask(`group ${index}`);
    expect([ask("group 0"), ask("group 1000"), ask("group 999")]).toEqual([false, true, true]);
  });

  test("is counted anew with a new lease: that group was asked for last", () => {
    const publisher = new LeasePublisher(world().deps);
    const ask = (groupId: string, leaseFromMs: number) =>
      publisher.asked({ ...leased, groupId, leaseFromMs, leaseUntilMs: leaseFromMs + 100 });
    for (let index = 0; index < 1000; index++) ask(`group ${index}`, 0);
    ask("group 0", 100);
    ask("group 1000", 100);
    expect([ask("group 0", 101), ask("group 2", 99), ask("group 1", 99)]).toEqual([true, true, false]);
  });

  test("is published once in a lease that begins with its publication", () => {
    const publisher = new LeasePublisher(world().deps);
    const ask = (leaseFromMs: number) => publisher.asked({ ...leased, leaseFromMs, leaseUntilMs: leaseFromMs + 100 });
    // Asked at 0 and published at 50, until 150; hot from then on.
    expect([ask(0), ask(50), ask(149), ask(150), ask(200)]).toEqual([false, true, false, true, false]);
  });

  test("cools when a whole lease passes without a second ask", () => {
    const publisher = new LeasePublisher(world().deps);
    const ask = (leaseFromMs: number) => publisher.asked({ ...leased, leaseFromMs, leaseUntilMs: leaseFromMs + 100 });
    expect([ask(0), ask(100), ask(200), ask(250)]).toEqual([false, false, false, true]);
  });
});

describe("a Grant's tokens", () => {
  const place = { teamId: "team_1", tokenId: "stk_1", generation: 3 };

  test("D-02 open in their own grant, place and generation only", async () => {
    const { deps } = world();
    const sealed = await new TokenVault("g1:a", deps).seal(place, Secret.of("text"));
    expect((await new TokenVault("g1:a", deps).open(place, sealed)).expose()).toBe("text");
    for (const [grant, change] of [
      ["g1:b", {}],
      ["g1:a", { teamId: "team_2" }],
      ["g1:a", { tokenId: "stk_2" }],
      ["g1:a", { generation: 4 }],
    ] as const) {
      const opening = new TokenVault(grant, deps).open({ ...place, ...change }, sealed);
      await expect(opening).rejects.toMatchObject({ failure: { code: "decryption_failed" } });
    }
  });

  test("that do not open are told of by code and id, and by nothing else", async () => {
    const { deps, lines } = world();
    await expect(new TokenVault("g1:a", deps).open(place, "nonsense")).rejects.toThrow("decryption_failed");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        level: "error",
        event: "grant.token_unreadable",
        errorCode: "decryption_failed",
        tokenId: "stk_1",
      }),
    ]);
  });

  test("are opened once, until they are forgotten", async () => {
    const { deps, loaded } = world();
    const vault = new TokenVault("g1:a", deps);
    const sealed = await vault.seal(place, Secret.of("text"));
    for (let count = 0; count < 3; count++) expect((await vault.open(place, sealed)).expose()).toBe("text");
    expect(loaded()).toBe(2);
    vault.forget("stk_1");
    await expect(vault.open(place, "nonsense")).rejects.toThrow("decryption_failed");
  });
});
