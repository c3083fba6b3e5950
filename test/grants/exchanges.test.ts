import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { fail, ok } from "../../src/errors.ts";
import type { RevocationReach } from "../../src/grants/reach.ts";
import { seedTeam } from "../connectors/rows.ts";
import { type UserWorld, userWorld } from "./user-world.ts";
import { EVERYTHING, granted, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

const alice = { externalSubject: { issuer: "https://as.example.com", subject: "alice" }, claims: { groups: ["a"] } };
const bob = { externalSubject: { issuer: "https://as.example.com", subject: "bob" } };
const owed = (storage: DurableObjectStorage) =>
  rows(storage, "upstream_revocations")
    .map(({ hint, due_at_ms, provider }) => [hint, Number(due_at_ms) - START_MS, provider])
    .toSorted();
const logged = (world: UserWorld, event: string) =>
  world.lines.map((line) => JSON.parse(line)).filter((line) => line.event === event);
const mints = (world: UserWorld) => world.points.filter(({ kind }) => kind === "mint").map(({ outcome }) => outcome);

describe("an exchange", () => {
  test("is journaled as what it is, with a deadline, and the log is told of its success", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      const journal: unknown[] = [];
      world.script.exchange = () => {
        journal.push(...rows(storage, "attempts"));
        return {};
      };
      await world.authorized(grant, { ordinal: 7 });
      expect(journal).toEqual([
        {
          id: expect.stringMatching(/^att_/),
          kind: "exchange",
          group_id: "authorization 7",
          fingerprint: "",
          started_at_ms: START_MS,
          deadline_ms: START_MS + 20_000,
        },
      ]);
      world.script.exchange = () => ({ refreshToken: null });
      await world.authorized(grant, { ordinal: 8 });
    });
    const { id: connectorId } = world.connector;
    expect(logged(world, "grant.authorized")).toMatchObject([
      { level: "info", connectorId, refreshable: true },
      { level: "info", connectorId, refreshable: false },
    ]);
    expect(world.points).toMatchObject(
      Array(2).fill({ kind: "mint", outcome: "ok", subjectType: "user", durationMs: 0 }),
    );
  });

  test("seals each thing that it brings home under a number of its own", async () => {
    const world = await userWorld();
    world.script.exchange = () => alice;
    world.script.refresh = () => alice;
    await world.inside(async (grant, storage) => {
      const numbers = () =>
        [...rows(storage, "tokens"), ...rows(storage, "authorization_secrets")]
          .map(({ token_id, generation }) => `${String(token_id).slice(0, 3)} ${generation}`)
          .toSorted();
      await world.authorized(grant);
      expect(numbers()).toEqual(["pfl 2", "rtk 3", "stk 1"]);
      world.nowMs += LIFETIME_MS;
      await grant.token(world.request());
      expect(numbers()).toEqual(["pfl 5", "rtk 6", "stk 4"]);
      expect(rows(storage, "identity")).toMatchObject([{ generation: 6 }]);
    });
  });

  test("that breaks is a failure like any other, and its journal entry ends", async () => {
    const world = await userWorld();
    world.script.exchange = () => {
      throw new TypeError("a fault of ours");
    };
    await world.inside(async (grant, storage) => {
      expect(await grant.authorize(world.authorization())).toEqual(
        fail("internal_error", { reason: "TypeError: a fault of ours" }),
      );
      expect(rows(storage, "attempts")).toEqual([]);
      world.script.exchange = () => ({});
      await world.authorized(grant);
    });
    expect(mints(world)).toEqual(["internal_error", "ok"]);
  });

  test("A-15 that waits at the gate while a later one comes home is not begun", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      const gate = Promise.withResolvers<void>();
      world.gateHeld = gate.promise;
      const earlier = grant.authorize(world.authorization({ ordinal: 1 }));
      await expect.poll(() => world.acquired.length).toBe(1);
      world.gateHeld = Promise.resolve();
      await world.authorized(grant, { ordinal: 2 });
      gate.resolve();
      expect(await earlier).toEqual(fail("superseded"));
      expect(rows(storage, "attempts")).toEqual([]);
    });
    expect(world.asked).toEqual(["exchange code-2"]);
    expect(mints(world)).toEqual(["ok", "superseded"]);
  });

  test("C-08 above the ceiling is told to the log, and the provider is told at once", async () => {
    const world = await userWorld();
    world.script.exchange = () => ({ scopes: ["a", "z"] });
    await world.inside(async (grant, storage) => {
      const answer = await grant.authorize(world.authorization({ scopeCeiling: ["a"] }));
      const message = "The provider granted more than the project's link allows: z.";
      expect(answer).toEqual(fail("insufficient_scope", { message }));
      const provider = "https://as.example.com";
      expect(owed(storage)).toEqual([
        ["access_token", 0, provider],
        ["refresh_token", 0, provider],
      ]);
      expect(await storage.getAlarm()).toBe(START_MS);
    });
    expect(logged(world, "grant.scopes_above_ceiling")).toMatchObject([
      { level: "warn", connectorId: world.connector.id, scopes: 1 },
    ]);
  });

  test("of a connector that is gone drops what was there", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await env.DB.prepare("UPDATE connectors SET deleted_at_ms = 1 WHERE id = ?").bind(world.connector.id).run();
      expect(await grant.authorize(world.authorization())).toEqual(
        fail("not_found", { reason: "the connector is gone" }),
      );
      expect(rows(storage, "tokens")).toEqual([]);
      expect(await storage.getAlarm()).toBe(START_MS);
    });
  });
});

