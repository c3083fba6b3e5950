import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { IssuedAuthorization } from "../../src/catalog/driver.ts";
import { githubDriver } from "../../src/catalog/github/driver.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { sha256Base64url } from "../../src/crypto/digest.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { type Connector, connect, deps, newWorld, REDIRECT_URI, type World } from "./github-support.ts";
import { DEFAULTS, failed, succeeded } from "./support.ts";

const VERIFIER = "v".repeat(43);
let world: World;
let connector: Connector;

beforeAll(async () => {
  world = await newWorld();
  connector = await connect(world);
});

afterEach(async () => {
  await world.github.call("faults.clear");
  await world.github.call("configure", { lifetimesAsText: false, unknownTokenStatus: 404 });
  await world.github.call("changeApp", world.app.id, { expireUserTokens: true });
});

const state = (token: Secret | null) => world.github.call("tokenState", token?.expose() ?? "");

/** The code that a browser brings back from where it is sent. */
async function code(of: Connector = connector): Promise<Secret> {
  const url = succeeded(
    await githubDriver.authorizationUrl(
      {
        ...of,
        redirectUri: REDIRECT_URI,
        state: "state-1",
        codeChallenge: await sha256Base64url(utf8(VERIFIER)),
        nonce: "nonce-1",
        group: DEFAULTS,
        prompt: null,
        additionalParams: {},
      },
      deps,
    ),
  );
  const answer = await fetch(url, { redirect: "manual" });
  const back = new URL(answer.headers.get("location") ?? "");
  expect([back.origin + back.pathname, back.searchParams.get("state")]).toEqual([REDIRECT_URI, "state-1"]);
  return Secret.of(back.searchParams.get("code") ?? "");
}

const exchange = async (of: Connector, change: Record<string, unknown> = {}) =>
  githubDriver.exchange(
    {
      ...of,
      code: await code(),
      codeVerifier: Secret.of(VERIFIER),
      redirectUri: REDIRECT_URI,
      nonce: "nonce-1",
      group: DEFAULTS,
      ...change,
    },
    deps,
  );

const refresh = (refreshToken: Secret | null, of: Connector = connector) =>
  githubDriver.refresh(
    {
      ...of,
      refreshToken: refreshToken ?? Secret.of(""),
      group: DEFAULTS,
      narrow: false,
      grantedScopes: [],
      externalSubject: null,
    },
    deps,
  );

async function authorized(): Promise<IssuedAuthorization> {
  return succeeded(await exchange(connector));
}

describe("a user", () => {
  test("authorizes an app under GitHub's policy", () => {
    expect(githubDriver.userAuthorization(connector.config)).toEqual({
      kind: "redirect",
      policy: { rotation: "strict", oldAccessTokenDies: true, revocationScope: "token", codeLifetimeMs: 600_000 },
      issuer: null,
      sendsIssuer: false,
    });
  });

  test.for([false, true])(
    "has a token for eight hours, and a refresh token (lifetimes as text: %s)",
    async (lifetimesAsText) => {
      await world.github.call("configure", { lifetimesAsText });
      const issued = await authorized();
      expect(issued.accessToken.expose()).toMatch(/^ghu_/);
      expect(issued.refreshToken?.expose()).toMatch(/^ghr_/);
      expect(Math.abs((issued.expiresAtMs ?? 0) - Date.now() - 28_800_000)).toBeLessThan(10_000);
      expect([issued.scopes, issued.externalSubject, issued.claims]).toEqual([[], null, null]);
    },
  );

  test("has a token that goes on where the app's users' tokens do not end", async () => {
    await world.github.call("changeApp", world.app.id, { expireUserTokens: false });
    const issued = await authorized();
    expect(issued.refreshToken).toBeNull();
    expect(issued.expiresAtMs).toBeGreaterThan(Date.now() + 300 * 86_400_000);
  });

  test("has one token: a refresh ends the one before, and the refresh token that it used", async () => {
    const first = await authorized();
    const second = succeeded(await refresh(first.refreshToken));
    expect([await state(first.accessToken), await state(second.accessToken)]).toEqual(["revoked", "valid"]);
    expect(second.refreshToken?.expose()).not.toBe(first.refreshToken?.expose());
    expect(failed(await refresh(first.refreshToken)).code).toBe("upstream_grant_refused");
    succeeded(await refresh(second.refreshToken));
  });

  test("is asked for without scopes", async () => {
    const request = { ...connector, redirectUri: REDIRECT_URI, state: "s", codeChallenge: "c", nonce: "n" };
    const url = succeeded(
      await githubDriver.authorizationUrl({ ...request, group: DEFAULTS, prompt: null, additionalParams: {} }, deps),
    );
    const parameters = new URL(url).searchParams;
    expect([parameters.has("scope"), parameters.get("code_challenge_method")]).toEqual([false, "S256"]);
    expect(url).toContain(`${world.github.webOrigin}/login/oauth/authorize?`);
  });
});

