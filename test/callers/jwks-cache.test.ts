import type { JWK } from "jose";
import { describe, expect, inject, test } from "vitest";
import { createCallerCaches } from "../../src/callers/caller-caches.ts";
import {
  COOL_DOWN_MS,
  FETCH_TIMEOUT_MS,
  fetchJwks,
  findIssuerKey,
  type JwksDeps,
  MAX_STALE_MS,
  REFRESH_AFTER_MS,
  UNKNOWN_KID_MS,
} from "../../src/callers/jwks-cache.ts";
import { parseJwks, selectKey } from "../../src/callers/jwks-keys.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { fail, ok } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import { createGuardedFetch, type GuardedFetch } from "../../src/outbound/guarded-fetch.ts";
import { NOW_MS, signer } from "./support.ts";

const first = await signer("ES256", "first");
const second = await signer("ES256", "second");

/** An issuer whose endpoint answers with `published`, and one isolate's view of it. */
function scene(options: { fetch?: GuardedFetch; fetchedAtMs?: number; jwksUri?: string } = {}) {
  const state = {
    nowMs: NOW_MS,
    fetches: 0,
    published: [first.publicJwk] as unknown[] | "down",
    saved: [] as number[],
    lines: [] as string[],
  };
  const deferred: Promise<unknown>[] = [];
  const endpoint: GuardedFetch = async () => {
    state.fetches++;
    const { published } = state;
    await scheduler.wait(30);
    if (published === "down") return fail("upstream_unreachable");
    const headers = new Headers({ "content-type": "application/jwk-set+json" });
    return ok({ status: 200, headers, body: utf8(JSON.stringify({ keys: published })) });
  };
  const deps: JwksDeps = {
    now: () => state.nowMs,
    fetch: options.fetch ?? endpoint,
    log: createLogger((line) => state.lines.push(line)),
    states: createCallerCaches().jwks,
    defer: (work) => void deferred.push(work),
    saveJwks: async (_, __, fetchedAtMs) => void state.saved.push(fetchedAtMs),
    sleep: (ms) => scheduler.wait(ms),
  };
  const issuer = {
    id: "iss_1",
    jwksUri: options.jwksUri ?? "https://idp.example.com/jwks",
    jwks: { keys: [first.publicJwk] },
    jwksFetchedAtMs: options.fetchedAtMs ?? NOW_MS,
  };
  return {
    state,
    issuer,
    deps,
    find: async (kid: string | null, alg = "ES256") => {
      const result = await findIssuerKey(issuer, alg, kid, deps);
      return result.ok ? (result.value.kid ?? "ok") : result.failure.code;
    },
    reason: async (kid: string | null, alg = "ES256") => {
      const result = await findIssuerKey(issuer, alg, kid, deps);
      return result.ok ? "ok" : result.failure.reason;
    },
    settle: async () => {
      while (deferred.length > 0) await deferred.shift();
    },
  };
}

