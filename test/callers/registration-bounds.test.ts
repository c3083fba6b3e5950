import { beforeAll, describe, expect, test } from "vitest";
import { type Api, apiOf, project, setUp } from "../support/api.ts";
import { testServices } from "../support/services.ts";
import { signer } from "./support.ts";

const NOW_MS = Date.UTC(2026, 10, 20);
const ec = await signer("ES256", "ec");
const all = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"];

let api: Api;
let owner: string;
let registered = 0;

beforeAll(async () => {
  const network = async () => Response.json({ keys: [ec.publicJwk] });
  api = apiOf(await testServices({ now: () => NOW_MS, network }));
  ({ owner } = await setUp(api));
});

/** An issuer of its own, whose key is given unless the fields say otherwise. */
const register = (fields: object) => {
  const issuer = `https://bounds-${++registered}.example.org`;
  return api.post("/v1/issuers", { issuer, audience: "us", jwks: { keys: [ec.publicJwk] }, ...fields }, owner);
};

/** An issuer that is only a name of so many characters. */
const issuerOf = (chars: number) => "https://name.example.org/".padEnd(chars, "n");
const keysUrl = (chars: number) => ({ jwks: undefined, jwksUri: "https://keys.example.org/".padEnd(chars, "k") });
const keys = (count: number) => ({ jwks: { keys: Array.from({ length: count }, () => ec.publicJwk) } });

describe("D-11 of what an operator may say of an issuer", () => {
  test.each<[string, object, object]>([
    ["the name has up to 2048 characters", { issuer: issuerOf(2048) }, { issuer: issuerOf(2049) }],
    ["the name is one", { issuer: "https://n.example" }, { issuer: "" }],
    ["the audience has up to 256 characters", { audience: "a".repeat(256) }, { audience: "a".repeat(257) }],
    ["the audience is one", { audience: "a" }, { audience: "" }],
    ["the claim has up to 200 characters", { selectorClaim: "s".repeat(200) }, { selectorClaim: "s".repeat(201) }],
    ["the claim has a name", { selectorClaim: "s" }, { selectorClaim: "" }],
    ["algorithms are those that we know", { algorithms: all }, { algorithms: [...all, "HS256"] }],
    ["each is named once", { algorithms: all }, { algorithms: [...all, "ES256"] }],
    ["one at least", { algorithms: ["ES256"] }, { algorithms: [] }],
    ["the keys' address has up to 2048 characters", keysUrl(2048), keysUrl(2049)],
    ["there are up to a hundred keys", keys(100), keys(101)],
    ["a key says of what type it is", keys(1), { jwks: { keys: [{ ...ec.publicJwk, kty: 1 }] } }],
    ["a token's age is a minute at least", { maxTokenAgeSeconds: 60 }, { maxTokenAgeSeconds: 59 }],
    ["and a day at most", { maxTokenAgeSeconds: 86_400 }, { maxTokenAgeSeconds: 86_401 }],
    ["in whole seconds", { maxTokenAgeSeconds: 61 }, { maxTokenAgeSeconds: 61.5 }],
    ["tokens are for one use or not", { oneTimeTokens: true }, { oneTimeTokens: 1 }],
  ])("%s", async (_, within, beyond) => {
    expect((await register(within)).status).toBe(201);
    const { status, body } = await register(beyond);
    expect([status, body.error.code]).toEqual([400, "bad_request"]);
  });

  test("what is said is kept, and shown", async () => {
    const said = { audience: "them", selectorClaim: "/a/b", maxTokenAgeSeconds: 61, oneTimeTokens: true };
    const { body } = await register({ ...said, algorithms: ["ES256", "ES256", "EdDSA"] });
    const shown = { ...said, algorithms: ["ES256", "EdDSA"], preset: null, jwksUri: null };
    expect(body).toMatchObject({ ...shown, keysFetchedAt: NOW_MS, createdAt: NOW_MS, login: null });
  });

  test("an issuer of which nothing is fetched need not be one that could be", async () => {
    for (const issuer of ["https://10.0.0.1", "https://cluster:6443", "http://127.0.0.1:5001"]) {
      expect([issuer, (await register({ issuer })).status]).toEqual([issuer, 201]);
    }
    const refused = await register({ issuer: "http://idp.internal" });
    expect(refused.body.error).toMatchObject({ code: "url_not_allowed" });
  });

  test("a registration and a rule that are sent twice with one key are one", async () => {
    const twice = async (path: string, body: object) => {
      const headers = {
        authorization: `Bearer ${owner}`,
        "content-type": "application/json",
        "idempotency-key": path,
      };
      const send = () => api.send(path, { method: "POST", headers, body: JSON.stringify(body) });
      const [first, second] = [await send(), await send()];
      expect([first.status, second.status]).toEqual([201, 201]);
      expect(second.body).toEqual(first.body);
    };
    const issuer = "https://twice.example.org";
    await twice("/v1/issuers", { issuer, audience: "us", jwks: { keys: [ec.publicJwk] } });
    const projectId = await project(api, owner, "twice");
    const rule = { issuer, environment: "production", claims: { sub: "x" } };
    await twice(`/v1/projects/${projectId}/identities`, rule);
    expect((await api.get(`/v1/projects/${projectId}/identities`, owner)).body.identities).toHaveLength(1);
  });
});
