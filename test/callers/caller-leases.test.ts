import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { mintAccessToken } from "../../src/callers/access-token.ts";
import { CALLER_LEASE_MS } from "../../src/callers/caller-leases.ts";
import { hex } from "../../src/crypto/bytes.ts";
import { sha256 } from "../../src/crypto/digest.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { d1Database, sql } from "../../src/store/database.ts";
import {
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

async function storedToken(overrides: { projectId?: string; expiresAtMs?: number } = {}) {
  const minted = await mintAccessToken(keys, randomBytes);
  await d1Database(env.DB).run(
    sql(
      `INSERT INTO access_tokens (id, name, role, project_id, environment, user_id, secret_mac, secret_mac_kid,
         created_at_ms, expires_at_ms) VALUES (?, 'ci', 'developer', ?, NULL, NULL, ?, ?, ?, ?)`,
      minted.id,
      overrides.projectId ?? null,
      minted.mac,
      minted.kid,
      NOW_MS,
      overrides.expiresAtMs ?? null,
    ),
  );
  return { id: minted.id, text: minted.token.expose() };
}

describe("what authentication costs", () => {
  test("the same token again costs nothing, and a second token of the workload no look-up", async () => {
    const idp = await trustedIssuer();
    const { code, state, settle } = isolate();
    const token = await idp.sign(goodClaims(idp.issuer));
    expect(await code(token)).toBe("ok");
    await settle();
    const before = { ...state };
    expect(await code(token)).toBe("ok");
    expect(await code(await idp.sign(goodClaims(idp.issuer, { jti: "second" })))).toBe("ok");
    expect(state).toEqual(before);
  });

  test("a fresh isolate over a warm KV needs one KV read and no database", async () => {
    const idp = await trustedIssuer();
    const one = isolate();
    const token = await idp.sign(goodClaims(idp.issuer));
    await one.code(token);
    await one.settle();
    const two = isolate(one.kv);
    two.state.dbDown = true;
    expect(await two.code(token)).toBe("ok");
    expect(two.state).toMatchObject({ kvReads: 1, dbCalls: 0, fetches: [] });
  });

  test("five hundred workloads that meet a cold isolate at once cost one look-up", async () => {
    const idp = await trustedIssuer();
    const tokens = await Promise.all(
      Array.from({ length: 500 }, (_, index) => idp.sign(goodClaims(idp.issuer, { jti: `job-${index}` }))),
    );
    const { code, state } = isolate();
    expect(new Set(await Promise.all(tokens.map(code)))).toEqual(new Set(["ok"]));
    expect(state).toMatchObject({ kvReads: 1, dbCalls: 1 });
  });

  test("garbage in a known issuer's name costs no look-up", async () => {
    const idp = await trustedIssuer();
    const mallory = await signer("ES256", idp.kid);
    const { code, state, settle } = isolate();
    await code(await idp.sign(goodClaims(idp.issuer)));
    await settle();
    const before = { ...state };
    for (let index = 0; index < 5; index++) {
      const token = await mallory.sign(goodClaims(idp.issuer, { sub: `victim-${index}` }));
      expect(await code(token)).toBe("token_signature_invalid");
    }
    expect(state).toEqual(before);
  });

  test("an issuer with very many rules is looked up by selector value", async () => {
    const key = await signer();
    const issuer = `https://idp-${crypto.randomUUID()}.example.com`;
    const issuerId = await storeIssuer({ issuer, keys: [key.publicJwk] });
    const projectId = await storeProject();
    const subjects = Array.from({ length: 201 }, (_, index) => `workload-${index}`);
    for (const sub of subjects) await storeRule(issuerId, { projectId, environment: "preview", claims: { sub } });
    const one = isolate();
    for (const sub of ["workload-0", "workload-200"]) {
      expect(await one.code(await key.sign(goodClaims(issuer, { sub })))).toBe("ok");
    }
    expect(await one.code(await key.sign(goodClaims(issuer, { sub: "workload-201" })))).toBe("forbidden");
    await one.settle();
    const two = isolate(one.kv);
    two.state.dbDown = true;
    expect(await two.code(await key.sign(goodClaims(issuer, { sub: "workload-200" })))).toBe("ok");
  });
});

describe("leases", () => {
  test("a deleted rule stops working when the lease ends, however often the token was used and renewed", async () => {
    const idp = await trustedIssuer();
    const { code, state, settle } = isolate();
    const token = await idp.sign(goodClaims(idp.issuer));
    expect(await code(token)).toBe("ok");
    await settle();
    await deleteRow("identities", idp.ruleId);
    for (let second = 1; second < CALLER_LEASE_MS / 1000; second += 7) {
      state.nowMs = NOW_MS + second * 1000;
      await code(token);
      await settle();
    }
    state.nowMs = NOW_MS + CALLER_LEASE_MS;
    expect(await code(token)).toBe("forbidden");
    expect(await code(await idp.sign(goodClaims(idp.issuer, { jti: "x" })))).toBe("forbidden");
  });

  test("KV that goes on serving the deleted rule changes nothing: its lease is over too", async () => {
    const idp = await trustedIssuer();
    const one = isolate();
    const token = await idp.sign(goodClaims(idp.issuer));
    await one.code(token);
    await one.settle();
    const stale = new Map(one.kv);
    await deleteRow("issuers", idp.issuerId);
    const two = isolate(stale);
    two.state.nowMs = NOW_MS + CALLER_LEASE_MS - 1;
    expect(await two.code(token)).toBe("ok");
    two.state.nowMs = NOW_MS + CALLER_LEASE_MS;
    expect(await two.code(token)).toBe("issuer_not_trusted");
  });

  test("an isolate that took its copy late inherits the end of the lease, it does not start a new one", async () => {
    const idp = await trustedIssuer();
    const one = isolate();
    await one.code(await idp.sign(goodClaims(idp.issuer)));
    await one.settle();
    const two = isolate(new Map(one.kv));
    two.state.nowMs = NOW_MS + CALLER_LEASE_MS - 1000;
    two.state.dbDown = true;
    const token = await idp.sign(goodClaims(idp.issuer, { jti: "late" }));
    expect(await two.code(token)).toBe("ok");
    two.state.nowMs = NOW_MS + CALLER_LEASE_MS;
    expect(await two.code(token)).toBe("storage_unavailable");
  });

  test("a rule that was just created works at once, though its absence was leased", async () => {
    const idp = await trustedIssuer();
    const { code, settle } = isolate();
    await code(await idp.sign(goodClaims(idp.issuer)));
    await settle();
    const token = await idp.sign(goodClaims(idp.issuer, { sub: "newcomer" }));
    expect(await code(token)).toBe("forbidden");
    await storeRule(idp.issuerId, { projectId: idp.projectId, environment: "preview", claims: { sub: "newcomer" } });
    expect(await code(token)).toBe("ok");
  });

  test("refusing a genuine workload again and again asks the database, but does not write KV each time", async () => {
    const idp = await trustedIssuer();
    const { code, kv, state, settle } = isolate();
    const token = await idp.sign(goodClaims(idp.issuer, { sub: "nobody" }));
    await code(token);
    await settle();
    kv.clear();
    const { dbCalls } = state;
    for (let index = 0; index < 5; index++) expect(await code(token)).toBe("forbidden");
    await settle();
    expect([state.dbCalls - dbCalls, kv.size]).toEqual([5, 0]);
    await deleteRow("identities", idp.ruleId);
    await code(token);
    await settle();
    expect(kv.size).toBe(1);
  });

  test("an issuer that was just registered works at once, though it was unknown a moment ago", async () => {
    const key = await signer();
    const issuer = `https://idp-${crypto.randomUUID()}.example.com`;
    const { code } = isolate();
    const token = await key.sign(goodClaims(issuer));
    expect(await code(token)).toBe("issuer_not_trusted");
    await trustedIssuer({ issuer, keys: [key.publicJwk] });
    expect(await code(token)).toBe("ok");
  });

  test("while the database is down, leases hold until they end; what nobody leased is unavailable, not refused", async () => {
    const idp = await trustedIssuer();
    const { code, state, settle } = isolate();
    await code(await idp.sign(goodClaims(idp.issuer)));
    await settle();
    state.dbDown = true;
    state.nowMs = NOW_MS + CALLER_LEASE_MS - 1;
    const token = await idp.sign(goodClaims(idp.issuer, { jti: "other" }));
    expect(await code(token)).toBe("ok");
    await settle();
    state.nowMs = NOW_MS + CALLER_LEASE_MS;
    expect(await code(token)).toBe("storage_unavailable");
    expect(await code(await idp.sign(goodClaims("https://unknown.example.com")))).toBe("storage_unavailable");
  });

  test("a busy isolate renews in the background: no request ever waits for the database again", async () => {
    const idp = await trustedIssuer();
    const { code, state, settle } = isolate();
    const token = await idp.sign(goodClaims(idp.issuer, { exp: NOW_MS / 1000 + 3600 }));
    await code(token);
    await settle();
    for (let second = 1; second < 300; second += 3) {
      state.nowMs = NOW_MS + second * 1000;
      const { kvReads } = state;
      expect(await code(token)).toBe("ok");
      expect(state.kvReads).toBe(kvReads);
      await settle();
    }
    expect(state.dbCalls).toBeLessThan(12);
  });

  test("a remembered token does not outlive its own expiry", async () => {
    const idp = await trustedIssuer();
    const { code, state, settle } = isolate();
    const token = await idp.sign(goodClaims(idp.issuer, { exp: NOW_MS / 1000 + 5 }));
    expect(await code(token)).toBe("ok");
    await settle();
    state.nowMs += 36_000;
    expect(await code(token)).toBe("token_expired");
  });

  test("KV values cannot be moved to another key, altered or read", async () => {
    const [a, b] = [await trustedIssuer(), await trustedIssuer()];
    const one = isolate();
    await one.code(await a.sign(goodClaims(a.issuer)));
    await one.settle();
    const [keyA = ""] = one.kv.keys();
    await one.code(await b.sign(goodClaims(b.issuer)));
    await one.settle();
    const [, keyB = ""] = one.kv.keys();
    const text = JSON.stringify([...one.kv]);
    for (const part of [a.issuer, a.projectId, "workload-1"]) expect(text).not.toContain(part);

    const swapped = isolate(new Map([[keyB, one.kv.get(keyA) ?? ""]]));
    const result = await swapped.call(await b.sign(goodClaims(b.issuer)));
    expect(result).toMatchObject({ ok: true, value: { projectId: b.projectId } });
    expect(swapped.state.dbCalls).toBe(1);
    const garbage = isolate(new Map([[keyA, "not an envelope"]]));
    expect(await garbage.code(await a.sign(goodClaims(a.issuer)))).toBe("ok");
  });
});

describe("access tokens", () => {
  test("B-18 the genuine token is its row's caller; wrong secret, unknown id and malformed are alike", async () => {
    const projectId = await storeProject();
    const token = await storedToken({ projectId });
    const other = await mintAccessToken(keys, randomBytes);
    const { call, code } = isolate();
    expect(await call(token.text)).toEqual({
      ok: true,
      value: { kind: "access-token", tokenId: token.id, role: "developer", projectId, environment: null, userId: null },
    });
    expect(await code(other.token.expose())).toBe("unauthorized");
    expect(await code("vk_nonsense")).toBe("unauthorized");
    expect(await code(`${token.text}x`)).toBe("unauthorized");
  });

  test("B-18 a leased row still checks the secret on every request", async () => {
    const token = await storedToken();
    const { code, settle } = isolate();
    expect(await code(token.text)).toBe("ok");
    await settle();
    const forged = await forge(token.id);
    expect(await code(forged)).toBe("unauthorized");
  });

  test("an expired token says so, exactly from its time on", async () => {
    const token = await storedToken({ expiresAtMs: NOW_MS + 1000 });
    const { code, state } = isolate();
    state.nowMs = NOW_MS + 999;
    expect(await code(token.text)).toBe("ok");
    state.nowMs = NOW_MS + 1000;
    expect(await code(token.text)).toBe("token_expired");
  });

  test("a deleted token stops working when its lease ends, and one just created works at once", async () => {
    const token = await storedToken();
    const { code, state, settle } = isolate();
    expect(await code(token.text)).toBe("ok");
    await settle();
    await deleteRow("access_tokens", token.id);
    state.nowMs = NOW_MS + CALLER_LEASE_MS;
    expect(await code(token.text)).toBe("unauthorized");
  });

  test("a fresh isolate over a warm KV needs no database for an access token either", async () => {
    const token = await storedToken();
    const one = isolate();
    await one.code(token.text);
    await one.settle();
    const two = isolate(one.kv);
    two.state.dbDown = true;
    expect(await two.code(token.text)).toBe("ok");
    expect(two.state).toMatchObject({ kvReads: 1, dbCalls: 0 });
  });

  /** A well-formed token of that id with somebody else's secret. */
  async function forge(id: string): Promise<string> {
    const body = `vk_${id}_${"A".repeat(43)}`;
    return `${body}_${hex(await sha256(body)).slice(0, 6)}`;
  }
});