describe("fetching", () => {
  test("a known key is served without any fetch", async () => {
    const { find, state } = scene();
    expect(await find("first")).toBe("first");
    expect(state.fetches).toBe(0);
  });

  test("B-14 200 requests with random key ids cause one fetch, and the known key goes on working", async () => {
    const { find, state } = scene();
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => find(crypto.randomUUID())));
    expect(new Set(outcomes)).toEqual(new Set(["token_key_unknown"]));
    expect(state.fetches).toBe(1);
    expect(await find("first")).toBe("first");
    expect(await find(crypto.randomUUID())).toBe("token_key_unknown");
    expect(state.fetches).toBe(1);
  });

  test("B-14 over real HTTP the endpoint sees one request of 200", async () => {
    const key = crypto.randomUUID();
    const body = encodeURIComponent(JSON.stringify({ keys: [second.publicJwk] }));
    const fetch = createGuardedFetch({ fetch: globalThis.fetch, policy: { ownHosts: [], allowLoopback: true } });
    const { find } = scene({ fetch, jwksUri: `${inject("hostileOrigin")}/json?key=${key}&body=${body}` });
    await Promise.all(Array.from({ length: 200 }, () => find(crypto.randomUUID())));
    expect(await find("second")).toBe("second");
    const count = await (await globalThis.fetch(`${inject("hostileOrigin")}/count?key=${key}`)).json();
    expect(count).toEqual({ count: 1 });
  });

  test.each(["huge", "html", "reset", "truncated", "status/500", "redirect/302", "gzip-bomb", "json?body=[]"])(
    "B-14 an endpoint that misbehaves (%s) leaves the known key working, and others unknown",
    async (behaviour) => {
      const fetch = createGuardedFetch({ fetch: globalThis.fetch, policy: { ownHosts: [], allowLoopback: true } });
      const { find, settle } = scene({ fetch, jwksUri: `${inject("hostileOrigin")}/${behaviour}` });
      expect(await find("second")).toBe("token_key_unknown");
      expect(await find("first")).toBe("first");
      await settle();
    },
  );

  test("B-14 while the issuer is down, a known key works and an unknown one is unknown, with one try per cool-down", async () => {
    const { find, state } = scene();
    state.published = "down";
    expect(await find("second")).toBe("token_key_unknown");
    expect(await find("third")).toBe("token_key_unknown");
    expect(await find("first")).toBe("first");
    expect(state.fetches).toBe(1);
    state.nowMs += COOL_DOWN_MS;
    state.published = [first.publicJwk, second.publicJwk];
    expect(await find("second")).toBe("second");
    expect(state.fetches).toBe(2);
  });

  test("a key that appears after a rotation is fetched for all who wait, and persisted", async () => {
    const { find, state, settle } = scene();
    state.published = [second.publicJwk];
    state.nowMs += 1000;
    expect(await Promise.all([find("second"), find("second"), find("second")])).toEqual(["second", "second", "second"]);
    await settle();
    expect(state).toMatchObject({ fetches: 1, saved: [NOW_MS + 1000] });
    expect(await find("first")).toBe("token_key_unknown");
  });

  test("an unknown key id is not asked for again after the cool-down, until the negative entry ends", async () => {
    const { find, state } = scene();
    state.nowMs += 1000;
    expect(await find("ghost")).toBe("token_key_unknown");
    state.nowMs += COOL_DOWN_MS;
    expect(await find("ghost")).toBe("token_key_unknown");
    expect(state.fetches).toBe(1);
    state.nowMs += UNKNOWN_KID_MS;
    expect(await find("ghost")).toBe("token_key_unknown");
    expect(state.fetches).toBe(2);
  });

  test("an old set is renewed in the background while it is served", async () => {
    const { find, state, settle } = scene();
    state.nowMs += REFRESH_AFTER_MS + 1;
    state.published = [second.publicJwk];
    expect(await Promise.all([find("first"), find("first")])).toEqual(["first", "first"]);
    await settle();
    expect(state.fetches).toBe(1);
    expect(await find("first")).toBe("token_key_unknown");
    expect(await find("second")).toBe("second");
  });

  test("keys that could not be renewed for a day are no longer believed", async () => {
    const { find, state, settle } = scene();
    state.published = "down";
    state.nowMs += MAX_STALE_MS;
    expect(await find("first")).toBe("first");
    await settle();
    state.nowMs += COOL_DOWN_MS + 1;
    expect(await find("first")).toBe("token_key_unknown");
    state.nowMs += COOL_DOWN_MS;
    state.published = [first.publicJwk];
    expect(await find("first")).toBe("first");
  });

  test("keys that the operator gave are never fetched and never grow stale", async () => {
    const { find, state } = scene({ jwksUri: "", fetchedAtMs: 0 });
    expect(await find("first")).toBe("first");
    expect(await find("second")).toBe("token_key_unknown");
    expect(state.fetches).toBe(0);
  });

  test("a slow older fetch does not bring back a set that another isolate's fetch has replaced", async () => {
    const { find, state, issuer, settle } = scene();
    state.published = [first.publicJwk];
    const slow = find("second");
    issuer.jwks = { keys: [second.publicJwk] };
    issuer.jwksFetchedAtMs = NOW_MS + 500;
    state.nowMs += 1000;
    expect(await find("second")).toBe("second");
    expect(await slow).toBe("second");
    await settle();
    expect(await find("first")).toBe("token_key_unknown");
    expect(state.saved).toEqual([]);
  });

  test("a fetch whose request died blocks nobody for longer than its time limit", async () => {
    const never: GuardedFetch = () => new Promise(() => {});
    const { deps, issuer, state } = scene({ fetch: never });
    void findIssuerKey(issuer, "ES256", "second", deps);
    state.nowMs += COOL_DOWN_MS;
    let fetches = 0;
    const answering: GuardedFetch = async () => {
      fetches++;
      return ok({
        status: 200,
        headers: new Headers({ "content-type": "application/json" }),
        body: utf8(JSON.stringify({ keys: [second.publicJwk] })),
      });
    };
    const result = await findIssuerKey(issuer, "ES256", "second", { ...deps, fetch: answering });
    expect([result.ok, fetches]).toEqual([true, 1]);
  });
});

