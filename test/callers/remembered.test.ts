import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { mintAccessToken } from "../../src/callers/access-token.ts";
import { authenticate, REMEMBER_MS } from "../../src/callers/authenticate.ts";
import { MAX_RULES_TOGETHER } from "../../src/callers/caller-directory.ts";
import { CALLER_LEASE_MS } from "../../src/callers/caller-leases.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { fail } from "../../src/errors.ts";
import { d1Database, sql } from "../../src/store/database.ts";
import {
  AUDIENCE,
  deleteRow,
  goodClaims,
  isolate,
  keys,
  NOW_MS,
  signer,
  storeIssuer,
  storeProject,
  storeRule,
  trustedIssuer,
} from "./support.ts";

type World = ReturnType<typeof isolate>;

/** The answer's code where nobody can be asked any more: only what is remembered is left. */
async function fromMemory({ deps }: World, token: string): Promise<string> {
  const directory = () => ({ ...deps.directory(), issuer: async () => fail("storage_unavailable") });
  const result = await authenticate(new Headers({ authorization: `Bearer ${token}` }), { ...deps, directory });
  return result.ok ? "ok" : result.failure.code;
}

/** Why a token was refused, as the log hears it. */
async function refusal({ deps }: World, token: string) {
  const result = await authenticate(new Headers({ authorization: `Bearer ${token}` }), deps);
  return result.ok ? null : result.failure;
}

/** An issuer with three rules that are too long to be leased together. */
async function longRules(options: { selectorClaim?: string } = {}) {
  const key = await signer();
  const issuer = `https://idp-${crypto.randomUUID()}.example.com`;
  const issuerId = await storeIssuer({ issuer, keys: [key.publicJwk], ...options });
  const projectId = await storeProject();
  for (const sub of ["a", "b", "c"]) {
    const claims = { sub, pad: "x".repeat(30_000) };
    await storeRule(issuerId, { projectId, environment: "preview", claims });
  }
  return { key, issuer };
}

describe("a verified token", () => {
  test("is remembered until a renewal of what it rests on is due, and never for more than a minute", async () => {
    const idp = await trustedIssuer();
    const world = isolate();
    const token = await idp.sign(goodClaims(idp.issuer));
    expect(await fromMemory(world, token)).toBe("storage_unavailable");
    expect(await world.code(token)).toBe("ok");
    expect(await fromMemory(world, token)).toBe("ok");
    world.state.nowMs = NOW_MS + 0.6 * REMEMBER_MS - 1;
    expect(await fromMemory(world, token)).toBe("ok");
    world.state.nowMs = NOW_MS + 0.8 * REMEMBER_MS;
    expect(await fromMemory(world, token)).toBe("storage_unavailable");
  });

  test("is not remembered beyond its own end", async () => {
    const idp = await trustedIssuer();
    const world = isolate();
    const token = await idp.sign(goodClaims(idp.issuer, { exp: NOW_MS / 1000 + 10 }));
    expect(await world.code(token)).toBe("ok");
    world.state.nowMs = NOW_MS + 9_999;
    expect(await fromMemory(world, token)).toBe("ok");
    world.state.nowMs = NOW_MS + 10_000;
    expect(await fromMemory(world, token)).toBe("storage_unavailable");
  });

  test("B-08 is not remembered at all if it is good once", async () => {
    const idp = await trustedIssuer({ oneTimeTokens: true });
    const world = isolate();
    const token = await idp.sign(goodClaims(idp.issuer, { jti: "once" }));
    expect(await world.code(token)).toBe("ok");
    expect(await fromMemory(world, token)).toBe("storage_unavailable");
    expect(await world.code(token)).toBe("token_replayed");
  });
});

