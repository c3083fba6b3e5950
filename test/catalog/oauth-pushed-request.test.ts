import { describe, expect, test } from "vitest";
import { hostile, hostileAnswer, lastRequest } from "../providers/hostile.ts";
import { CLIENT_SECRET, DEFAULTS, failed, succeeded } from "./support.ts";
import { REDIRECT_URI, SERVER, urlOf, userConnector } from "./user-support.ts";

const REFERENCE = "urn:ietf:params:oauth:request_uri:abc";
const pushedAnswer = (members: object = {}, key = "") =>
  hostileAnswer(JSON.stringify({ request_uri: REFERENCE, expires_in: 60, ...members }), { status: 201, key });

const connectorPushingTo = (endpoint: string, server: Record<string, unknown> = {}) =>
  userConnector(
    { ...server, pushed_authorization_request_endpoint: endpoint },
    { authorizationUrlParams: { hd: "a.example" } },
  );

describe("pushed authorization requests (RFC 9126)", () => {
  test("A-12 everything is pushed by the client itself, and the browser carries a reference", async () => {
    const key = crypto.randomUUID();
    const endpoint = `${SERVER.authorization_endpoint}?tenant=acme&scope=evil&request=evil`;
    const connector = await connectorPushingTo(pushedAnswer({}, key), { authorization_endpoint: endpoint });
    const group = { ...DEFAULTS, scopes: ["openid", "read"], resources: ["urn:a", "urn:b"] };
    const asked = { group, prompt: "login", additionalParams: { login_hint: "ann" } };
    const url = new URL(succeeded(await urlOf(connector, asked)));
    expect(Object.fromEntries(url.searchParams)).toEqual({
      tenant: "acme",
      client_id: "client",
      request_uri: REFERENCE,
    });

    const form = new URLSearchParams((await lastRequest(key))?.body);
    expect(form.getAll("resource")).toEqual(["urn:a", "urn:b"]);
    form.delete("resource");
    expect(Object.fromEntries(form)).toEqual({
      response_type: "code",
      client_id: "client",
      client_secret: CLIENT_SECRET,
      redirect_uri: REDIRECT_URI,
      state: "state-1",
      nonce: "nonce-1",
      code_challenge: "challenge-1",
      code_challenge_method: "S256",
      scope: "openid read",
      prompt: "login",
      login_hint: "ann",
      hd: "a.example",
    });
  });

  const refusals: [what: string, endpoint: string, code: string][] = [
    ["a refusal", hostileAnswer('{"error":"invalid_request"}', { status: 400 }), "upstream_rejected"],
    ["a refused scope", hostileAnswer('{"error":"invalid_scope"}', { status: 400 }), "invalid_scope"],
    ["a refused client", hostileAnswer('{"error":"invalid_client"}', { status: 401 }), "upstream_invalid_client"],
    ["404", hostileAnswer("{}", { status: 404 }), "upstream_rejected"],
    ["a server error", hostile("/status/503"), "upstream_unreachable"],
    ["a rate limit", hostile("/rate-limited"), "upstream_rate_limited"],
    ["a redirect", hostile("/redirect/307?to=/ok"), "upstream_redirect_refused"],
    ["a reset", hostile("/reset"), "upstream_unreachable"],
    ["200 instead of 201", hostileAnswer(`{"request_uri":"${REFERENCE}"}`), "upstream_rejected"],
    ["no reference", hostileAnswer("{}", { status: 201 }), "upstream_invalid_response"],
    ["an empty reference", pushedAnswer({ request_uri: "" }), "upstream_invalid_response"],
    ["a reference with a space", pushedAnswer({ request_uri: "urn:a b" }), "upstream_invalid_response"],
    ["HTML", hostileAnswer("<h1>", { status: 201, type: "text/html" }), "upstream_invalid_response"],
  ];
  test.for(refusals)("A-12 after %s nobody is sent on unprotected", async ([, endpoint, code]) => {
    expect(failed(await urlOf(await connectorPushingTo(endpoint))).code).toBe(code);
  });

  test("E-12 a refusal that quotes the state or the secret keeps it inside", async () => {
    for (const quoted of ["state-1", "nonce-1", CLIENT_SECRET]) {
      const body = JSON.stringify({ error: "invalid_request", error_description: `bad ${quoted}` });
      const failure = failed(await urlOf(await connectorPushingTo(hostileAnswer(body, { status: 400 }))));
      expect(failure.vendor).toEqual({ error: "invalid_request", status: 400 });
    }
  });

  test("a server that requires them, but does not say where, is a configuration to correct", async () => {
    const failure = failed(await urlOf(await userConnector({ require_pushed_authorization_requests: true })));
    expect(failure.code).toBe("invalid_config");
    expect(failure.message).toContain("pushed_authorization_request_endpoint");
  });

  test("a reference that looks like parameters stays one value", async () => {
    const reference = "urn:x&redirect_uri=https://evil.example.com";
    const url = new URL(succeeded(await urlOf(await connectorPushingTo(pushedAnswer({ request_uri: reference })))));
    expect(url.searchParams.get("request_uri")).toBe(reference);
    expect(url.searchParams.has("redirect_uri")).toBe(false);
  });
});
