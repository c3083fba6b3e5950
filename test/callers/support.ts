import { env } from "cloudflare:workers";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { type AuthenticateDeps, authenticate } from "../../src/callers/authenticate.ts";
import { createCallerCaches } from "../../src/callers/caller-caches.ts";
import { createCallerDirectory } from "../../src/callers/caller-directory.ts";
import type { ClaimValue, IssuerRecord } from "../../src/callers/issuer-record.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { loadKeyRing } from "../../src/crypto/key-ring.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { ApiError, fail, ok, unwrap } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import type { GuardedFetch } from "../../src/outbound/guarded-fetch.ts";
import { type Database, d1Database, sql } from "../../src/store/database.ts";
import type { LeaseStore } from "../../src/store/lease-store.ts";

export const NOW_MS = Date.UTC(2026, 10, 20, 12);
export const AUDIENCE = "https://connect.example.com";
export const keys = unwrap(await loadKeyRing(env.MASTER_KEYS));

/** Somebody with a key pair who signs JWTs, honestly or not. */
export async function signer(alg = "ES256", kid = `kid-${crypto.randomUUID()}`) {
  const pair = await generateKeyPair(alg, { extractable: true });
  const publicJwk: JWK = { ...(await exportJWK(pair.publicKey)), kid, alg, use: "sig" };
  return {
    kid,
    publicJwk,
    privateJwk: await exportJWK(pair.privateKey),
    /** A token of exactly these claims; `header` replaces or removes (undefined) parameters. */
    sign: (claims: JWTPayload, header: Record<string, unknown> = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid, typ: "JWT", ...header }).sign(pair.privateKey),
  };
}

/** Claims that pass, issued just now; override with what the test is about. */
export function goodClaims(iss: string, overrides: Record<string, unknown> = {}, nowMs = NOW_MS): JWTPayload {
  const iat = nowMs / 1000;
  return { iss, aud: AUDIENCE, sub: "workload-1", iat, exp: iat + 300, ...overrides };
}

export function without(claims: JWTPayload, name: string): JWTPayload {
  return Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
}

/** base64url of JSON, for tokens that no library would make. */
export function segment(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const binary = String.fromCharCode(...utf8(text));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The same bytes under another spelling of the signature: its last character differs in bits that decode to nothing. */
export function malleate(token: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.slice(-1)) + 1];
}

export interface StoredIssuer extends Partial<Omit<IssuerRecord, "id" | "issuer">> {
  issuer: string;
  keys: JWK[];
}

/** One isolate over the shared D1 and an own KV: everything that a request may touch is counted and can be taken away. */
export function isolate(kv = new Map<string, string>()) {
  const state = { nowMs: NOW_MS, dbDown: false, dbCalls: 0, kvReads: 0, fetches: [] as string[] };
  const jwks = new Map<string, JWK[] | "down">();
  const deferred: Promise<unknown>[] = [];
  const defer = (work: Promise<unknown>) => void deferred.push(work);
  const now = () => state.nowMs;
  const db = counted(d1Database(env.DB), state);
  const leases: LeaseStore = {
    get: async (names) => {
      state.kvReads++;
      return names.map((name) => kv.get(name) ?? null);
    },
    put: async (name, value) => void kv.set(name, value),
  };
  const fetch: GuardedFetch = async ({ url }) => {
    state.fetches.push(url);
    await scheduler.wait(5);
    const set = jwks.get(url) ?? "down";
    if (set === "down") return fail("upstream_unreachable");
    const body = utf8(JSON.stringify({ keys: set }));
    return ok({ status: 200, headers: new Headers({ "content-type": "application/json" }), body });
  };
  const lines: string[] = [];
  const callerCaches = createCallerCaches();
  const own: { keys: JWK[] } = { keys: [] };
  const deps: AuthenticateDeps = {
    settings: { publicOrigin: env.PUBLIC_ORIGIN },
    now,
    keys,
    fetch,
    log: createLogger((line) => lines.push(line)),
    callerCaches,
    directory: () => createCallerDirectory({ db, leases, keys, now, randomBytes, defer, callerCaches }),
    ownIssuer: { publicKeys: async () => own },
    defer,
  };
  return {
    state,
    kv,
    jwks,
    own,
    deps,
    /** Waits for all deferred work, and for what that defers. */
    async settle() {
      while (deferred.length > 0) await deferred.shift();
    },
    async call(token: string) {
      return authenticate(new Headers({ authorization: `Bearer ${token}` }), deps);
    },
    /** The failure's code, or "ok". */
    async code(token: string) {
      const result = await authenticate(new Headers({ authorization: `Bearer ${token}` }), deps);
      return result.ok ? "ok" : result.failure.code;
    },
  };
}

