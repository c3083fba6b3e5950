import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { authenticate, REMEMBER_MS } from "../../src/callers/authenticate.ts";
import { fail } from "../../src/errors.ts";
import { deleteRow, goodClaims, isolate, NOW_MS, signer, storeAccessToken, storeProject } from "./support.ts";

const iss = env.PUBLIC_ORIGIN;
const ours = await signer();
const [mine, other] = [await storeProject(), await storeProject()];

/** A development token that says it was made with that access token. */
function madeWith(accessTokenId: string, overrides: Record<string, unknown> = {}): Promise<string> {
  const named = { project_id: mine, environment: "development", access_token_id: accessTokenId };
  const claims = goodClaims(iss, { aud: iss, sub: "owner:team_1", ...named, ...overrides });
  return ours.sign(claims, { typ: "workload+jwt" });
}

function world() {
  const here = isolate();
  here.own.keys = [ours.publicJwk];
  return here;
}

async function failureOf({ call }: ReturnType<typeof isolate>, token: string) {
  const result = await call(token);
  return result.ok ? null : result.failure;
}

const mayNot = {
  code: "forbidden",
  message: "The access token behind this token may not act for this project any more.",
};

describe("B-19 a development token is worth what the access token behind it is", () => {
  test.each<[what: string, row: Parameters<typeof storeAccessToken>[1], claims: Record<string, unknown>]>([
    ["of no more than a viewer", { role: "viewer" }, {}],
    ["of another project", { projectId: other }, {}],
    ["of another environment", { projectId: mine, environment: "preview" }, {}],
    ["of another user", { userId: "u2" }, { user_id: "u1" }],
    ["of a user, claiming none", { userId: "u1" }, {}],
    ["of no user, claiming one", {}, { user_id: "u1" }],
  ])("%s: it is refused", async (what, row, claims) => {
    const id = `made ${what}`;
    await storeAccessToken(id, row);
    expect(await failureOf(world(), await madeWith(id, claims))).toEqual(mayNot);
  });

  test.each<[what: string, row: Parameters<typeof storeAccessToken>[1], claims: Record<string, unknown>]>([
    ["the whole team's", {}, {}],
    ["an owner's", { role: "owner" }, {}],
    ["this project's", { projectId: mine }, {}],
    ["this environment's", { projectId: mine, environment: "development" }, {}],
    ["this user's", { userId: "u1" }, { user_id: "u1" }],
  ])("%s: it passes, and names who made it", async (what, row, claims) => {
    const id = `good ${what}`;
    await storeAccessToken(id, row);
    const userId = row?.userId ?? null;
    expect(await world().call(await madeWith(id, claims))).toMatchObject({
      ok: true,
      value: { projectId: mine, environment: "development", developer: { accessTokenId: id, userId } },
    });
  });

  test("half a day old: it is still good, and not a second longer than clocks may differ", async () => {
    await storeAccessToken("half a day");
    const aged = (seconds: number) => madeWith("half a day", { iat: NOW_MS / 1000 - seconds, jti: `${seconds}` });
    expect(await failureOf(world(), await aged(12 * 3600 + 30))).toBeNull();
    expect(await failureOf(world(), await aged(12 * 3600 + 31))).toEqual({
      code: "token_expired",
      reason: "claim=iat",
    });
  });

  test("and names a project, an environment and that token, or it is none; a user has a name, too", async () => {
    await storeAccessToken("named");
    for (const claim of ["project_id", "environment", "access_token_id"]) {
      for (const value of ["", 1, null, undefined]) {
        expect([claim, value, await failureOf(world(), await madeWith("named", { [claim]: value }))]).toEqual([
          claim,
          value,
          { code: "token_claims_invalid" },
        ]);
      }
    }
    for (const user_id of ["", 1]) {
      expect(await failureOf(world(), await madeWith("named", { user_id }))).toEqual({ code: "token_claims_invalid" });
    }
    expect(await failureOf(world(), await madeWith("named", { user_id: null }))).toBeNull();
  });

  test("signed by our kind of key, and not by another of our issuer's", async () => {
    await storeAccessToken("signed");
    const rsa = await signer("RS256");
    const here = world();
    here.own.keys = [rsa.publicJwk];
    const named = { project_id: mine, environment: "development", access_token_id: "signed" };
    const token = await rsa.sign(goodClaims(iss, { aud: iss, sub: "owner:team_1", ...named }), { typ: "workload+jwt" });
    expect(await failureOf(here, token)).toEqual({ code: "token_alg_not_allowed" });
  });

  test("gone or expired: the caller is nobody, and the log hears why", async () => {
    expect(await failureOf(world(), await madeWith("gone"))).toEqual({
      code: "unauthorized",
      reason: "the access token behind it is gone",
    });
    await storeAccessToken("expiring", { expiresAtMs: NOW_MS + 1 });
    const here = world();
    expect(await here.code(await madeWith("expiring", { jti: "a" }))).toBe("ok");
    here.state.nowMs = NOW_MS + 1;
    expect(await failureOf(here, await madeWith("expiring", { jti: "b" }))).toEqual({
      code: "unauthorized",
      reason: "the access token behind it has expired",
    });
  });

  test("unknown because the database is down: it is not taken for gone", async () => {
    await storeAccessToken("behind");
    const here = world();
    here.state.dbDown = true;
    expect(await here.code(await madeWith("behind"))).toBe("storage_unavailable");
  });

  test("remembered no longer than that is, nor than a renewal of it is due", async () => {
    const remembers = async (here: ReturnType<typeof world>, token: string) => {
      const directory = () => ({ ...here.deps.directory(), accessToken: async () => fail("storage_unavailable") });
      const headers = new Headers({ authorization: `Bearer ${token}` });
      return (await authenticate(headers, { ...here.deps, directory })).ok;
    };
    await storeAccessToken("short", { expiresAtMs: NOW_MS + 5_000 });
    await storeAccessToken("long");
    const here = world();
    const [short, long] = [await madeWith("short"), await madeWith("long")];
    const ending = await madeWith("long", { exp: NOW_MS / 1000 + 8 });
    for (const token of [short, long, ending]) expect(await here.code(token)).toBe("ok");
    const known = async () => [
      await remembers(here, short),
      await remembers(here, long),
      await remembers(here, ending),
    ];
    here.state.nowMs = NOW_MS + 4_999;
    expect(await known()).toEqual([true, true, true]);
    here.state.nowMs = NOW_MS + 5_000;
    expect(await known()).toEqual([false, true, true]);
    here.state.nowMs = NOW_MS + 8_000;
    expect(await known()).toEqual([false, true, false]);
    here.state.nowMs = NOW_MS + 0.8 * REMEMBER_MS;
    expect(await known()).toEqual([false, false, false]);
    await deleteRow("access_tokens", "long");
  });
});
