import { describe, expect, test } from "vitest";
import {
  asFailure,
  FailureMemory,
  MAX_FAILURES,
  providerOutcome,
  rememberFailure,
} from "../../src/grants/failure-memory.ts";
import { decideFreshness } from "../../src/grants/freshness.ts";
import { LeasePublisher } from "../../src/grants/lease-publisher.ts";
import { grantName } from "../../src/grants/name.ts";
import type { GrantIdentity, LeasedToken } from "../../src/grants/protocol.ts";
import { endsOwnGrant, nextTryAtMs } from "../../src/grants/upstream-revocation.ts";
import { testServices } from "../support/services.ts";

describe("a stored token", () => {
  const stored = {
    tokenId: "stk_1",
    mintedAtMs: 0,
    expiresAtMs: 3_600_000,
    lifetimeMs: 3_600_000,
    keepUntilMs: 3_600_000,
    revokedBeforeMs: 7,
    scopes: ["read", "write"],
  };
  const request = { revokedBeforeMs: 7, validityBufferMs: 30_000, rejectedTokenId: null, scopeCeiling: null };

  test("is fresh while it outlives the buffer", () => {
    expect(decideFreshness(stored, request, 3_569_999)).toBe("fresh");
    expect(decideFreshness(stored, request, 3_570_000)).toBe("renew");
  });
  test("is dead when it expired, or was obtained before a revocation", () => {
    expect(decideFreshness(stored, request, 3_600_000)).toBe("dead");
    expect(decideFreshness(stored, { ...request, revokedBeforeMs: 8 }, 0)).toBe("dead");
    expect(decideFreshness(null, request, 0)).toBe("dead");
  });
  test("is dead for a link whose ceiling is below it, though it was obtained before that was lowered", () => {
    expect(decideFreshness(stored, { ...request, scopeCeiling: ["read"] }, 0)).toBe("dead");
    expect(decideFreshness(stored, { ...request, scopeCeiling: [] }, 0)).toBe("dead");
    expect(decideFreshness(stored, { ...request, scopeCeiling: ["write", "read", "list"] }, 0)).toBe("fresh");
  });
  test("is dead when it is to be read anew, however long the value lives", () => {
    const value = { ...stored, expiresAtMs: Number.MAX_SAFE_INTEGER, lifetimeMs: Number.MAX_SAFE_INTEGER };
    expect(decideFreshness(value, { ...request, validityBufferMs: 86_400_000 }, 3_599_999)).toBe("fresh");
    expect(decideFreshness(value, request, 3_600_000)).toBe("dead");
  });
  test("is renewed when the provider refused it, unless it is younger than 30 s or not the one refused", () => {
    expect(decideFreshness(stored, { ...request, rejectedTokenId: "stk_1" }, 29_999)).toBe("fresh");
    expect(decideFreshness(stored, { ...request, rejectedTokenId: "stk_1" }, 30_000)).toBe("renew");
    expect(decideFreshness(stored, { ...request, rejectedTokenId: "stk_0" }, 30_000)).toBe("fresh");
  });
});