describe("what GitHub refuses with 200", () => {
  test("a wrong code, verifier or address ends that authorization only", async () => {
    const wrong = [
      { code: Secret.of("0".repeat(20)) },
      { codeVerifier: Secret.of("w".repeat(43)) },
      { redirectUri: "https://connect.example.com/callback/scl_other" },
    ];
    for (const change of wrong) {
      expect(failed(await exchange(connector, change)).code).toBe("upstream_rejected");
    }
  });

  test("a wrong client secret is the connector's, at either exchange", async () => {
    const { refreshToken } = await authorized();
    const wrong = { ...connector, secrets: { ...connector.secrets, clientSecret: Secret.of("wrong") } };
    for (const result of [await exchange(wrong), await refresh(refreshToken, wrong)]) {
      expect(failed(result)).toMatchObject({ code: "upstream_invalid_client" });
    }
    succeeded(await refresh(refreshToken));
  });

  test("a client id that is no app's is the connector's, too", async () => {
    const wrong = { ...connector, config: { ...Object(connector.config), clientId: "Iv23liNobody" } };
    expect(failed(await exchange(wrong)).code).toBe("upstream_invalid_client");
  });

  test("its own trouble says nothing of a refresh token", async () => {
    const { refreshToken } = await authorized();
    const trouble = { kind: "answer", status: 502, body: { error: "bad_refresh_token" } };
    await world.github.call("faults.next", "access-token", trouble);
    expect(failed(await refresh(refreshToken)).code).toBe("upstream_unreachable");
    succeeded(await refresh(refreshToken));
  });
});

describe("ending what a user authorized", () => {
  const revoke = (token: Secret | null, hint: "access_token" | "refresh_token", of: Connector = connector) =>
    githubDriver.revoke({ ...of, token: token ?? Secret.of(""), hint, subject: "user" }, deps);

  test("by an access token ends that one", async () => {
    const { accessToken } = await authorized();
    expect(succeeded(await revoke(accessToken, "access_token"))).toBe("done");
    expect(await state(accessToken)).toBe("revoked");
  });

  test("by a refresh token ends both, and leaves none", async () => {
    const before = new Set(await world.github.call<string[]>("issued"));
    const { accessToken, refreshToken } = await authorized();
    expect(succeeded(await revoke(refreshToken, "refresh_token"))).toBe("done");
    expect([await state(accessToken), await state(refreshToken)]).toEqual(["revoked", "revoked"]);
    const since = (await world.github.call<string[]>("issued")).filter((token) => !before.has(token));
    expect(since.length).toBeGreaterThanOrEqual(4);
    for (const token of since) expect(await state(Secret.of(token))).toBe("revoked");
  });

  test("leaves another user's authorization, and another one of the same user, alone", async () => {
    const [own, other] = [await authorized(), await authorized()];
    succeeded(await revoke(own.refreshToken, "refresh_token"));
    expect(await state(other.accessToken)).toBe("valid");
  });

  test.for([404, 422])("is done where GitHub knows it no more (%d)", async (unknownTokenStatus) => {
    await world.github.call("configure", { unknownTokenStatus });
    const { accessToken, refreshToken } = await authorized();
    succeeded(await revoke(refreshToken, "refresh_token"));
    expect(succeeded(await revoke(refreshToken, "refresh_token"))).toBe("done");
    expect(succeeded(await revoke(accessToken, "access_token"))).toBe("done");
  });

  test("is tried again while the client secret is wrong or GitHub cannot", async () => {
    const { accessToken, refreshToken } = await authorized();
    const wrong = { ...connector, secrets: { ...connector.secrets, clientSecret: Secret.of("wrong") } };
    expect(failed(await revoke(accessToken, "access_token", wrong)).code).toBe("upstream_invalid_client");
    expect(failed(await revoke(refreshToken, "refresh_token", wrong)).code).toBe("upstream_invalid_client");
    await world.github.call("faults.next", "delete-token", { kind: "answer", status: 500 });
    expect(failed(await revoke(accessToken, "access_token")).code).toBe("upstream_unreachable");
  });

  test("needs the client secret", async () => {
    const without: Connector = { ...connector, secrets: {} };
    expect(succeeded(await revoke(Secret.of("ghu_1"), "access_token", without))).toBe("unsupported");
  });
});