describe("a key that is not found", () => {
  test("says whether the set lacks it, lacks any, or has it in a form that cannot be used", async () => {
    const { reason, state } = scene();
    expect(await reason("ghost")).toBe("kid=unknown");
    expect(await reason(null, "RS256")).toBe("kid=none");
    expect(await reason("first", "ES384")).toBe("key unusable");
    expect(state.fetches).toBe(1);
  });

  test("B-14 is not fetched for when the set has its id: a newer set would not make it usable", async () => {
    const { find, state } = scene();
    expect(await find("first", "ES384")).toBe("token_key_unknown");
    expect(state.fetches).toBe(0);
  });

  test("B-14 is remembered by algorithm where the token names no key", async () => {
    const { find, state } = scene();
    state.nowMs += 1000;
    expect(await find(null, "RS256")).toBe("token_key_unknown");
    state.nowMs += COOL_DOWN_MS;
    expect(await find(null, "RS256")).toBe("token_key_unknown");
    expect(state.fetches).toBe(1);
    expect(await find(null, "ES384")).toBe("token_key_unknown");
    expect(state.fetches).toBe(2);
  });

  test("because its issuer is down is told to the log, with the issuer and the cause", async () => {
    const { find, state } = scene();
    state.published = "down";
    await find("second");
    expect(state.lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "warn", event: "jwks_fetch_failed", issuerId: "iss_1", errorCode: "upstream_unreachable" },
    ]);
  });

  test("under a status other than 200 leaves the known set alone, whatever came with it", async () => {
    const refusing: GuardedFetch = async () => {
      const headers = new Headers({ "content-type": "application/json" });
      return ok({ status: 503, headers, body: utf8(JSON.stringify({ keys: [second.publicJwk] })) });
    };
    const { find, state } = scene({ fetch: refusing });
    expect(await find("second")).toBe("token_key_unknown");
    expect(await find("first")).toBe("first");
    expect(state.lines[0]).toContain("jwks status=503");
    expect(await fetchJwks("https://idp.example.com/jwks", refusing)).toMatchObject({
      failure: { code: "upstream_unreachable" },
    });
  });
});

describe("a fetch", () => {
  test("that was given up for lost and comes back after a later one changes nothing, and ends nobody's waiting", async () => {
    const answers: ((keys: JWK[]) => void)[] = [];
    const headers = new Headers({ "content-type": "application/json" });
    const held: GuardedFetch = () =>
      new Promise((resolve) => {
        answers.push((keys) => resolve(ok({ status: 200, headers, body: utf8(JSON.stringify({ keys })) })));
      });
    const { find, state } = scene({ fetch: held });
    const lost = find("second");
    state.nowMs += COOL_DOWN_MS;
    const later = find("second");
    expect(answers.length).toBe(2);
    answers[0]?.([first.publicJwk]);
    expect(await lost).toBe("token_key_unknown");
    // The later one is still under way, so nobody starts a third.
    const waiting = find("second");
    answers[1]?.([second.publicJwk]);
    expect(await Promise.all([later, waiting])).toEqual(["second", "second"]);
    expect(answers.length).toBe(2);
    expect(state.saved.length).toBe(1);
  });

  test("is waited for by others as long as it may take, and not longer", async () => {
    const never: GuardedFetch = () => new Promise(() => {});
    const { deps, issuer, state } = scene({ fetch: never });
    void findIssuerKey(issuer, "ES256", "second", deps);
    let waitedMs = 0;
    const sleep = async (ms: number) => {
      waitedMs += ms;
    };
    // Long under way, but not yet lost.
    state.nowMs += FETCH_TIMEOUT_MS;
    const result = await findIssuerKey(issuer, "ES256", "second", { ...deps, sleep });
    expect([result.ok, waitedMs]).toEqual([false, FETCH_TIMEOUT_MS]);
  });

  test("outlives the caller that started it", async () => {
    const { find, settle, state } = scene();
    state.nowMs += 1000;
    state.published = [second.publicJwk];
    void find("second");
    await settle();
    expect(state.saved).toEqual([NOW_MS + 1000]);
  });
});