describe("a token that is good once", () => {
  test("B-08 is not taken for a replay when the database could not tell, and can be sent again", async () => {
    const idp = await trustedIssuer({ oneTimeTokens: true });
    const world = isolate();
    const first = await idp.sign(goodClaims(idp.issuer, { jti: "a" }));
    expect(await world.code(first)).toBe("ok");
    await world.settle();
    const second = await idp.sign(goodClaims(idp.issuer, { jti: "b" }));
    world.state.dbDown = true;
    expect(await world.code(second)).toBe("storage_unavailable");
    world.state.dbDown = false;
    expect(await world.code(second)).toBe("ok");
  });

  test("B-08 without an id says what it lacks; with one, the id is kept until no clock believes the token", async () => {
    const idp = await trustedIssuer({ oneTimeTokens: true });
    const world = isolate();
    const nameless = await idp.sign(goodClaims(idp.issuer));
    expect(await refusal(world, nameless)).toMatchObject({ code: "token_claims_invalid", reason: "claim=jti missing" });
    const kept = await world.call(await idp.sign(goodClaims(idp.issuer, { jti: "kept" })));
    expect(kept).toMatchObject({ ok: true, value: { projectId: idp.projectId, environment: "production" } });
    const statement = sql("SELECT expires_at_ms FROM used_token_ids WHERE issuer_id = ?", idp.issuerId);
    expect(await d1Database(env.DB).all(statement)).toEqual([{ expires_at_ms: NOW_MS + 300_000 + 30_000 }]);
  });
});

describe("a refusal that rests on a lease", () => {
  test("stands while the database cannot say better", async () => {
    const idp = await trustedIssuer();
    const world = isolate();
    expect(await world.code(await idp.sign(goodClaims(idp.issuer)))).toBe("ok");
    await world.settle();
    const other = await idp.sign(goodClaims(idp.issuer, { aud: "https://other.example" }));
    world.state.dbDown = true;
    expect(await world.code(other)).toBe("audience_mismatch");
  });

  test("gives way to what the database says now, a worse refusal included", async () => {
    const idp = await trustedIssuer();
    const world = isolate();
    expect(await world.code(await idp.sign(goodClaims(idp.issuer)))).toBe("ok");
    await world.settle();
    await deleteRow("issuers", idp.issuerId);
    const other = await idp.sign(goodClaims(idp.issuer, { sub: "stranger" }));
    expect(await world.code(other)).toBe("issuer_not_trusted");
    // And from then on for all: memory holds on to it no longer. KV may until the lease ends, and is empty here.
    world.kv.clear();
    expect(await world.code(await idp.sign(goodClaims(idp.issuer, { jti: "later" })))).toBe("issuer_not_trusted");
  });
});

describe("a refusal", () => {
  test("gives way to an audience and to rules that were corrected a moment ago", async () => {
    const idp = await trustedIssuer({ audience: "https://before.example" });
    const world = isolate();
    const token = await idp.sign(goodClaims(idp.issuer));
    expect(await world.code(token)).toBe("audience_mismatch");
    await d1Database(env.DB).run(sql("UPDATE issuers SET audience = ? WHERE id = ?", AUDIENCE, idp.issuerId));
    expect(await world.code(token)).toBe("ok");

    const claims = { sub: "workload-1", aud: AUDIENCE };
    const second = await storeRule(idp.issuerId, { projectId: idp.projectId, environment: "preview", claims });
    const ambiguous = isolate();
    expect(await ambiguous.code(token)).toBe("ambiguous_identity");
    await deleteRow("identities", second);
    expect(await ambiguous.code(token)).toBe("ok");
  });

  test("that the database itself has just given is not asked for once more", async () => {
    const few = await trustedIssuer();
    const world = isolate();
    expect(await world.code(await few.sign(goodClaims(few.issuer, { sub: "stranger" })))).toBe("forbidden");
    expect(world.state.dbCalls).toBe(1);
    const many = await longRules();
    expect(await world.code(await many.key.sign(goodClaims(many.issuer, { sub: "stranger" })))).toBe("forbidden");
    expect(world.state.dbCalls).toBe(3);
  });

  test("of a token that lacks what its issuer's many rules are found by needs no look at them", async () => {
    const { key, issuer } = await longRules({ selectorClaim: "team" });
    const world = isolate();
    expect(await world.code(await key.sign(goodClaims(issuer)))).toBe("forbidden");
    expect(world.state.dbCalls).toBe(1);
  });

  test("of an access token is none while nobody can be asked about it", async () => {
    const world = isolate();
    world.state.dbDown = true;
    expect(await world.code((await mintAccessToken(keys, randomBytes)).token.expose())).toBe("storage_unavailable");
  });
});

