import { describe, expect, test } from "vitest";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { CONTEXT, DEFAULTS, deps, failed, publishing, succeeded } from "./support.ts";
import { ISSUER, queryOf, REDIRECT_URI, SERVER, urlOf, userConnector } from "./user-support.ts";

const group = (members: Partial<typeof DEFAULTS>) => ({ ...DEFAULTS, ...members });
const OPENID = group({ scopes: ["openid"] });

describe("what the browser is sent with", () => {
  test("the least there can be: code, PKCE by S256, state, and nothing that nobody asked for", async () => {
    const url = new URL(succeeded(await urlOf(await userConnector())));
    expect(url.origin + url.pathname).toBe(SERVER.authorization_endpoint);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: "code",
      client_id: "client",
      redirect_uri: REDIRECT_URI,
      state: "state-1",
      code_challenge: "challenge-1",
      code_challenge_method: "S256",
    });
  });

  test("scopes, resources, audience and authorization details go out as their RFCs say", async () => {
    const query = await queryOf(await userConnector(), {
      group: {
        scopes: ["read", "write"],
        resources: ["https://a.example.com/", "urn:b"],
        audience: ["one", "two"],
        authorizationDetails: [{ type: "files", actions: ["read"] }],
      },
    });
    expect(query.get("scope")).toBe("read write");
    expect(query.getAll("resource")).toEqual(["https://a.example.com/", "urn:b"]);
    expect(query.getAll("audience")).toEqual(["one", "two"]);
    expect(JSON.parse(query.get("authorization_details") ?? "")).toEqual([{ type: "files", actions: ["read"] }]);
  });

  test("A-20 a nonce goes with openid, and only then", async () => {
    const connector = await userConnector();
    expect((await queryOf(connector, { group: OPENID })).get("nonce")).toBe("nonce-1");
    expect((await queryOf(connector, { group: group({ scopes: ["read"] }) })).has("nonce")).toBe(false);
  });

  test.for([{ issuer: "" }, { jwks_uri: "" }])(
    "A-20 nobody is sent to authorize what could not be verified afterwards: without %j",
    async (server) => {
      const failure = failed(await urlOf(await userConnector(server), { group: OPENID }));
      expect(failure.code).toBe("invalid_config");
      expect(failure.message).toContain(Object.keys(server)[0]);
    },
  );

  const offline: [data: object, listed: string[] | undefined, scopes: string[], sent: string | null][] = [
    [{}, ["read", "offline_access"], ["read"], "read offline_access"],
    [{}, ["read", "offline_access"], ["offline_access", "read"], "offline_access read"],
    [{}, ["read", "offline_access"], [], null],
    [{}, ["read"], ["read"], "read"],
    [{}, undefined, ["read"], "read"],
    [{ refreshTokens: { enabled: false } }, ["read", "offline_access"], ["read"], "read"],
    [{ refreshTokens: { enabled: true } }, ["offline_access"], ["read"], "read offline_access"],
  ];
  test.for(offline)(
    "with %j where %j is listed, the scopes %j are sent as %j",
    async ([data, listed, scopes, sent]) => {
      const server = listed === undefined ? {} : { scopes_supported: listed };
      expect((await queryOf(await userConnector(server, { ...data }), { group: group({ scopes }) })).get("scope")).toBe(
        sent,
      );
    },
  );

  test("the configured response type is sent, unless it would put tokens into the browser's address", async () => {
    expect((await queryOf(await userConnector({}, { responseType: "code id_token" }))).get("response_type")).toBe(
      "code id_token",
    );
    for (const responseType of ["token", "code token", "id_token", "Code"]) {
      expect(failed(await urlOf(await userConnector({}, { responseType }))).code).toBe("invalid_config");
    }
  });

  test("the endpoint's own query stays, but cannot speak for the protocol", async () => {
    const endpoint = `${ISSUER}/authorize?tenant=acme&audience=own&Redirect_URI=https%3A%2F%2Fevil.example.com&state=evil&request=evil`;
    const connector = await userConnector({ authorization_endpoint: endpoint });
    const query = await queryOf(connector);
    expect(query.get("tenant")).toBe("acme");
    expect(query.get("audience")).toBe("own");
    expect(query.getAll("state")).toEqual(["state-1"]);
    expect(query.has("Redirect_URI") || query.has("request")).toBe(false);
    expect((await queryOf(connector, { group: group({ audience: ["asked"] }) })).getAll("audience")).toEqual(["asked"]);
  });

  test("an endpoint that may not be called is not where a browser is sent", async () => {
    const connector = await userConnector({ authorization_endpoint: "http://127.0.0.1:1/authorize" });
    const request = {
      ...connector,
      redirectUri: REDIRECT_URI,
      state: "s",
      codeChallenge: "c",
      nonce: "n",
      group: DEFAULTS,
      prompt: null,
      additionalParams: {},
    };
    const strict = { ...deps, urlPolicy: { ownHosts: [], allowLoopback: false } };
    expect(failed(await oauthDriver.authorizationUrl(request, strict)).code).toBe("url_not_allowed");
  });
});