describe("after a failed mint", () => {
  test("the pause doubles from half a second to half a minute", () => {
    const pauses: number[] = [];
    let remembered: ReturnType<typeof rememberFailure> | undefined;
    for (let count = 0; count < 9; count++) {
      remembered = rememberFailure(remembered, { code: "upstream_unreachable" }, 0);
      pauses.push(remembered.retryAtMs);
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });
  test("the provider's own wish counts, and what is left of it is told", () => {
    const remembered = rememberFailure(undefined, { code: "upstream_rate_limited", retryAfterMs: 7000 }, 1000);
    expect(asFailure(remembered, 4000)).toMatchObject({ code: "upstream_rate_limited", retryAfterMs: 4000 });
  });
  test("a caller who makes up token groups that fail does not fill the Grant's memory", () => {
    const failures = new FailureMemory();
    const failed = { ok: false, failure: { code: "upstream_unreachable" } } as const;
    for (let group = 0; group <= MAX_FAILURES; group++) failures.note(`g${group}`, failed, 0);
    expect(failures.recall("g0", 1)).toBeNull();
    expect(failures.recall("g1", 1)).toMatchObject({ code: "upstream_unreachable", retryAfterMs: 499 });
    failures.note("g1", { ok: true, value: undefined }, 2);
    expect(failures.recall("g1", 2)).toBeNull();
    expect(failures.recall("g2", 500)).toBeNull();
  });
  test("the gate learns of limits and rejected credentials only", () => {
    expect(providerOutcome(null, 1)).toEqual({ kind: "ok" });
    expect(providerOutcome({ code: "upstream_rate_limited", retryAfterMs: 5 }, 1)).toEqual({
      kind: "rate-limited",
      retryAfterMs: 5,
    });
    expect(providerOutcome({ code: "upstream_invalid_client" }, 3)).toEqual({
      kind: "invalid-client",
      configRevision: 3,
    });
    expect(providerOutcome({ code: "upstream_timeout" }, 1)).toEqual({ kind: "other" });
  });
  test("an upstream revocation is retried later and later, at least hourly", () => {
    expect([0, 1, 2, 20].map((tries) => nextTryAtMs(tries, 0))).toEqual([30_000, 60_000, 120_000, 3_600_000]);
  });
});

describe("telling the provider of a token would end the grant's own authorization", () => {
  const notice = (revocationScope: "token" | "grant" | null, subjectHash: string | null) =>
    ({ hint: "access_token", revocationScope, subjectHash }) as const;
  const active = (subjectHash: string | null) => ({ state: "active", subjectHash }) as const;

  test("where it ends all of that user, and it is or may be the same one", () => {
    expect(endsOwnGrant(notice("grant", "ada"), active("ada"))).toBe(true);
    expect(endsOwnGrant(notice("grant", null), active("ada"))).toBe(true);
    expect(endsOwnGrant(notice("grant", "ada"), active(null))).toBe(true);
    expect(endsOwnGrant(notice("grant", null), active(null))).toBe(true);
  });
  test("and not where it is another user, or that token alone, or where nothing is left to end", () => {
    expect(endsOwnGrant(notice("grant", "ada"), active("bob"))).toBe(false);
    expect(endsOwnGrant(notice("token", "ada"), active("ada"))).toBe(false);
    expect(endsOwnGrant(notice(null, null), active(null))).toBe(false);
    expect(endsOwnGrant(notice("grant", "ada"), { state: "revoked", subjectHash: "ada" })).toBe(false);
    expect(endsOwnGrant(notice("grant", "ada"), null)).toBe(false);
  });
});

describe("names are for ever", () => {
  const app: GrantIdentity = {
    connectorId: "scl_1",
    installationId: null,
    subject: { type: "app" },
    partition: "production",
  };

  test("the name of a known grant is this very one", async () => {
    // Pinned: changing it would orphan every stored grant.
    expect(await grantName(app)).toBe("g1:-vOZ3q620kwDwIZLVY2Etf4_8NV9trG8IsQkjM9Z8Cc");
  });

  test("C-02 no two identities share a name", async () => {
    const user = (fields: object): GrantIdentity => ({
      ...app,
      subject: { type: "user", namespace: null, issuer: null, id: "u", ...fields },
    });
    const names = await Promise.all(
      [
        app,
        { ...app, partition: "preview" },
        { ...app, partition: "shared" },
        { ...app, installationId: "" },
        { ...app, installationId: "production" },
        { ...app, connectorId: "scl_2" },
        user({}),
        user({ id: "app" }),
        user({ namespace: "u" }),
        user({ namespace: "" }),
        user({ issuer: "" }),
        user({ issuer: "u" }),
        user({ namespace: "n", issuer: "i" }),
        user({ namespace: "ni", issuer: "" }),
      ].map(grantName),
    );
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("KV leases are published", () => {
  const leased = (fields: Partial<LeasedToken>) =>
    ({ groupId: "g", tokenId: "t", leaseFromMs: 0, leaseUntilMs: 60_000, ...fields }) as LeasedToken;
  const publisher = async () => {
    const { keys, ...services } = await testServices();
    return new LeasePublisher({ ...services, keys: async () => keys });
  };

  test("from the second ask within a lease, once a lease", async () => {
    const leases = await publisher();
    expect([0, 1, 2].map((at) => leases.asked(leased({ leaseFromMs: at, leaseUntilMs: at + 60_000 })))).toEqual([
      false,
      true,
      false,
    ]);
  });
  test("at once for a group that was hot in the lease before, and not for one that cooled", async () => {
    const leases = await publisher();
    leases.asked(leased({}));
    leases.asked(leased({}));
    expect(leases.asked(leased({ leaseFromMs: 60_000, leaseUntilMs: 120_000 }))).toBe(true);
    leases.forget("g");
    expect(leases.asked(leased({ leaseFromMs: 130_000, leaseUntilMs: 190_000 }))).toBe(false);
  });
  test("anew for a new token", async () => {
    const leases = await publisher();
    leases.asked(leased({}));
    leases.asked(leased({}));
    expect([1, 2].map(() => leases.asked(leased({ tokenId: "t2" })))).toEqual([false, true]);
  });
});
