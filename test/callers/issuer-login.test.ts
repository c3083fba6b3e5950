import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { findLogin } from "../../src/callers/issuer-login.ts";
import { type Api, apiOf, setUp } from "../support/api.ts";
import { type TestServices, testServices } from "../support/services.ts";
import { signer } from "./support.ts";

const ec = await signer("ES256", "ec");
const JWKS = { keys: [ec.publicJwk] };

let services: TestServices;
let api: Api;
let owner: string;
let teamId: string;
let registered = 0;

beforeAll(async () => {
  const network: typeof fetch = async (input) => {
    const { origin, pathname } = new URL(input instanceof Request ? input.url : input);
    if (origin.includes("nobody-there")) return Response.json({}, { status: 404 });
    if (!pathname.startsWith("/.well-known/")) return Response.json(JWKS);
    return Response.json({
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      jwks_uri: `${origin}/jwks`,
    });
  };
  services = await testServices({ network });
  api = apiOf(services);
  ({ owner, teamId } = await setUp(api));
});

const register = (fields: object = {}) => {
  const issuer = `https://login-${++registered}.example.org`;
  return api.post("/v1/issuers", { issuer, audience: "us", algorithms: ["ES256"], ...fields }, owner);
};

interface Row {
  login: string | null;
  login_secret_sealed: string | null;
  login_secret_kid: string | null;
  login_secret_generation: number;
}

/** What of an issuer's login lies in the database. */
async function stored(id: string): Promise<Row> {
  const row = await env.DB.prepare("SELECT * FROM issuers WHERE id = ?").bind(id).first<Row>();
  if (row === null) throw new Error("there is no such issuer");
  return row;
}
const settingsOf = ({ login }: Row) => JSON.parse(login ?? "null")?.config.settings;

/** Whoever signs in is asked for nothing but who they are. */
const NOTHING_MORE = {
  userAuthorization: { enabled: true, scopes: ["openid"] },
  refreshTokens: { enabled: false },
  pkceRequired: false,
};

describe("an issuer's client", () => {
  test("with a secret proves itself with that, and verifies with the keys of the issuer's address", async () => {
    const { body } = await register({ login: { clientId: "our-client", clientSecret: "our-secret" } });
    expect(body.login).toEqual({ clientId: "our-client" });
    const row = await stored(body.id);
    expect(settingsOf(row)).toEqual({
      clientId: "our-client",
      serverUrl: body.issuer,
      serverConfig: { jwks_uri: `${body.issuer}/jwks`, prompt_values_supported: [] },
      ...NOTHING_MORE,
    });
    expect(row).toMatchObject({ login_secret_kid: "k1", login_secret_generation: 1 });
    expect(row.login_secret_sealed).toMatch(/^[\w-]{80,}$/);
  });

  test("without one is public, and verifies with the keys that the operator gave", async () => {
    const { body } = await register({ jwks: JWKS, login: { clientId: "public" } });
    const row = await stored(body.id);
    expect(settingsOf(row)).toEqual({
      clientId: "public",
      serverUrl: body.issuer,
      serverConfig: { jwks: { keys: [ec.publicJwk] }, prompt_values_supported: [] },
      tokenEndpointAuthMethod: "none",
      ...NOTHING_MORE,
    });
    expect(row).toMatchObject({ login_secret_sealed: null, login_secret_kid: null });
  });

  test("is found by the exact name of its issuer, with its secret or without one", async () => {
    const kept = (login: object) => register({ jwks: JWKS, login });
    const [secret, open, none] = [
      (await kept({ clientId: "c", clientSecret: "the-secret" })).body,
      (await kept({ clientId: "p" })).body,
      (await register({ jwks: JWKS })).body,
    ];
    const found = await findLogin(secret.issuer, teamId, services);
    expect(found).toMatchObject({ ok: true, value: { issuerId: secret.id, clientId: "c" } });
    expect(found?.ok && found.value.secrets.clientSecret?.expose()).toBe("the-secret");
    expect(await findLogin(open.issuer, teamId, services)).toMatchObject({
      ok: true,
      value: { issuerId: open.id, clientId: "p", secrets: {} },
    });
    for (const name of [none.issuer, `${open.issuer}/`]) expect(await findLogin(name, teamId, services)).toBeNull();
    // Sealed for this team.
    expect(await findLogin(secret.issuer, "team_other", services)).toMatchObject({
      failure: { code: "decryption_failed" },
    });
  });

  test("that is removed leaves its number behind, so that no secret is sealed under it again", async () => {
    const { body } = await register({ login: { clientId: "c", clientSecret: "first" } });
    const path = `/v1/issuers/${body.id}/login`;
    const { login_secret_sealed: first } = await stored(body.id);
    expect((await api.delete(path, owner)).status).toBe(204);
    expect(await stored(body.id)).toMatchObject({
      login: null,
      login_secret_sealed: null,
      login_secret_kid: null,
      login_secret_generation: 1,
    });
    expect((await api.put(path, { clientId: "c", clientSecret: "first" }, owner)).body.login).toEqual({
      clientId: "c",
    });
    const again = await stored(body.id);
    expect(again.login_secret_generation).toBe(2);
    expect(again.login_secret_sealed).not.toBe(first);
  });

  test.each<[string, object, object]>([
    ["a name of up to 512 characters", { clientId: "c".repeat(512) }, { clientId: "c".repeat(513) }],
    ["a name at all", { clientId: "c" }, { clientId: "" }],
    [
      "a secret of up to 4096 characters",
      { clientId: "c", clientSecret: "s".repeat(4096) },
      { clientId: "c", clientSecret: "s".repeat(4097) },
    ],
    ["a secret or none", { clientId: "c", clientSecret: "s" }, { clientId: "c", clientSecret: "" }],
  ])("D-11 has %s", async (_, within, beyond) => {
    expect((await register({ login: within })).status).toBe(201);
    const { status, body } = await register({ login: beyond });
    expect([status, body.error.code]).toEqual([400, "bad_request"]);
  });

  test("of an issuer whose endpoints cannot be found leaves no issuer behind", async () => {
    const issuer = "https://nobody-there.invalid-login.example.org";
    const answer = await register({ issuer, jwks: JWKS, login: { clientId: "c" } });
    expect([answer.status, answer.body.error.code]).toEqual([400, "invalid_config"]);
    expect((await api.get("/v1/issuers?limit=100", owner)).text).not.toContain(issuer);
  });
});