describe("parameters of operators and callers", () => {
  test("a caller's goes over an operator's, and an operator's stays otherwise", async () => {
    const connector = await userConnector({}, { authorizationUrlParams: { access_type: "offline", hd: "a.example" } });
    const query = await queryOf(connector, { additionalParams: { hd: "b.example", login_hint: "ann" } });
    expect([query.get("access_type"), query.getAll("hd"), query.get("login_hint")]).toEqual([
      "offline",
      ["b.example"],
      "ann",
    ]);
  });

  const protocol = ["redirect_uri", "Redirect_URI", "client_id", "state", "scope", "SCOPE", "nonce", "response_type"];
  const more = ["response_mode", "code_challenge", "code_challenge_method", "request", "request_uri", "resource"];
  const last = ["authorization_details", "client_secret", "client_assertion", "code_verifier", "dpop_jkt"];
  const ownMembers = ["prompt", "audience", "user_scope", "optional_scope", "include_granted_scopes"];
  test.for([...protocol, ...more, ...last, ...ownMembers])(
    "A-12 a caller cannot set %s, and is told so",
    async (name) => {
      const failure = failed(await urlOf(await userConnector(), { additionalParams: { ok: "1", [name]: "evil" } }));
      expect(failure.code).toBe("bad_request");
      expect(failure.message).toContain(`must not set ${name}:`);
    },
  );

  test.for(["redirect_uri", "Redirect_URI", "CODE_CHALLENGE", "client_assertion"])(
    "A-12 an operator cannot set %s either",
    async (name) => {
      const data = { clientId: "c", serverConfig: SERVER, authorizationUrlParams: { [name]: "evil" } };
      const failure = failed(await oauthDriver.create(data, CONTEXT, deps));
      expect(failure.code).toBe("invalid_config");
      expect(failure.message).toContain("data.authorizationUrlParams");
    },
  );

  test("A-12 one that an earlier version stored is left out", async () => {
    const connector = await userConnector();
    const stored = JSON.parse(JSON.stringify(connector.config));
    stored.settings.authorizationUrlParams = { Redirect_URI: "https://evil.example.com", hd: "a.example" };
    const query = await queryOf({ ...connector, config: stored });
    expect([query.has("Redirect_URI"), query.get("hd")]).toEqual([false, "a.example"]);
  });

  test("A-12 a value is one value, whatever it contains", async () => {
    const value = "a&redirect_uri=https://evil.example.com#x\r\n";
    const query = await queryOf(await userConnector(), { additionalParams: { login_hint: value } });
    expect([query.get("login_hint"), query.getAll("redirect_uri")]).toEqual([value, [REDIRECT_URI]]);
  });

  test.for(["read&redirect_uri=https://evil", "read&Scope=all", "read&state", "a b", "a\u0000", 'a"', "a\\", ""])(
    "A-12 the scope %j cannot carry another parameter",
    async (scope) => {
      const connector = await userConnector();
      expect(failed(await urlOf(connector, { group: group({ scopes: [scope] }) })).code).toBe("invalid_scope");
      const resolved = oauthDriver.resolveGroup(connector.config, "user", group({ scopes: [scope] }));
      expect(failed(resolved).code).toBe("invalid_scope");
    },
  );

  test("a scope with a query of its own is only a scope", async () => {
    const scope = "patient/Observation.rs?category=vital&_id=1";
    expect((await queryOf(await userConnector(), { group: group({ scopes: [scope] }) })).get("scope")).toBe(scope);
  });
});