describe("D-07 a revocation while codes are being exchanged", () => {
  const exchanging = async (reach: RevocationReach) => {
    const world = await userWorld();
    return world.inside(async (grant) => {
      const exchanged = async (ordinal: number) => {
        const answer = Promise.withResolvers<void>();
        world.script.held = answer.promise;
        const done = grant.authorize(world.authorization({ ordinal, linkId: `lnk_${ordinal}` }));
        await expect.poll(() => world.script.exchanges.length).toBe(ordinal);
        return { answer: answer.resolve, done };
      };
      const both = [await exchanged(1), await exchanged(2)];
      const { providerPending } = await grant.revoke(reach);
      const told: unknown[] = [];
      for (const { answer, done } of both) {
        answer();
        const answered = await done;
        told.push(answered.ok ? "ok" : answered.failure.reason);
      }
      return [providerPending, ...told];
    });
  };
  const revoked = "revoked during the exchange";

  test("of everything ends what each of them brings home", async () => {
    expect(await exchanging(EVERYTHING)).toEqual([2, revoked, revoked]);
  });

  test("of one project's link leaves the other project's alone", async () => {
    expect(await exchanging({ revokedBeforeMs: null, linkId: "lnk_1" })).toEqual([1, revoked, "ok"]);
    expect(await exchanging({ revokedBeforeMs: null, linkId: "lnk_3" })).toEqual([0, "ok", "ok"]);
  });

  test("of another link than its own leaves a pasted key where it is", async () => {
    const world = await userWorld();
    world.script.kind = "pasted-key";
    await world.inside(async (grant) => {
      await world.authorized(grant, { credential: { kind: "key", key: "pasted" } });
      expect(await grant.revoke({ revokedBeforeMs: null, linkId: "lnk_2" })).toMatchObject({ tokensFound: 0 });
      expect(await grant.revoke({ revokedBeforeMs: null, linkId: "lnk_1" })).toMatchObject({ tokensFound: 1 });
    });
  });
});

describe("a new authorization", () => {
  test("is owed nothing of a refresh token that there never was, neither its own nor the one before it", async () => {
    const world = await userWorld({ revocationScope: "token" });
    world.script.exchange = () => ({ refreshToken: null });
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      await world.authorized(grant);
      world.script.exchange = () => ({ refreshToken: null, scopes: ["a", "z"] });
      const wide = await grant.authorize(world.authorization({ scopeCeiling: ["a"] }));
      expect(wide).toMatchObject({ failure: { code: "insufficient_scope" } });
      expect(owed(storage).map(([hint]) => hint)).toEqual(["access_token"]);
    });
  });

  test("of another user owes the provider what had been replaced before, too", async () => {
    const world = await userWorld({ revocationScope: "token" });
    world.script.exchange = () => alice;
    await world.inside(async (grant, storage) => {
      await world.authorized(grant);
      const { tokenId } = granted(await grant.token(world.request()));
      world.nowMs += 31_000;
      await grant.token(world.request({ rejectedTokenId: tokenId }));
      expect(rows(storage, "superseded_tokens")).toHaveLength(1);
      world.script.exchange = () => bob;
      await world.authorized(grant);
      expect(owed(storage).map(([hint]) => hint)).toEqual(["access_token", "access_token", "refresh_token"]);
      expect(rows(storage, "superseded_tokens")).toEqual([]);
    });
  });

  test("ends the pauses that failures of the old one had caused", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      const group = { scopes: ["a", "b"], resources: [], audience: [], authorizationDetails: [] };
      const narrow = { group: { ...group, scopes: ["a"] }, narrow: true };
      await world.authorized(grant, { group });
      world.permit = fail("upstream_rate_limited", { retryAfterMs: 60_000 });
      expect(said(await grant.token(world.request(narrow)))).toBe("upstream_rate_limited");
      world.permit = ok({ permit: "prm_2" });
      expect(said(await grant.token(world.request(narrow)))).toBe("upstream_rate_limited");
      await world.authorized(grant, { group });
      expect(said(await grant.token(world.request(narrow)))).toBe("at-3");
    });
  });

  test("for the app, or for another grant, is refused with the reason", async () => {
    const world = await userWorld();
    await world.inside(async (grant) => {
      const elsewhere = { ...world.identity, partition: "preview" };
      expect(await grant.authorize(world.authorization({ identity: elsewhere }))).toEqual(
        fail("internal_error", { reason: "a request reached the wrong grant" }),
      );
    });
  });
});
