import { describe, expect, test } from "vitest";
import type { DriverDeps } from "../../src/catalog/driver.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { hostile, hostileAnswer, lastRequest } from "../providers/hostile.ts";
import { CLIENT_SECRET, DEFAULTS, deps, failed, NOW, publishing, succeeded, tokenAnswer } from "./support.ts";
import { exchangeWith, REDIRECT_URI, SERVER, userConnector } from "./user-support.ts";

const group = (members: Partial<typeof DEFAULTS>) => ({ ...DEFAULTS, ...members });

/** What a code exchange makes of a token endpoint. */
async function exchangedAt(tokenEndpoint: string, asked = {}, data = {}, server = {}) {
  return exchangeWith(await userConnector({ token_endpoint: tokenEndpoint, ...server }, data), asked);
}

/** The same of a token answer of `members` over a good one. */
const exchanged = (members: Record<string, unknown> = {}, asked = {}, data = {}, server = {}) =>
  exchangedAt(tokenAnswer(members), asked, data, server);

describe("a code for tokens", () => {
  test("the code goes with its verifier, its redirect URI, every resource and the client's credentials", async () => {
    const key = crypto.randomUUID();
    const answer = hostileAnswer('{"access_token":"at","token_type":"Bearer"}', { key });
    const asked = { group: group({ scopes: ["read"], resources: ["urn:a", "urn:b"], audience: ["x"] }) };
    succeeded(await exchangedAt(answer, asked));
    const form = new URLSearchParams((await lastRequest(key))?.body);
    expect(form.getAll("resource")).toEqual(["urn:a", "urn:b"]);
    form.delete("resource");
    expect(Object.fromEntries(form)).toEqual({
      grant_type: "authorization_code",
      code: "the-code",
      code_verifier: "the-verifier",
      redirect_uri: REDIRECT_URI,
      client_id: "client",
      client_secret: CLIENT_SECRET,
    });
  });

  test("tokens come home as secrets, with their expiry counted from before the request", async () => {
    let nowMs = NOW;
    const slow: DriverDeps = {
      ...deps,
      now: () => nowMs,
      fetch: async (request) => {
        nowMs += 5000;
        return deps.fetch(request);
      },
    };
    const connector = await userConnector({ token_endpoint: tokenAnswer({ refresh_token: "rt-1" }) });
    const issued = succeeded(await exchangeWith(connector, { group: group({ scopes: ["read"] }) }, slow));
    expect([issued.accessToken.expose(), issued.refreshToken?.expose()]).toEqual(["at-1", "rt-1"]);
    expect(JSON.stringify(issued)).not.toMatch(/at-1|rt-1/);
    expect(issued).toMatchObject({
      expiresAtMs: NOW + 600_000,
      scopes: ["read"],
      static: false,
      externalSubject: null,
      claims: null,
    });
  });

  const refreshTokens: [value: unknown, expected: string | null | "refused"][] = [
    ["rt", "rt"],
    [undefined, null],
    [null, null],
    ["", null],
    ["with space", "with space"],
    ["r".repeat(8192), "r".repeat(8192)],
    ["r".repeat(8193), "refused"],
    ["rt\r\nx: 1", "refused"],
    ["tökén", "refused"],
    [1, "refused"],
    [["rt"], "refused"],
  ];
  // Some are too long for the address of a provider that echoes.
  test.for(refreshTokens)("C-07 the refresh token %j", async ([value, expected]) => {
    const answer = { access_token: "at", token_type: "Bearer", refresh_token: value };
    const issued = await exchangeWith(await userConnector(), {}, publishing({ [SERVER.token_endpoint]: answer }));
    const found = issued.ok ? (issued.value.refreshToken?.expose() ?? null) : "refused";
    expect(found).toBe(expected);
  });

  test("a refresh token is not kept where the operator switched them off", async () => {
    const data = { refreshTokens: { enabled: false } };
    expect(succeeded(await exchanged({ refresh_token: "rt" }, {}, data)).refreshToken).toBeNull();
  });

  const lifetimes: [stated: unknown, data: object, seconds: number][] = [
    ["3600", {}, 3600],
    [undefined, {}, 3600],
    [undefined, { defaultTokenExpiresIn: 120 }, 120],
    [0, { defaultTokenExpiresIn: 900 }, 900],
  ];
  test.for(lifetimes)("C-07 expires_in of %j with %j lasts %i seconds", async ([stated, data, seconds]) => {
    expect(succeeded(await exchanged({ expires_in: stated }, {}, data)).expiresAtMs).toBe(NOW + seconds * 1000);
  });
});

