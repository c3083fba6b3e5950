import { createRemoteJWKSet, customFetch as joseFetch } from "jose";
import * as oauth from "oauth4webapi";
import { describe, expect, test } from "vitest";
import { ok } from "../../src/errors.ts";
import { asFetch, createGuardedFetch, OutboundError, type OutboundRequest } from "../../src/outbound/guarded-fetch.ts";
import { hostile, hostileAnswer, lastRequest } from "../providers/hostile.ts";

const guarded = createGuardedFetch({ fetch, policy: { ownHosts: [], allowLoopback: true } });
const options = { [oauth.customFetch]: asFetch(guarded), [oauth.allowInsecureRequests]: true };
const impatient = { ...options, [oauth.customFetch]: asFetch(guarded, { timeoutMs: 300 }) };

function clientCredentials(tokenEndpoint: string, how = options) {
  const server = { issuer: hostile("/as/good"), token_endpoint: tokenEndpoint };
  return oauth.clientCredentialsGrantRequest(
    server,
    { client_id: "valetkey" },
    oauth.ClientSecretBasic("secret"),
    new URLSearchParams(),
    how,
  );
}

describe("the guarded fetch inside oauth4webapi and jose", () => {
  test("a token request goes through whole", async () => {
    const response = await clientCredentials(hostile("/ok", { key: "as-fetch" }));
    expect(await response.json()).toMatchObject({ access_token: "hostile-access-token" });
    expect(await lastRequest("as-fetch")).toMatchObject({ method: "POST", body: "grant_type=client_credentials" });
  });

  test.each(["good", "trailing-slash", "wrong-issuer"])("discovery reads the metadata of /as/%s", async (variant) => {
    const issuer = new URL(hostile(`/as/${variant}`));
    const response = await oauth.discoveryRequest(issuer, { ...options, algorithm: "oauth2" });
    const served = oauth.processDiscoveryResponse(issuer, response);
    if (variant === "good") expect((await served).issuer).toBe(issuer.href);
    else await expect(served).rejects.toThrow();
  });

  test.each([
    ["/redirect/307", "upstream_redirect_refused"],
    ["/hang", "upstream_timeout"],
    ["/gzip-bomb", "upstream_too_large"],
    ["/reset", "upstream_unreachable"],
  ])("the failure of %s comes back out as %s", async (path, code) => {
    const how = code === "upstream_timeout" ? impatient : options;
    const error = await clientCredentials(hostile(path), how).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OutboundError);
    expect(error).toMatchObject({ failure: { code } });
  });

  test("jose's own fetch of keys is held to the cap", async () => {
    const capped = { [joseFetch]: asFetch(guarded, { maxBytes: 100 }) };
    const keys = createRemoteJWKSet(new URL(hostileAnswer(`{"keys":[]${" ".repeat(200)}}`)), capped);
    await expect(keys({ alg: "ES256", kid: "1" })).rejects.toMatchObject({ failure: { code: "upstream_too_large" } });
  });

  test("an answer without a body stays without one", async () => {
    const response = await asFetch(guarded)(hostileAnswer("", { status: 204 }));
    expect(response.status).toBe(204);
    expect(response.body).toBe(null);
  });
});

describe("what a library asks for", () => {
  /** A guarded fetch that tells what it was asked, and answers with this status and body. */
  function recording(status = 200, body = "") {
    const asked: OutboundRequest[] = [];
    const answer = {
      status,
      headers: new Headers({ "x-from": "provider" }),
      body: new Uint8Array(new TextEncoder().encode(body)),
    };
    const fetch = asFetch(
      async (request) => {
        asked.push(request);
        return ok(answer);
      },
      { maxBytes: 5, timeoutMs: 6 },
    );
    return { asked, fetch };
  }
  const url = "https://as.example.com/token";

  test("is asked for whole, within the limits, and nothing is asked for that it left out", async () => {
    const { asked, fetch } = recording();
    const { signal } = new AbortController();
    const body = new URLSearchParams({ a: "1" });
    await fetch(url);
    await fetch(new URL(url), { method: "POST", headers: { "x-a": "1" }, body, signal, redirect: "follow" });
    await fetch(url, { headers: new Headers({ "X-B": "2" }), body: "text" });
    await fetch(url, { body: null });
    await fetch(url, { body: undefined, signal: undefined });
    const limits = { url, maxBytes: 5, timeoutMs: 6 };
    expect(asked).toStrictEqual([
      limits,
      { ...limits, method: "POST", headers: { "x-a": "1" }, body, signal },
      { ...limits, headers: { "x-b": "2" }, body: "text" },
      limits,
      limits,
    ]);
  });

  test("comes back as a response, which has no body exactly where HTTP has none", async () => {
    for (const [status, hasBody] of [
      [200, true],
      [204, false],
      [205, false],
      [404, true],
    ] as const) {
      const response = await recording(status).fetch(url);
      expect([response.status, response.headers.get("x-from")]).toEqual([status, "provider"]);
      expect([status, response.body !== null]).toEqual([status, hasBody]);
    }
    expect(await (await recording(200, "text").fetch(url)).text()).toBe("text");
  });

  test("fails by the name of its error and the code of its failure", () => {
    const error = new OutboundError({ code: "upstream_timeout", reason: "host=a" });
    expect([error.name, error.message, error.failure.reason]).toEqual(["OutboundError", "upstream_timeout", "host=a"]);
  });
});