describe("hostile key sets", () => {
  const rsa = (bits: number): JWK => {
    const modulus = new Uint8Array(bits / 8).fill(0xff);
    const n = btoa(String.fromCharCode(...modulus))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
    return { kty: "RSA", kid: "r", n, e: "AQAB" };
  };

  test.each<[string, unknown[], string]>([
    ["a duplicate kid", [first.publicJwk, { ...second.publicJwk, kid: "first" }], "ES256"],
    ["a private key", [{ ...first.publicJwk, d: first.privateJwk.d }], "ES256"],
    ["an encryption key", [{ ...first.publicJwk, use: "enc" }], "ES256"],
    ["a key for signing only", [{ ...first.publicJwk, key_ops: ["sign"] }], "ES256"],
    ["a key of another algorithm", [{ ...first.publicJwk, alg: "ES384" }], "ES256"],
    ["a key of another curve", [{ ...first.publicJwk, crv: "P-384", alg: undefined }], "ES256"],
    ["a key of another type", [{ ...rsa(2048), kid: "first" }], "ES256"],
    ["a symmetric key", [{ kty: "oct", kid: "first", k: "AAAA" }], "HS256"],
    ["RSA of 1024 bits", [{ ...rsa(1024), kid: "first" }], "RS256"],
    ["RSA of 2040 bits", [{ ...rsa(2040), kid: "first" }], "RS256"],
    ["RSA of 16384 bits", [{ ...rsa(16384), kid: "first" }], "RS256"],
    ["RSA with exponent 1", [{ ...rsa(2048), kid: "first", e: "AQ" }], "RS256"],
    ["RSA with an even exponent", [{ ...rsa(2048), kid: "first", e: "AQAA" }], "RS256"],
    ["RSA without a modulus", [{ kty: "RSA", kid: "first", e: "AQAB" }], "RS256"],
    ["RSA without an exponent", [{ ...rsa(2048), kid: "first", e: undefined }], "RS256"],
    ["RSA whose modulus is no base64url", [{ ...rsa(2048), kid: "first", n: "+/=" }], "RS256"],
    ["RSA whose exponent is no base64url", [{ ...rsa(2048), kid: "first", e: "+/=" }], "RS256"],
    ["things that are no keys", [null, 1, "key", [], { kid: "first" }], "ES256"],
  ])("B-15 %s is unusable, and no other failure than an unknown key", async (_, keys, alg) => {
    const { find, state } = scene();
    state.published = keys;
    state.nowMs += 1000;
    await find("trigger a fetch");
    expect(await find("first", alg)).toBe("token_key_unknown");
  });

  test("RSA of 2048 bits and up to 8192 is used", () => {
    for (const bits of [2048, 4096, 8192]) {
      expect(selectKey({ keys: [rsa(bits)] }, "RS256", "r").kind).toBe("key");
    }
  });

  test("a token without kid is ambiguous when two keys fit", () => {
    const keys = [first.publicJwk, second.publicJwk];
    expect(selectKey({ keys }, "ES256", null).kind).toBe("unusable");
    expect(selectKey({ keys: [first.publicJwk, rsa(2048)] }, "ES256", null).kind).toBe("key");
    expect(selectKey({ keys: [rsa(2048)] }, "ES256", null)).toEqual({ kind: "unknown" });
    expect(selectKey({ keys }, "ES256", "third")).toEqual({ kind: "unknown" });
  });

  test("B-15 a private member never survives reading, so it is never stored", () => {
    const set = parseJwks({
      keys: [{ ...first.publicJwk, d: "secret" }, { ...second.publicJwk, x5c: ["MIIB"] }, null, "a text"],
    });
    expect(set.ok && set.value).toEqual({ keys: [second.publicJwk] });
  });

  test.each<[string, unknown]>([
    ["101 keys", { keys: Array.from({ length: 101 }, () => first.publicJwk) }],
    ["no keys member", {}],
    ["keys that are no list", { keys: {} }],
    ["a list", []],
    ["null", null],
  ])("B-15 %s is no key set", (_, value) => {
    const result = parseJwks(value);
    expect(result.ok ? "ok" : result.failure.code).toBe("upstream_invalid_response");
  });
});
