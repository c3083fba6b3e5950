import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { apiKeyBody, created, newWorld, oauthBody, type World } from "./world.ts";

/** Every field of `data`, from the create body through the row to the wire, and through a change. */

let world: World;
beforeAll(async () => {
  world = await newWorld();
});

const read = async (id: string) => (await world.api.get(`/v1/connect/connectors/${id}`, world.owner)).body;
const patch = (id: string, body: unknown) => world.api.patch(`/v2/connect/connectors/${id}`, body, world.owner);
const configOf = async (id: string) =>
  JSON.parse(String(await env.DB.prepare("SELECT config FROM connectors WHERE id = ?").bind(id).first("config")));

const issuer = () => `${inject("hostileOrigin")}/as/good`;
const JWKS = { keys: [{ kty: "EC", crv: "P-256", x: "eA", y: "eQ" }] };
const DEVICE = "https://as.example.com/device";
const CONSENT = { enabled: true, scopes: ["openid"] };
const BEARER = { enabled: true, scopes: ["b"], sub: "s", iss: "i", aud: "a", ttl: 60, useClientCredentials: true };

const OAUTH_FIELDS: [field: string, first: unknown, second: unknown][] = [
  ["clientId", "one", "two"],
  ["clientName", "One", "Two"],
  ["tokenEndpointAuthMethod", "client_secret_basic", "client_secret_post"],
  ["responseType", "code", "code id_token"],
  ["pkceRequired", true, false],
  ["codeChallengeMethod", "S256", "plain"],
  ["userAuthorization", CONSENT, { enabled: true, scopes: ["openid", "mail"] }],
  ["refreshTokens", { enabled: true }, { enabled: false }],
  ["clientCredentials", { enabled: true, scopes: ["a"] }, { enabled: true, scopes: ["b", "c"] }],
  ["jwtBearer", { ...BEARER, additionalClaims: { a: 1 } }, { ...BEARER, ttl: 90, additionalClaims: { b: [2] } }],
  ["clientAssertion", { type: "urn:x", ttl: 30, claims: { a: 1 } }, { type: "urn:y", ttl: 60, claims: { b: 1 } }],
  ["forwardedClaims", { idToken: ["email"] }, { idToken: ["email", "name"] }],
  ["defaultAudience", "https://a.example.com", "https://b.example.com"],
  ["defaultTokenExpiresIn", 60, 7200],
  ["authorizationUrlParams", { access_type: "offline" }, { prompt: "consent" }],
  [
    "grantPolicy",
    { rotation: "grace", oldAccessTokenDies: false, revocationScope: "grant", codeLifetimeSeconds: 30 },
    { rotation: "stable", oldAccessTokenDies: true, revocationScope: "token", codeLifetimeSeconds: 600 },
  ],
];

describe("data of an oauth connector", () => {
  test.for(OAUTH_FIELDS)("%s is stored, shown and changed", async ([field, first, second]) => {
    const id = await created(world, oauthBody({}, { [field]: first }));
    expect((await configOf(id)).settings[field]).toEqual(first);
    expect((await read(id)).data[field]).toEqual(first);
    const changed = await patch(id, { data: { [field]: second } });
    expect([changed.status, changed.body.connector?.revision]).toEqual([200, 2]);
    expect((await configOf(id)).settings[field]).toEqual(second);
    expect((await read(id)).data[field]).toEqual(second);
  });

  const SERVER_FIELDS: [member: string, value: unknown][] = [
    ["device_authorization_endpoint", DEVICE],
    ["introspection_endpoint", "https://as.example.com/introspect"],
    ["client_id_metadata_document_supported", true],
    ["authorization_details_types_supported", ["payment"]],
    ["jwks", JWKS],
    ["scopes_supported", ["a"]],
  ];
  test.for(SERVER_FIELDS)(
    "serverConfig.%s overrides what was discovered, and empty text ends that",
    async ([member, value]) => {
      const serverConfig = { [member]: value };
      // The secret comes along, because an endpoint on a new origin would see it.
      const id = await created(world, oauthBody({}, { serverConfig }));
      const shown = (await read(id)).data;
      expect([shown.serverConfig, shown.server[member]]).toEqual([serverConfig, value]);
      expect(shown.server.issuer).toBe(issuer());
      if (typeof value !== "string") return;
      expect((await patch(id, { data: { serverConfig: { [member]: "" } } })).status).toBe(200);
      expect((await read(id)).data.server[member]).not.toBe(value);
    },
  );

  test("clientSecret shows that it is set, and is stored sealed only", async () => {
    const id = await created(world, oauthBody({}, { clientSecret: "first-s3cret" }));
    expect((await read(id)).data.clientSecret).toEqual({ set: true });
    expect((await patch(id, { data: { clientSecret: "second-s3cret" } })).status).toBe(200);
    const row = await env.DB.prepare("SELECT * FROM connectors WHERE id = ?").bind(id).first();
    expect(JSON.stringify([row, await read(id)])).not.toMatch(/s3cret/);
  });

  test("serverUrl is discovered when it is named", async () => {
    const id = await created(world, oauthBody());
    expect((await read(id)).data).toMatchObject({ serverUrl: issuer(), server: { issuer: issuer() } });
  });

  test("what a connector can do follows its data", async () => {
    const data = {
      userAuthorization: CONSENT,
      serverConfig: { service_documentation: "https://docs.example.com/api" },
    };
    const id = await created(world, oauthBody({}, data));
    expect(await read(id)).toMatchObject({
      supportedSubjectTypes: ["app", "user"],
      userTokens: { scopes: ["openid"] },
      appTokens: { scopes: ["read"] },
      docsite: "https://docs.example.com/api",
    });
  });
});

