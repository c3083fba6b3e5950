import { describe, expect, test } from "vitest";
import type { DriverDeps } from "../../src/catalog/driver.ts";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { parseTokenBody } from "../../src/catalog/oauth/token-response.ts";
import { USUAL_POLICY } from "../../src/catalog/provider-policy.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { hostile, hostileAnswer } from "../providers/hostile.ts";
import {
  createOAuth,
  DEFAULTS,
  deps,
  failed,
  mintAt,
  NOW,
  noInstallation,
  secretsOf,
  succeeded,
  tokenAnswer,
} from "./support.ts";

describe("what a provider answers is judged before it is believed", () => {
  test("a good answer is a token that expires as long after the request as the provider says", async () => {
    const token = succeeded(await mintAt(tokenAnswer()));
    expect(token.accessToken).toBeInstanceOf(Secret);
    expect(token.accessToken.expose()).toBe("at-1");
    expect(token).toMatchObject({ expiresAtMs: NOW + 600_000, static: false, scopes: [], resources: [] });
  });

  test("time that the provider takes to answer is not added to the token's life", async () => {
    const saved = succeeded(await createOAuth({ token_endpoint: tokenAnswer() }));
    let nowMs = NOW;
    const slow: DriverDeps = {
      ...deps,
      now: () => nowMs,
      fetch: async (request) => {
        nowMs += 5000;
        return deps.fetch(request);
      },
    };
    const request = { ...noInstallation, config: saved.config, secrets: secretsOf(saved), connectorId: "scl_test" };
    const token = succeeded(await oauthDriver.mint({ ...request, group: DEFAULTS }, slow));
    expect(token.expiresAtMs).toBe(NOW + 600_000);
  });

  const refusedMembers: [hazard: string, members: Record<string, unknown>][] = [
    ["expires_in as an array", { expires_in: ["3600"] }],
    ["expires_in with trailing letters", { expires_in: "3600abc" }],
    ["expires_in of 1e300", { expires_in: 1e300 }],
    ["a negative expires_in", { expires_in: -1 }],
    ["a negative expires_in as text", { expires_in: "-1" }],
    ["a fractional expires_in", { expires_in: 3600.5 }],
    ["expires_in of null", { expires_in: null }],
    ["expires_in in exponent text", { expires_in: "1e3" }],
    ["empty expires_in", { expires_in: "" }],
    ["expires_in of eleven digits", { expires_in: "99999999999" }],
    ["an access token with CR and LF", { access_token: "at\r\nx-injected: 1" }],
    ["an access token with a space", { access_token: "at 1" }],
    ["an access token that is not ASCII", { access_token: "tökén" }],
    ["an empty access token", { access_token: "" }],
    ["a numeric access token", { access_token: 1 }],
    ["a missing access token", { access_token: undefined }],
    ["a missing token_type", { token_type: undefined }],
    ["a token_type that is not Bearer", { token_type: "mac" }],
    ["a DPoP token, which nobody here could use", { token_type: "DPoP" }],
    ["a token_type of null", { token_type: null }],
    ["a scope that is a list", { scope: ["a"] }],
    ["a scope with a quote", { scope: 'a "b"' }],
  ];
  test.for(refusedMembers)("C-07 %s is refused", async ([, members]) => {
    expect(failed(await mintAt(tokenAnswer(members)))).toMatchObject({ code: "upstream_invalid_response" });
  });

  test.for([
    [8192, true],
    [8193, false],
  ] as const)("C-07 an access token of %i characters passes: %j", ([length, passes]) => {
    const headers = new Headers({ "content-type": "application/json" });
    const body = utf8(JSON.stringify({ access_token: "a".repeat(length), token_type: "Bearer" }));
    expect(parseTokenBody({ status: 200, headers, body }, USUAL_POLICY).ok).toBe(passes);
  });

  test("C-07 a refused answer is not quoted in the reason", async () => {
    const { reason } = failed(await mintAt(tokenAnswer({ access_token: "leaked value", expires_in: "leaked" })));
    expect(reason).toBe("token response: bad access_token, expires_in");
  });

  const refusedAnswers: [hazard: string, path: string, code: string][] = [
    ["a page of HTML", "/html", "upstream_invalid_response"],
    ["JSON served as text/html", "/json-as-html", "upstream_invalid_response"],
    ["five megabytes of JSON", "/huge", "upstream_too_large"],
    ["a gzip bomb", "/gzip-bomb", "upstream_too_large"],
    ["a redirect", "/redirect/307?to=/ok", "upstream_redirect_refused"],
    ["a reset connection", "/reset", "upstream_unreachable"],
    ["an answer cut short", "/truncated", "upstream_unreachable"],
    ["a server error", "/status/500", "upstream_unreachable"],
  ];
  test.for(refusedAnswers)("C-07 %s is refused", async ([, path, code]) => {
    expect(failed(await mintAt(hostile(path)))).toMatchObject({ code });
  });

  test.for(["[]", "null", '"token"', "{", ""])("C-07 a body of %j is refused", async (body) => {
    expect(failed(await mintAt(hostileAnswer(body))).code).toBe("upstream_invalid_response");
  });

  test("C-07 a success status other than 200 is refused", async () => {
    const body = JSON.stringify({ access_token: "at", token_type: "Bearer" });
    expect(failed(await mintAt(hostileAnswer(body, { status: 201 }))).code).toBe("upstream_rejected");
  });

  const lifetimes: [stated: unknown, extra: Record<string, unknown>, seconds: number][] = [
    ["3600", {}, 3600],
    [1, {}, 1],
    [9_999_999_999, {}, 31_536_000],
    [0, {}, 3600],
    ["0", { defaultTokenExpiresIn: 900 }, 900],
    [undefined, {}, 3600],
    [undefined, { defaultTokenExpiresIn: 120 }, 120],
    [60, { defaultTokenExpiresIn: 900 }, 60],
  ];
  test.for(lifetimes)("C-07 expires_in of %j with defaults %j lasts %i seconds", async ([stated, extra, seconds]) => {
    const token = succeeded(await mintAt(tokenAnswer({ expires_in: stated }), {}, extra));
    expect(token.expiresAtMs).toBe(NOW + seconds * 1000);
  });

  test("token_type is compared without case, as RFC 6749 says", async () => {
    expect((await mintAt(tokenAnswer({ token_type: "bEARER" }))).ok).toBe(true);
  });

  test("C-16 members that nobody asked for are dropped, and __proto__ is only a name", async () => {
    const body =
      '{"access_token":"at-1","token_type":"Bearer","__proto__":{"static":true,"scope":"admin"},"constructor":1,"refresh_token":null,"id_token":"x"}';
    const token = succeeded(await mintAt(hostileAnswer(body), { scopes: ["read"] }));
    expect(Object.keys(token).sort()).toEqual([
      "accessToken",
      "authorizationDetails",
      "expiresAtMs",
      "resources",
      "scopes",
      "static",
    ]);
    expect(token).toMatchObject({ static: false, scopes: ["read"] });
    expect(Reflect.get({}, "scope")).toBeUndefined();
  });
});

