import { createRemoteJWKSet, customFetch as joseFetch } from "jose";
import * as oauth from "oauth4webapi";
import { describe, expect, test } from "vitest";
import { asFetch, createGuardedFetch, OutboundError } from "../../src/outbound/guarded-fetch.ts";
import { hostile, hostileAnswer, lastRequest } from "../providers/hostile.ts";

const guarded = createGuardedFetch({ fetch, policy: { ownHosts: [], allowLoopback: true } });
const options = { [oauth.customFetch]: asFetch(guarded, { timeoutMs: 500 }), [oauth.allowInsecureRequests]: true };

function clientCredentials(tokenEndpoint: string) {
  const server = { issuer: hostile("/as/good"), token_endpoint: tokenEndpoint };
  return oauth.clientCredentialsGrantRequest(
    server,
    { client_id: "valetkey" },
    oauth.ClientSecretBasic("secret"),
    new URLSearchParams(),
    options,
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
    const error = await clientCredentials(hostile(path)).catch((thrown: unknown) => thrown);
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