test("two tokens of a key that appeared a moment ago cost one fetch, and the second waits for it", async () => {
  const [idp, rotated] = [await trustedIssuer(), await signer()];
  const world = isolate();
  world.jwks.set(idp.jwksUri, [rotated.publicJwk]);
  world.state.nowMs += 1000;
  const tokens = await Promise.all(["a", "b"].map((jti) => rotated.sign(goodClaims(idp.issuer, { jti }))));
  expect(await Promise.all(tokens.map(world.code))).toEqual(["ok", "ok"]);
  expect(world.state.fetches).toHaveLength(1);
});

test("an issuer whose few rules are too long to be leased together is looked up by selector value", async () => {
  const { key, issuer } = await longRules();
  const world = isolate();
  expect(await world.code(await key.sign(goodClaims(issuer, { sub: "a" })))).toBe("forbidden");
  await world.settle();
  world.state.dbDown = true;
  expect(await world.code(await key.sign(goodClaims(issuer, { sub: "b" })))).toBe("storage_unavailable");
  expect(Math.max(...[...world.kv.values()].map((value) => value.length))).toBeLessThan(64 * 1024);
});

describe("an issuer with as many rules as are leased together, or one more", () => {
  test.each([MAX_RULES_TOGETHER, MAX_RULES_TOGETHER + 1, MAX_RULES_TOGETHER + 2])("%i: none is lost", async (count) => {
    const key = await signer();
    const issuer = `https://idp-${crypto.randomUUID()}.example.com`;
    const issuerId = await storeIssuer({ issuer, keys: [key.publicJwk] });
    const projectId = await storeProject();
    await d1Database(env.DB).run(
      sql(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
         INSERT INTO identities (id, issuer_id, selector_value, project_id, environment, claims, created_at_ms)
         SELECT printf('idn_%s_%d', ?1, i), ?1, json_quote(printf('w-%d', i)), ?2, 'preview',
           json_object('sub', printf('w-%d', i)), i FROM n`,
        issuerId,
        projectId,
        count,
      ),
    );
    const world = isolate();
    for (const sub of ["w-1", `w-${count - 1}`, `w-${count}`]) {
      expect([sub, await world.code(await key.sign(goodClaims(issuer, { sub })))]).toEqual([sub, "ok"]);
    }
    await world.settle();
    const leased = world.kv.size;
    expect(await world.code(await key.sign(goodClaims(issuer, { sub: `w-${count + 1}` })))).toBe("forbidden");
    await world.settle();
    // Who has no rule is leased to nobody: names that anyone can make up must not fill the store.
    expect(world.kv.size).toBe(leased);

    // Leased under its own name each, in memory and in KV; and who is not leased is not refused for it.
    for (const other of [world, isolate(world.kv)]) {
      other.state.dbDown = true;
      for (const sub of ["w-1", `w-${count}`]) {
        expect([sub, await other.code(await key.sign(goodClaims(issuer, { sub, jti: "again" })))]).toEqual([sub, "ok"]);
      }
      const unseen = await other.code(await key.sign(goodClaims(issuer, { sub: "w-2" })));
      expect(unseen).toBe(count > MAX_RULES_TOGETHER ? "storage_unavailable" : "ok");
    }
  });
});

describe("a renewal", () => {
  test("that fails is tried again by one request in a while, not by all", async () => {
    const idp = await trustedIssuer();
    const world = isolate();
    const token = (jti: string) => idp.sign(goodClaims(idp.issuer, { jti }));
    expect(await world.code(await token("first"))).toBe("ok");
    await world.settle();
    world.state.nowMs = NOW_MS + 0.8 * CALLER_LEASE_MS;
    world.state.dbDown = true;
    const before = world.state.dbCalls;
    for (const jti of ["a", "b", "c"]) {
      expect(await world.code(await token(jti))).toBe("ok");
      await world.settle();
    }
    expect(world.state.dbCalls - before).toBe(1);
  });

  test("within the same millisecond replaces what was read before", async () => {
    const idp = await trustedIssuer();
    const world = isolate();
    const token = (jti: string) => idp.sign(goodClaims(idp.issuer, { sub: "workload-2", jti }));
    expect(await world.code(await token("before"))).toBe("forbidden");
    await storeRule(idp.issuerId, {
      projectId: idp.projectId,
      environment: "production",
      claims: { sub: "workload-2" },
    });
    expect(await world.code(await token("after"))).toBe("ok");
    const before = world.state.dbCalls;
    expect(await world.code(await token("again"))).toBe("ok");
    expect(world.state.dbCalls).toBe(before);
  });
});

describe("what is leased in KV", () => {
  test("is renewed there with each renewal, so that a fresh isolate finds a lease that holds", async () => {
    const idp = await trustedIssuer();
    const busy = isolate();
    const token = (jti: string) => idp.sign(goodClaims(idp.issuer, { jti }));
    expect(await busy.code(await token("a"))).toBe("ok");
    await busy.settle();
    busy.state.nowMs = NOW_MS + 0.8 * CALLER_LEASE_MS;
    expect(await busy.code(await token("b"))).toBe("ok");
    await busy.settle();
    const fresh = isolate(busy.kv);
    fresh.state.nowMs = NOW_MS + 1.8 * CALLER_LEASE_MS - 1;
    fresh.state.dbDown = true;
    expect(await fresh.code(await token("c"))).toBe("ok");
    fresh.state.nowMs += 1;
    expect(await fresh.code(await token("d"))).toBe("storage_unavailable");
  });

  test("by a machine whose clock is ahead is not believed: its lease would outlast ours", async () => {
    const idp = await trustedIssuer();
    const ahead = isolate();
    ahead.state.nowMs = NOW_MS + 1;
    const token = await idp.sign(goodClaims(idp.issuer));
    expect(await ahead.code(token)).toBe("ok");
    await ahead.settle();
    const world = isolate(ahead.kv);
    world.state.dbDown = true;
    expect(await world.code(token)).toBe("storage_unavailable");
    world.state.nowMs = NOW_MS + 1;
    expect(await world.code(token)).toBe("ok");
  });
});

test("a project is found by its slug from the lease, and one that was just created at once", async () => {
  const world = isolate();
  const directory = world.deps.directory();
  const slug = `slug-${crypto.randomUUID()}`;
  expect(await directory.projectId(slug)).toEqual({ ok: true, value: null });
  await d1Database(env.DB).run(
    sql(
      "INSERT INTO projects (id, slug, name, created_at_ms, updated_at_ms) VALUES (?, ?, 'x', 1, 1)",
      `prj_${slug}`,
      slug,
    ),
  );
  expect(await directory.projectId(slug)).toMatchObject({ ok: true, value: { value: `prj_${slug}`, current: true } });
  await world.settle();
  for (const other of [world, isolate(world.kv)]) {
    other.state.dbDown = true;
    const again = await other.deps.directory().projectId(slug);
    expect(again).toMatchObject({ ok: true, value: { value: `prj_${slug}`, current: false } });
    expect(await other.deps.directory().projectId(`not-${slug}`)).toMatchObject({ ok: false });
  }
});

test("a refused access token's reason tells the log apart what the caller sees as one", async () => {
  const world = isolate();
  const malformed = `vk_${"0".repeat(60)}`;
  expect(await refusal(world, malformed)).toEqual({ code: "unauthorized", reason: "malformed access token" });
  const unknown = (await mintAccessToken(keys, randomBytes)).token.expose();
  expect(await refusal(world, unknown)).toEqual({ code: "unauthorized", reason: "unknown access token" });
});