describe("what a provider answers is judged before it is believed", () => {
  const refused: [hazard: string, members: Record<string, unknown>, member: string][] = [
    ["no token_type", { token_type: undefined }, "token_type"],
    ["a token_type of bot, which is not one user's", { token_type: "bot" }, "token_type"],
    ["a DPoP token", { token_type: "DPoP" }, "token_type"],
    ["expires_in as an array", { expires_in: ["3600"] }, "expires_in"],
    ["a negative expires_in", { expires_in: -1 }, "expires_in"],
    ["an access token with CR and LF", { access_token: "at\r\nx: 1" }, "access_token"],
    ["no access token", { access_token: undefined }, "access_token"],
    ["a refresh token that is none", { refresh_token: { a: 1 } }, "refresh_token"],
    ["a scope that is a list", { scope: ["a"] }, "scope"],
    ["a scope with a quote", { scope: 'a "b"' }, "scope"],
  ];
  test.for(refused)("C-07 %s is refused, and the reason names the member", async ([, members, member]) => {
    const failure = failed(await exchanged(members));
    expect(failure).toMatchObject({ code: "upstream_invalid_response", reason: `token response: bad ${member}` });
  });

  const faults: [hazard: string, path: string, code: string][] = [
    ["a page of HTML", "/html", "upstream_invalid_response"],
    ["five megabytes", "/huge", "upstream_too_large"],
    ["a gzip bomb", "/gzip-bomb", "upstream_too_large"],
    ["a redirect", "/redirect/307?to=/ok", "upstream_redirect_refused"],
    ["a reset connection", "/reset", "upstream_unreachable"],
    ["a server error", "/status/500", "upstream_unreachable"],
    ["a rate limit", "/rate-limited", "upstream_rate_limited"],
  ];
  test.for(faults)("C-07 %s is refused", async ([, path, code]) => {
    expect(failed(await exchangedAt(hostile(path))).code).toBe(code);
  });

  test("C-16 members that nobody asked for are dropped, and __proto__ is only a name", async () => {
    const body = '{"access_token":"at","token_type":"Bearer","__proto__":{"scopes":["admin"]},"team":{"id":1}}';
    const issued = succeeded(await exchangedAt(hostileAnswer(body), { group: group({ scopes: ["read"] }) }));
    expect(Object.keys(issued).sort()).toEqual([
      "accessToken",
      "authorizationDetails",
      "claims",
      "expiresAtMs",
      "externalSubject",
      "refreshToken",
      "resources",
      "scopes",
      "static",
    ]);
    expect(issued.scopes).toEqual(["read"]);
  });
});

describe("what a refused code means", () => {
  const refusals: [error: string, status: number, code: string][] = [
    ["invalid_grant", 400, "upstream_rejected"],
    ["bad_verification_code", 200, "upstream_rejected"],
    ["bad_refresh_token", 200, "upstream_rejected"],
    ["invalid_client", 401, "upstream_invalid_client"],
    ["unauthorized_client", 400, "upstream_invalid_client"],
    ["incorrect_client_credentials", 200, "upstream_invalid_client"],
    ["invalid_scope", 400, "invalid_scope"],
    ["invalid_target", 400, "invalid_target"],
    ["invalid_grant", 503, "upstream_unreachable"],
    ["invalid_grant", 429, "upstream_rate_limited"],
  ];
  test.for(refusals)("%s with status %i is %s", async ([error, status, code]) => {
    const failure = failed(await exchangedAt(hostileAnswer(JSON.stringify({ error }), { status })));
    expect([failure.code, failure.vendor]).toEqual([code, { error, status }]);
  });

  test("E-12 a refusal that quotes the code or its verifier keeps it inside", async () => {
    for (const quoted of ["the-code-9", "the-verifier-9", CLIENT_SECRET]) {
      const body = JSON.stringify({ error: "invalid_grant", error_description: `no ${quoted}` });
      const asked = { code: Secret.of("the-code-9"), codeVerifier: Secret.of("the-verifier-9") };
      const failure = failed(await exchangedAt(hostileAnswer(body, { status: 400 }), asked));
      expect(failure.vendor).toEqual({ error: "invalid_grant", status: 400 });
    }
  });
});

describe("granted scopes", () => {
  const asked = { group: group({ scopes: ["a", "b"] }) };

  const grants: [hazard: string, scope: string | undefined, expected: string[]][] = [
    ["no scope means as requested", undefined, ["a", "b"]],
    ["a narrower grant is what the user allowed, not a failure", "a", ["a"]],
    ["an empty scope grants nothing", "", []],
    ["a wider grant is recorded as granted", "z b a", ["a", "b", "z"]],
  ];
  test.for(grants)("C-08 %s", async ([, scope, expected]) => {
    expect(succeeded(await exchanged({ scope }, asked)).scopes).toEqual(expected);
  });

  const offered = { scopes_supported: ["offline_access"] };
  test("C-08 offline_access that was only added for the refresh token is not among the granted scopes", async () => {
    expect(succeeded(await exchanged({ scope: "a offline_access" }, asked, {}, offered)).scopes).toEqual(["a"]);
    expect(succeeded(await exchanged({}, asked, {}, offered)).scopes).toEqual(["a", "b"]);
  });

  test("C-08 one that was asked for is, and so is one that nobody added", async () => {
    const explicit = { group: group({ scopes: ["a", "offline_access"] }) };
    const both = ["a", "offline_access"];
    expect(succeeded(await exchanged({ scope: "a offline_access" }, explicit, {}, offered)).scopes).toEqual(both);
    expect(succeeded(await exchanged({ scope: "a offline_access" }, asked)).scopes).toEqual(both);
  });

  test("authorization details are those that the provider granted, else those that were asked", async () => {
    const details = [{ type: "files", actions: ["read", "write"] }];
    const granted = [{ type: "files", actions: ["read"] }];
    const withDetails = { group: group({ authorizationDetails: details }) };
    expect(succeeded(await exchanged({ authorization_details: granted }, withDetails)).authorizationDetails).toEqual(
      granted,
    );
    expect(succeeded(await exchanged({}, withDetails)).authorizationDetails).toEqual(details);
  });
});