describe("prompt", () => {
  test.for(["none", "login", "consent", "select_account", "create", "login consent"])(
    "%s is sent as it is",
    async (prompt) => {
      const connector = await userConnector({}, { authorizationUrlParams: { prompt: "login" } });
      expect((await queryOf(connector, { prompt })).getAll("prompt")).toEqual([prompt]);
    },
  );

  test.for(["consent&x=1", "Consent", "", "none login", "login login", "login  consent", "all", "login\tconsent"])(
    "A-12 %j is refused",
    async (prompt) => {
      expect(failed(await urlOf(await userConnector(), { prompt })).code).toBe("bad_request");
    },
  );

  const untold: [listed: string[] | undefined, scopes: string[], params: object, sent: string | null][] = [
    [["login", "consent"], ["read"], {}, "consent"],
    [["login"], ["openid"], {}, null],
    [undefined, ["openid"], {}, "consent"],
    [undefined, ["read"], {}, null],
    [["consent"], ["openid"], { prompt: "select_account" }, "select_account"],
  ];
  test.for(untold)(
    "A-19 a remembered consent is asked anew where that can be had: listed %j, scopes %j, set %j",
    async ([listed, scopes, authorizationUrlParams, sent]) => {
      const server = listed === undefined ? {} : { prompt_values_supported: listed };
      const connector = await userConnector(server, { authorizationUrlParams });
      expect((await queryOf(connector, { group: group({ scopes }) })).get("prompt")).toBe(sent);
    },
  );
});

describe("PKCE", () => {
  const typedIn: [methods: string[] | undefined, pkceRequired: boolean | undefined, passes: boolean][] = [
    [["S256"], undefined, true],
    [["plain", "S256"], false, true],
    [["plain"], undefined, false],
    [["plain"], false, false],
    [["s256"], undefined, false],
    [[], undefined, false],
    [undefined, undefined, true],
    [undefined, true, false],
  ];
  test.for(typedIn)(
    "A-06 configured endpoints with methods %j and pkceRequired %j",
    async ([methods, pkceRequired, passes]) => {
      const server = methods === undefined ? {} : { code_challenge_methods_supported: methods };
      const connector = await userConnector(server, pkceRequired === undefined ? {} : { pkceRequired });
      const url = await urlOf(connector);
      expect(url.ok ? "sent" : url.failure.code).toBe(passes ? "sent" : "pkce_unsupported");
    },
  );

  const discovered: [methods: string[] | undefined, data: object, passes: boolean][] = [
    [["S256"], {}, true],
    [["plain"], {}, false],
    [undefined, {}, false],
    [undefined, { pkceRequired: false }, true],
    [undefined, { serverConfig: { code_challenge_methods_supported: ["S256"] } }, true],
  ];
  test.for(discovered)("A-06 discovered metadata with methods %j and %j", async ([methods, extra, passes]) => {
    const document = { ...SERVER, code_challenge_methods_supported: methods };
    const providers = publishing({ [`${ISSUER}/.well-known/oauth-authorization-server`]: document });
    const data = { clientId: "c", serverUrl: ISSUER, userAuthorization: { enabled: true }, ...extra };
    const saved = succeeded(await oauthDriver.create(data, CONTEXT, providers));
    const url = await urlOf({ config: saved.config, secrets: {}, connectorId: "scl_test" });
    expect(url.ok ? "sent" : url.failure.code).toBe(passes ? "sent" : "pkce_unsupported");
  });

  test("A-06 plain is never sent, whatever is configured", async () => {
    const query = await queryOf(await userConnector({}, { codeChallengeMethod: "plain", pkceRequired: false }));
    expect(query.getAll("code_challenge_method")).toEqual(["S256"]);
  });
});