function counted(db: Database, state: { dbDown: boolean; dbCalls: number }): Database {
  const through = <T>(work: () => Promise<T>): Promise<T> => {
    state.dbCalls++;
    return state.dbDown ? Promise.reject(new ApiError("storage_unavailable")) : work();
  };
  return {
    first: (statement) => through(() => db.first(statement)),
    all: (statement) => through(() => db.all(statement)),
    run: (statement) => through(() => db.run(statement)),
    batch: (statements) => through(() => db.batch(statements)),
  };
}

const store = d1Database(env.DB);

export async function storeIssuer(issuer: StoredIssuer): Promise<string> {
  const id = `iss_${crypto.randomUUID()}`;
  await store.run(
    sql(
      `INSERT INTO issuers (id, issuer, audience, selector_claim, algorithms, max_token_age_ms, one_time_tokens,
         jwks_uri, jwks, jwks_fetched_at_ms, created_at_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?)`,
      id,
      issuer.issuer,
      issuer.audience ?? AUDIENCE,
      issuer.selectorClaim ?? "sub",
      JSON.stringify(issuer.algorithms ?? ["ES256"]),
      issuer.maxTokenAgeMs ?? 15 * 60_000,
      issuer.oneTimeTokens ? 1 : 0,
      issuer.jwksUri ?? `${issuer.issuer}/jwks`,
      JSON.stringify({ keys: issuer.keys }),
      issuer.jwksFetchedAtMs ?? NOW_MS,
      NOW_MS,
    ),
  );
  return id;
}

/** A project with a fresh id. */
export async function storeProject(): Promise<string> {
  const id = `prj_${crypto.randomUUID()}`;
  await store.run(
    sql(`INSERT INTO projects (id, slug, name, created_at_ms, updated_at_ms) VALUES (?1, ?1, ?1, ?2, ?2)`, id, NOW_MS),
  );
  return id;
}

export async function storeRule(
  issuerId: string,
  rule: { projectId: string; environment: string; claims: Record<string, ClaimValue>; selector?: ClaimValue },
): Promise<string> {
  const id = `idn_${crypto.randomUUID()}`;
  const selector = rule.selector ?? rule.claims.sub ?? "";
  await store.run(
    sql(
      `INSERT INTO identities (id, issuer_id, selector_value, project_id, environment, claims, created_at_ms)
       VALUES (?,?,?,?,?,?,?)`,
      id,
      issuerId,
      JSON.stringify(selector),
      rule.projectId,
      rule.environment,
      JSON.stringify(rule.claims),
      NOW_MS,
    ),
  );
  return id;
}

/** An access token that nobody can present; `role` developer of the whole team unless said otherwise. */
export async function storeAccessToken(
  id: string,
  row: { role?: string; projectId?: string; environment?: string; userId?: string; expiresAtMs?: number } = {},
): Promise<void> {
  await store.run(
    sql(
      `INSERT OR REPLACE INTO access_tokens
         (id, name, role, project_id, environment, user_id, secret_mac, secret_mac_kid, created_at_ms, expires_at_ms)
       VALUES (?,?,?,?,?,?,?,?,?,?)`,
      id,
      "test",
      row.role ?? "developer",
      row.projectId ?? null,
      row.environment ?? null,
      row.userId ?? null,
      "mac",
      keys.primaryKid,
      NOW_MS,
      row.expiresAtMs ?? null,
    ),
  );
}

export async function deleteRow(table: "identities" | "issuers" | "access_tokens", id: string): Promise<void> {
  await store.run(sql(`DELETE FROM ${table} WHERE id = ?1`, id));
}

/** An issuer with one rule: `sub` "workload-1" is production of a project of its own. */
export async function trustedIssuer(options: Partial<StoredIssuer> & { alg?: string } = {}) {
  const key = await signer(options.alg ?? "ES256");
  const issuer = options.issuer ?? `https://idp-${crypto.randomUUID()}.example.com`;
  const issuerId = await storeIssuer({ keys: [key.publicJwk], ...options, issuer });
  const projectId = await storeProject();
  const ruleId = await storeRule(issuerId, {
    projectId,
    environment: "production",
    claims: { sub: "workload-1" },
  });
  return { ...key, issuer, issuerId, projectId, ruleId, jwksUri: `${issuer}/jwks` };
}
