import { env } from "cloudflare:workers";
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { signJwt } from "../../src/crypto/signing-key.ts";
import { ApiError } from "../../src/errors.ts";
import { runtimeEndpoint } from "../../src/http/endpoint.ts";
import { KEYS_FRESH_MS, KEYS_STALE_MS, LEAD_MS, OVERLAP_MS } from "../../src/issuer/key-schedule.ts";
import { currentSigner } from "../../src/issuer/signing-keys.ts";
import type { Services } from "../../src/services.ts";
import { housekeeper, round } from "../housekeeping/support.ts";
import { accessToken, apiOf, project, setUp } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { type TestServices, testServices } from "../support/services.ts";

const ORIGIN = env.PUBLIC_ORIGIN;
const HOUR_MS = 3_600_000;
const whoAmI = runtimeEndpoint({ handle: async ({ caller }) => ({ status: 200, body: caller }) });

describe("rotation of our own issuer's keys", () => {
  let owner: string;
  let shop: string;

  /** An isolate with a memory of its own. */
  async function isolate(replaced: Partial<Services> = {}) {
    const services: TestServices = await testServices({ now: clock.now, ...replaced });
    const api = apiOf(services);
    const app = createApp(services, [["GET", "/who", whoAmI]]);
    return {
      services,
      api,
      issue: async (body?: object): Promise<string> =>
        (await api.post(`/v1/projects/${shop}/token`, body, owner)).body.token,
      /** 200, or the code of the refusal. */
      async accepts(token: string): Promise<unknown> {
        const headers = { authorization: `Bearer ${token}` };
        const response = await app.fetch(new Request(`${ORIGIN}/who`, { headers }), () => {});
        if (response.status === 200) return 200;
        return (await response.json<{ error: { code: string } }>()).error.code;
      },
      jwks: async (): Promise<JSONWebKeySet> => (await api.get("/.well-known/jwks.json")).body,
      keys: async () => (await api.get("/v1/issuer/keys", owner)).body.keys,
    };
  }
  const kidOf = (token: string) => decodeProtectedHeader(token).kid;
  const publishedKids = ({ keys }: JSONWebKeySet) => keys.map(({ kid }) => kid).sort();

  beforeAll(async () => {
    clock.reset();
    const { api } = await isolate();
    ({ owner } = await setUp(api));
    shop = await project(api, owner, "shop");
  });
  beforeEach(async () => {
    clock.reset();
    await env.DB.exec("DELETE FROM issuer_keys");
  });

  test("the next key is published at once, signs a day later, and ends the first one then", async () => {
    const here = await isolate();
    const old = kidOf(await here.issue());
    const createdAtMs = clock.now();
    const created = await here.api.post("/v1/issuer/keys", undefined, owner);
    expect([created.status, created.body.status]).toEqual([201, "pending"]);
    expect(created.body.notBefore - createdAtMs).toBeGreaterThanOrEqual(24 * HOUR_MS);
    expect(publishedKids(await here.jwks())).toEqual([old, created.body.kid].sort());
    expect((await here.api.get("/.well-known/jwks.json")).headers.get("cache-control")).toBe("public, max-age=300");

    clock.advance(LEAD_MS - 5000);
    expect(kidOf(await here.issue())).toBe(old);
    const lastOfOld = await here.issue();
    clock.advance(10_000);
    const firstOfNew = await here.issue();
    expect(kidOf(firstOfNew)).toBe(created.body.kid);
    expect((await here.keys()).map(({ kid, status }: { kid: string; status: string }) => [kid, status])).toEqual([
      [created.body.kid, "signing"],
      [old, "retired"],
    ]);
    for (const token of [lastOfOld, firstOfNew]) {
      expect(await here.accepts(token)).toBe(200);
      await jwtVerify(token, createLocalJWKSet(await here.jwks()), { currentDate: new Date(clock.now()) });
    }
  });

  test("a token of the old key is good to its last second, and refused once the key is gone", async () => {
    const here = await isolate();
    await here.issue();
    const { body: next } = await here.api.post("/v1/issuer/keys", undefined, owner);
    clock.advance(LEAD_MS - 5000);
    const token = await here.issue();
    expect(kidOf(token)).not.toBe(next.kid);
    clock.advance(12 * HOUR_MS - 1000);
    expect(await (await isolate()).accepts(token)).toBe(200);

    clock.advance(OVERLAP_MS);
    expect(publishedKids(await here.jwks())).toEqual([next.kid]);
    expect(await (await isolate()).accepts(token)).toBe("token_key_unknown");
  });

  test("the Housekeeper deletes a retired key when nobody can need it, and not before", async () => {
    const here = await isolate();
    const old = kidOf(await here.issue());
    const { body: next } = await here.api.post("/v1/issuer/keys", undefined, owner);
    const stored = async () => {
      const { results } = await env.DB.prepare("SELECT kid FROM issuer_keys ORDER BY kid").all<{ kid: string }>();
      return results.map(({ kid }) => kid);
    };
    clock.advance(LEAD_MS + OVERLAP_MS - HOUR_MS);
    await housekeeper().nudge();
    await round();
    expect(await stored()).toEqual([old, next.kid].sort());
    clock.advance(2 * HOUR_MS);
    await housekeeper().nudge();
    await round();
    expect(await stored()).toEqual([next.kid]);
  });

  test("an isolate that remembers the keys signs with the new one as soon as it begins", async () => {
    const here = await isolate();
    await here.issue();
    const { body: next } = await here.api.post("/v1/issuer/keys", undefined, owner);
    clock.advance(LEAD_MS - 20_000);
    await here.issue();
    clock.advance(21_000);
    expect(kidOf(await here.issue())).toBe(next.kid);
  });

  test("a second next key is refused until the first has begun, also when both are asked for at once", async () => {
    const isolates = await Promise.all(Array.from({ length: 5 }, () => isolate()));
    const answers = await Promise.all(isolates.map(({ api }) => api.post("/v1/issuer/keys", undefined, owner)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
    const [here] = isolates;
    expect(await here?.keys()).toHaveLength(2);
    clock.advance(LEAD_MS + 1000);
    expect((await here?.api.post("/v1/issuer/keys", undefined, owner))?.status).toBe(201);
  });

  test("dropping the signing key lets the next one sign at once, and ends the dropped one's tokens", async () => {
    const here = await isolate();
    const there = await isolate();
    const stolen = await here.issue();
    expect(await there.accepts(stolen)).toBe(200);
    expect(await here.accepts(stolen)).toBe(200);
    const { body: next } = await here.api.post("/v1/issuer/keys", undefined, owner);
    const dropped = await here.api.delete(`/v1/issuer/keys/${kidOf(stolen)}`, owner);
    expect(dropped.status).toBe(204);
    expect(await here.accepts(stolen)).toBe("token_key_unknown");
    expect(publishedKids(await here.jwks())).toEqual([next.kid]);
    expect(kidOf(await here.issue())).toBe(next.kid);
    // Elsewhere it takes the time that the answer says, at most.
    const effectiveBy = Number(dropped.headers.get("valetkey-effective-by"));
    clock.advance(effectiveBy - clock.now());
    expect(await there.accepts(stolen)).toBe("token_key_unknown");
    expect(kidOf(await there.issue())).toBe(next.kid);
  });

  test("the only key that could sign is not dropped, by one owner or by two at once", async () => {
    const here = await isolate();
    const only = kidOf(await here.issue()) ?? "";
    const refused = await here.api.delete(`/v1/issuer/keys/${only}`, owner);
    expect([refused.status, refused.body.error.code]).toEqual([409, "conflict"]);
    const { body: next } = await here.api.post("/v1/issuer/keys", undefined, owner);
    const other = await isolate();
    const both = await Promise.all([
      here.api.delete(`/v1/issuer/keys/${only}`, owner),
      other.api.delete(`/v1/issuer/keys/${next.kid}`, owner),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([204, 409]);
    const left = await (await isolate()).keys();
    expect(left.map(({ status }: { status: string }) => status)).toEqual(["signing"]);
  });

  test("dropping a key before it begins leaves the present one in office for good", async () => {
    const here = await isolate();
    const old = kidOf(await here.issue());
    const { body: next } = await here.api.post("/v1/issuer/keys", undefined, owner);
    expect((await here.api.delete(`/v1/issuer/keys/${next.kid}`, owner)).status).toBe(204);
    clock.advance(LEAD_MS + OVERLAP_MS);
    expect(kidOf(await here.issue())).toBe(old);
    expect(await here.keys()).toEqual([expect.objectContaining({ kid: old, status: "signing", retiredAt: null })]);
    expect((await here.api.delete(`/v1/issuer/keys/${next.kid}`, owner)).status).toBe(404);
  });

  test("while the database is away, known keys serve on for minutes and not for ever", async () => {
    let down = false;
    const plain = await testServices();
    const guarded = <Args extends unknown[], Out>(call: (...args: Args) => Promise<Out>) => {
      return async (...args: Args) => {
        if (down) throw new ApiError("storage_unavailable");
        return call(...args);
      };
    };
    const { first, all, run, batch } = plain.db;
    const db = { first: guarded(first), all: guarded(all), run: guarded(run), batch: guarded(batch) } as Services["db"];
    const here = await isolate({ db });
    const kid = kidOf(await here.issue());
    down = true;
    clock.advance(KEYS_FRESH_MS + 1000);
    expect(publishedKids(await here.jwks())).toEqual([kid]);
    clock.advance(KEYS_STALE_MS);
    expect((await here.api.get("/.well-known/jwks.json")).body.error.code).toBe("storage_unavailable");
  });

  test("B-17 a token of a rotated key with the type of another purpose is no caller's", async () => {
    const here = await isolate();
    await here.issue();
    const { body: next } = await here.api.post("/v1/issuer/keys", undefined, owner);
    clock.advance(LEAD_MS + 1000);
    const { key, kid, alg } = await currentSigner(here.services);
    expect(kid).toBe(next.kid);
    const iat = Math.floor(clock.now() / 1000);
    const claims = {
      iss: ORIGIN,
      aud: ORIGIN,
      sub: "x",
      project_id: shop,
      environment: "development",
      access_token_id: owner.split("_")[1],
      iat,
      exp: iat + 60,
    };
    expect(await here.accepts(await signJwt(key, { alg, kid, typ: "workload+jwt" }, claims))).toBe(200);
    for (const typ of ["connect-webhook+jwt", "JWT", "at+jwt"]) {
      expect(await here.accepts(await signJwt(key, { alg, kid, typ }, claims))).toBe("token_type_not_allowed");
    }
  });

  test("only owners make and drop keys, admins see them, and nothing private is shown", async () => {
    const here = await isolate();
    await here.issue();
    const admin = await accessToken(here.api, owner, { role: "admin" });
    expect((await here.api.post("/v1/issuer/keys", undefined, admin)).status).toBe(403);
    expect((await here.api.delete("/v1/issuer/keys/x", admin)).status).toBe(403);
    const listed = await here.api.get("/v1/issuer/keys", admin);
    expect(listed.body.keys).toEqual([
      {
        kid: expect.any(String),
        alg: "ES256",
        status: "signing",
        createdAt: expect.any(Number),
        notBefore: expect.any(Number),
        retiredAt: null,
        publishedUntil: null,
      },
    ]);
  });
});