describe("users must be asked again", () => {
  const scopes = (...list: string[]) => ({ data: { userAuthorization: { scopes: list } } });

  test("when a change widens what user tokens may do, and only then", async () => {
    const id = await created(world, oauthBody({}, { userAuthorization: { enabled: true, scopes: ["a", "b"] } }));
    expect((await patch(id, scopes("a"))).body).not.toHaveProperty("reconsentNeeded");
    expect((await patch(id, scopes("a", "c"))).body.reconsentNeeded).toEqual({ scope: "user" });
    expect((await patch(id, scopes("c", "a"))).body).not.toHaveProperty("reconsentNeeded");
    const appScopes = { data: { clientCredentials: { scopes: ["more"] } } };
    expect((await patch(id, appScopes)).body).not.toHaveProperty("reconsentNeeded");
    expect((await patch(id, { name: "x" })).body).not.toHaveProperty("reconsentNeeded");
  });

  test("not where nobody could have consented before", async () => {
    const id = await created(world, oauthBody());
    const data = { userAuthorization: { enabled: true, scopes: ["a"] } };
    expect((await patch(id, { data })).body).not.toHaveProperty("reconsentNeeded");
  });
});

describe("data of an api-key connector", () => {
  test("subjectType decides whom tokens are for, and stays", async () => {
    const app = await created(world, apiKeyBody());
    const user = await created(world, apiKeyBody({}, { subjectType: "user", values: [] }));
    expect([(await read(app)).data.subjectType, (await read(app)).supportedSubjectTypes]).toEqual(["app", ["app"]]);
    expect(await read(user)).toMatchObject({
      data: { subjectType: "user" },
      supportedSubjectTypes: ["user"],
      userTokens: { manualCredentialInput: true },
    });
    expect((await patch(app, { data: { subjectType: "user" } })).status).toBe(400);
  });

  test("values are added, changed, and deleted by id; their text is never shown", async () => {
    const expiresAt = Date.now() + 1e6;
    const id = await created(world, apiKeyBody({}, { values: [{ value: "k3y-1", scope: "read", expiresAt }] }));
    const [first] = (await read(id)).data.values;
    expect(first).toEqual({ id: expect.any(String), value: { set: true }, scope: "read", expiresAt });
    await patch(id, { data: { toAdd: [{ value: "k3y-2", scope: "write" }] } });
    expect((await read(id)).appTokens.scopes).toEqual(["read", "write"]);
    await patch(id, { data: { toUpdate: [{ id: first.id, value: null, scope: null, expiresAt: "" }] } });
    const [changed, second] = (await read(id)).data.values;
    expect(changed).toEqual({ id: first.id, value: { set: true } });
    await patch(id, { data: { toDelete: [first.id] } });
    expect((await read(id)).data.values).toEqual([second]);
    const row = await env.DB.prepare("SELECT * FROM connectors WHERE id = ?").bind(id).first();
    expect(JSON.stringify([row, await read(id)])).not.toContain("k3y-");
  });

  test("serviceUrls name the service, instructions are kept as Markdown and cleared by empty text", async () => {
    const data = { serviceUrls: ["https://api.notion.example/v1"], instructions: "Open **Settings**." };
    const id = await created(world, apiKeyBody({}, data));
    expect(await read(id)).toMatchObject({ service: "api.notion.example", data });
    await patch(id, { data: { instructions: "Ask _Ann_." } });
    expect((await read(id)).data.instructions).toBe("Ask _Ann_.");
    await patch(id, { data: { instructions: "" } });
    expect((await read(id)).data).not.toHaveProperty("instructions");
  });
});

describe("how a connector connects", () => {
  test("connectionMethod and target are shown as they were named, and only then", async () => {
    const id = await created(world, apiKeyBody({ connectionMethod: "personal-token", target: "api" }));
    expect(await read(id)).toMatchObject({ connectionMethod: "personal-token", target: "api" });
    const plain = await read(await created(world, apiKeyBody()));
    expect(plain).not.toHaveProperty("connectionMethod");
    expect(plain).not.toHaveProperty("target");
    for (const target of ["", "a b", "x".repeat(65), "\u0000"]) {
      const answer = await world.api.post("/v1/connect/connectors", apiKeyBody({ target }), world.owner);
      expect([target, answer.status]).toEqual([target, 400]);
    }
  });

  test("updatedBy names who changed it last, a project's token by project and environment", async () => {
    const user = { name: "u", role: "admin", userId: "ann" };
    const { token } = (await world.api.post("/v1/access-tokens", user, world.owner)).body;
    const made = await world.api.post("/v1/connect/connectors", apiKeyBody(), token);
    expect(made.body).toMatchObject({ createdBy: { type: "user", id: "ann" }, updatedBy: { type: "user", id: "ann" } });
  });

  test("If-Match * passes for whatever is there, and is 404 where nothing is", async () => {
    const id = await created(world, apiKeyBody());
    const send = (method: string, path: string, body?: unknown) =>
      world.api.send(path, {
        method,
        headers: { authorization: `Bearer ${world.owner}`, "if-match": "*", "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    expect((await send("PATCH", `/v2/connect/connectors/${id}`, { name: "Any" })).status).toBe(200);
    expect((await send("DELETE", `/v1/connect/connectors/${id}`)).status).toBe(204);
    expect((await send("DELETE", "/v1/connect/connectors/scl_00000000000000000000")).status).toBe(404);
  });
});