describe("granted scopes", () => {
  test("C-08 no scope in the answer means as requested", async () => {
    expect(succeeded(await mintAt(tokenAnswer(), { scopes: ["a", "b"] })).scopes).toEqual(["a", "b"]);
  });

  test("C-08 a narrower grant is 403 insufficient_scope and names what is missing", async () => {
    const failure = failed(await mintAt(tokenAnswer({ scope: "a" }), { scopes: ["a", "b", "c"] }));
    expect(failure.code).toBe("insufficient_scope");
    expect(failure.message).toContain("b c");
  });

  test("C-08 an empty scope grants nothing", async () => {
    expect(failed(await mintAt(tokenAnswer({ scope: "" }), { scopes: ["a"] })).code).toBe("insufficient_scope");
  });

  test("C-08 a wider grant is recorded as granted, so that nobody believes it to be narrower", async () => {
    expect(succeeded(await mintAt(tokenAnswer({ scope: "z a" }), { scopes: ["a"] })).scopes).toEqual(["a", "z"]);
  });

  test("authorization details are those that the provider granted", async () => {
    const granted = [{ type: "files", actions: ["read"] }];
    const asked = [{ type: "files", actions: ["read", "write"] }];
    const token = succeeded(
      await mintAt(tokenAnswer({ authorization_details: granted }), { authorizationDetails: asked }),
    );
    expect(token.authorizationDetails).toEqual(granted);
  });
});
