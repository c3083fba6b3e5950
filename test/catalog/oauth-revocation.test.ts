import { describe, expect, test } from "vitest";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { hostileAnswer, lastRequest } from "../providers/hostile.ts";
import { CLIENT_SECRET, createOAuth, deps, failed, mintWith, secretsOf, succeeded, tokenAnswer } from "./support.ts";

describe("revocation upstream", () => {
  const revoke = async (
    revocationEndpoint: string | null,
    token = "at-1",
    hint: "access_token" | "refresh_token" = "access_token",
  ) => {
    const server = { token_endpoint: tokenAnswer() };
    const saved = succeeded(
      await createOAuth(revocationEndpoint === null ? server : { ...server, revocation_endpoint: revocationEndpoint }),
    );
    const request = { config: saved.config, secrets: secretsOf(saved), connectorId: "scl_test" };
    return oauthDriver.revoke({ ...request, token: Secret.of(token), hint, subject: "user" }, deps);
  };

  test("sends the token with its kind and the client's credentials, and is done on 200", async () => {
    const key = crypto.randomUUID();
    expect(succeeded(await revoke(hostileAnswer("", { key })))).toBe("done");
    const form = new URLSearchParams((await lastRequest(key))?.body);
    expect(Object.fromEntries(form)).toEqual({
      token: "at-1",
      token_type_hint: "access_token",
      client_id: "client",
      client_secret: CLIENT_SECRET,
    });
  });

  test("a refresh token is sent as one, and what the server says to it is believed the same way", async () => {
    const key = crypto.randomUUID();
    expect(succeeded(await revoke(hostileAnswer("", { key }), "rt-1", "refresh_token"))).toBe("done");
    const form = new URLSearchParams((await lastRequest(key))?.body);
    expect([form.get("token"), form.get("token_type_hint")]).toEqual(["rt-1", "refresh_token"]);
    const unsupported = hostileAnswer('{"error":"unsupported_token_type"}', { status: 400 });
    expect(succeeded(await revoke(unsupported, "rt-1", "refresh_token"))).toBe("unsupported");
    const invalid = hostileAnswer('{"error":"invalid_grant"}', { status: 400 });
    expect(failed(await revoke(invalid, "rt-1", "refresh_token")).code).toBe("upstream_rejected");
  });

  test("without an endpoint it is unsupported, not done", async () => {
    expect(succeeded(await revoke(null))).toBe("unsupported");
  });

  test("any other status is a failure, so that nobody believes the token dead", async () => {
    expect(failed(await revoke(hostileAnswer("{}", { status: 202 }))).code).toBe("upstream_rejected");
    expect(failed(await revoke(hostileAnswer("", { status: 503 }))).code).toBe("upstream_unreachable");
  });

  test("E-12 a refusal that quotes the token keeps it inside", async () => {
    const body = JSON.stringify({ error: "invalid_request", error_description: "cannot revoke at-secret-9" });
    const failure = failed(await revoke(hostileAnswer(body, { status: 400 }), "at-secret-9"));
    expect(failure.vendor).toEqual({ error: "invalid_request", status: 400 });
  });

  test("a provider that cannot revoke such tokens is believed, not asked for ever", async () => {
    const body = JSON.stringify({ error: "unsupported_token_type" });
    expect(succeeded(await revoke(hostileAnswer(body, { status: 400 })))).toBe("unsupported");
  });
});

test("a connector whose secret was lost fails with no_token instead of asking without it", async () => {
  const key = crypto.randomUUID();
  const saved = succeeded(await createOAuth({ token_endpoint: hostileAnswer("{}", { key }) }));
  expect(failed(await mintWith({ config: saved.config, secrets: {} })).code).toBe("no_token");
  expect(await lastRequest(key)).toBeNull();
});
