import { decodeProtectedHeader, importJWK, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { hostileAnswer, lastRequest } from "../providers/hostile.ts";
import {
  CLIENT_SECRET,
  CONTEXT,
  createOAuth,
  deps,
  failed,
  mintWith,
  NOW,
  noInstallation,
  publishing,
  succeeded,
} from "./support.ts";

const GOOD = JSON.stringify({ access_token: "at-1", token_type: "Bearer" });
const ISSUER = "https://as.example.com/tenant";

/** Create with `extra`, mint, and return what the token endpoint received. */
async function sentWith(extra: Record<string, unknown>, metadata: Record<string, unknown> = {}, group = {}) {
  const key = crypto.randomUUID();
  const saved = succeeded(await createOAuth({ token_endpoint: hostileAnswer(GOOD, { key }), ...metadata }, extra));
  succeeded(await mintWith(saved, group));
  const request = await lastRequest(key);
  if (request === null) throw new Error("nothing was sent");
  return { saved, request, form: new URLSearchParams(request.body) };
}

describe("what is sent to the token endpoint", () => {
  test("client_secret_post puts the credentials into the form and nowhere else", async () => {
    const { request, form } = await sentWith({ tokenEndpointAuthMethod: "client_secret_post" });
    expect(request.method).toBe("POST");
    expect(request.headers["content-type"]).toBe("application/x-www-form-urlencoded;charset=UTF-8");
    expect(request.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(form)).toEqual({
      grant_type: "client_credentials",
      client_id: "client",
      client_secret: CLIENT_SECRET,
    });
    expect(request.path).not.toContain(CLIENT_SECRET);
  });

  test("client_secret_basic form-encodes id and secret before joining them (RFC 6749 §2.3.1)", async () => {
    const { request, form } = await sentWith({
      tokenEndpointAuthMethod: "client_secret_basic",
      clientId: "id:with colon",
      clientSecret: "p%+ä&=",
    });
    const [scheme, credentials] = (request.headers.authorization ?? "").split(" ");
    expect(scheme).toBe("Basic");
    expect(atob(credentials ?? "")).toBe("id%3Awith+colon:p%25%2B%C3%A4%26%3D");
    expect(Object.fromEntries(form)).toEqual({ grant_type: "client_credentials" });
  });

  test("none sends the client id only", async () => {
    const { request, form } = await sentWith({ tokenEndpointAuthMethod: "none", clientSecret: "" });
    expect(request.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(form)).toEqual({ grant_type: "client_credentials", client_id: "client" });
  });

  test.for([
    ["RS256", {}],
    ["ES256", { token_endpoint_auth_signing_alg_values_supported: ["RS256", "ES256"] }],
  ] as const)("B-13 a private_key_jwt assertion (%s) is for the issuer alone", async ([alg, metadata]) => {
    const { saved, form } = await sentWith(
      { tokenEndpointAuthMethod: "private_key_jwt", clientSecret: "" },
      { issuer: ISSUER, ...metadata },
    );
    const [publicJwk] = oauthDriver.publicKeys(saved.config);
    if (publicJwk === undefined) throw new Error("no public key");
    const assertion = form.get("client_assertion") ?? "";
    expect(form.get("client_assertion_type")).toBe("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    expect(form.has("client_secret")).toBe(false);
    expect(decodeProtectedHeader(assertion)).toMatchObject({ alg, kid: publicJwk.kid });
    const { payload } = await jwtVerify(assertion, await importJWK(publicJwk, alg), { currentDate: new Date(NOW) });
    expect(payload).toMatchObject({ aud: ISSUER, iss: "client", sub: "client", iat: NOW / 1000, exp: NOW / 1000 + 60 });
    expect(payload.jti).toMatch(/^.{20,}$/);
  });

  test("B-13 a hostile server that names an honest token endpoint gets an assertion for itself only", async () => {
    const key = crypto.randomUUID();
    const honestEndpoint = hostileAnswer(GOOD, { key });
    const evil = "https://evil.example.com";
    const providers = publishing({
      [`${evil}/.well-known/oauth-authorization-server`]: { issuer: evil, token_endpoint: honestEndpoint },
    });
    const data = {
      clientId: "client",
      serverUrl: evil,
      tokenEndpointAuthMethod: "private_key_jwt",
      clientCredentials: { enabled: true },
    };
    const saved = succeeded(await oauthDriver.create(data, CONTEXT, providers));
    succeeded(await mintWith(saved));
    const form = new URLSearchParams((await lastRequest(key))?.body);
    const [, payload = ""] = (form.get("client_assertion") ?? "").split(".");
    expect(JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")))).toMatchObject({ aud: evil });
  });

  test("B-13 configured assertion claims cannot touch the audience or any other protocol claim", async () => {
    for (const name of ["aud", "iss", "sub", "exp", "iat", "nbf", "jti"]) {
      const result = await createOAuth(
        { token_endpoint: hostileAnswer(GOOD), issuer: ISSUER },
        {
          tokenEndpointAuthMethod: "private_key_jwt",
          clientAssertion: { claims: { [name]: "https://honest.example.com" } },
        },
      );
      expect(failed(result)).toMatchObject({ code: "invalid_config" });
    }
  });

  test("clientAssertion sets lifetime, type and further claims", async () => {
    const { form } = await sentWith(
      {
        tokenEndpointAuthMethod: "private_key_jwt",
        clientAssertion: { type: "urn:example:assertion", ttl: 300, claims: { tenant: "acme" } },
      },
      { issuer: ISSUER },
    );
    const [, payload = ""] = (form.get("client_assertion") ?? "").split(".");
    expect(form.get("client_assertion_type")).toBe("urn:example:assertion");
    expect(JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")))).toMatchObject({
      tenant: "acme",
      exp: NOW / 1000 + 300,
      aud: ISSUER,
    });
  });

  test("two connectors never share a key pair", async () => {
    const one = await sentWith({ tokenEndpointAuthMethod: "private_key_jwt" }, { issuer: ISSUER });
    const two = await sentWith({ tokenEndpointAuthMethod: "private_key_jwt" }, { issuer: ISSUER });
    const kid = ({ saved }: typeof one) => oauthDriver.publicKeys(saved.config)[0]?.kid;
    expect(kid(one)).not.toBe(kid(two));
  });

  test("the private key is a secret, and neither the configuration nor the wire shows it", async () => {
    const { saved } = await sentWith({ tokenEndpointAuthMethod: "private_key_jwt" }, { issuer: ISSUER });
    const { d } = JSON.parse(saved.secrets.clientPrivateKey ?? "{}");
    expect(d).toMatch(/^[\w-]{40,}$/);
    const shown = oauthDriver.redact(saved.config, Object.keys(saved.secrets));
    expect(JSON.stringify([saved.config, shown, oauthDriver.publicKeys(saved.config)])).not.toContain(d);
    expect(shown.jwksUri).toBe(CONTEXT.jwksUri);
  });

  test("scope, resource, audience and authorization_details go out as their RFCs say", async () => {
    const { form } = await sentWith(
      {},
      {},
      {
        scopes: ["read", "write"],
        resources: ["https://a.example.com/", "urn:b"],
        audience: ["one", "two"],
        authorizationDetails: [{ type: "files", actions: ["read"] }],
      },
    );
    expect(form.get("scope")).toBe("read write");
    expect(form.getAll("resource")).toEqual(["https://a.example.com/", "urn:b"]);
    expect(form.getAll("audience")).toEqual(["one", "two"]);
    expect(JSON.parse(form.get("authorization_details") ?? "")).toEqual([{ type: "files", actions: ["read"] }]);
  });

  test("a public client's http endpoint is never called where loopback is not allowed", async () => {
    const key = crypto.randomUUID();
    const saved = succeeded(await createOAuth({ token_endpoint: hostileAnswer(GOOD, { key }) }));
    const strict = { ...deps, urlPolicy: { ownHosts: [], allowLoopback: false } };
    const request = { ...noInstallation, config: saved.config, secrets: {}, connectorId: "scl_test" };
    const group = { scopes: [], resources: [], audience: [], authorizationDetails: [] };
    expect(failed(await oauthDriver.mint({ ...request, group }, strict)).code).toBe("url_not_allowed");
    expect(await lastRequest(key)).toBeNull();
  });
});

describe("which method is chosen when none is configured", () => {
  const choices: [advertised: string[] | undefined, secret: string, cc: boolean, method: string][] = [
    [undefined, "x", true, "client_secret_post"],
    [["client_secret_post"], "x", true, "client_secret_post"],
    [["client_secret_post", "client_secret_basic"], "x", true, "client_secret_basic"],
    [["tls_client_auth"], "x", true, "client_secret_post"],
    [["private_key_jwt"], "", true, "private_key_jwt"],
    [["none", "private_key_jwt"], "", true, "private_key_jwt"],
    [["none", "private_key_jwt"], "", false, "none"],
    [undefined, "", false, "none"],
  ];
  test.for(choices)(
    "advertised %j, secret %j, client credentials %j: %s",
    async ([advertised, secret, enabled, method]) => {
      const saved = succeeded(
        await createOAuth(
          {
            issuer: ISSUER,
            token_endpoint: "https://as.example.com/token",
            ...(advertised === undefined ? {} : { token_endpoint_auth_methods_supported: advertised }),
          },
          { clientSecret: secret, clientCredentials: { enabled } },
        ),
      );
      expect(oauthDriver.redact(saved.config, []).tokenEndpointAuthMethod).toBe(method);
    },
  );
});
