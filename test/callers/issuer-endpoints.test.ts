import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { runtimeEndpoint } from "../../src/http/endpoint.ts";
import { hostile } from "../providers/hostile.ts";
import { type Api, accessToken, apiOf, project, setUp } from "../support/api.ts";
import { type TestServices, testServices } from "../support/services.ts";

const ISSUER = "https://idp.example.org";
const AUDIENCE = "https://connect.example.com";

/** A network of JSON documents by URL; a function or anything not there fails as such. */
function networkOf(documents: Map<string, unknown>, asked: string[]): typeof fetch {
  return async (input) => {
    const url = input instanceof Request ? input.url : String(input);
    asked.push(url);
    const document = documents.get(url);
    if (document instanceof Response) return document.clone() as Response;
    return document === undefined ? Response.json({}, { status: 404 }) : Response.json(document);
  };
}

describe("trusted issuers and identity rules", () => {
  const documents = new Map<string, unknown>();
  const asked: string[] = [];
  let services: TestServices;
  let api: Api;
  let owner: string;
  let shop: string;
  let other: string;
  let rsa: JWK;
  let ec: JWK;
  let privateKey: CryptoKey;
  let unique = 0;

  const register = (fields: Record<string, unknown> = {}, token = owner) =>
    api.post("/v1/issuers", { issuer: ISSUER, audience: AUDIENCE, ...fields }, token);
  /** A well-behaved issuer of its own name, registered. */
  async function trusted(fields: Record<string, unknown> = {}): Promise<{ issuer: string; id: string }> {
    const issuer = `https://idp${++unique}.example.org`;
    publish(issuer);
    const { status, body } = await register({ issuer, ...fields });
    expect([status, body.error?.message]).toEqual([201, undefined]);
    return { issuer, id: body.id };
  }
  function publish(issuer: string, changes: { metadata?: object; keys?: JWK[] } = {}): void {
    documents.set(`${issuer}/.well-known/openid-configuration`, {
      issuer,
      jwks_uri: `${issuer}/keys`,
      ...changes.metadata,
    });
    documents.set(`${issuer}/keys`, { keys: changes.keys ?? [rsa, ec] });
  }

  beforeAll(async () => {
    services = await testServices({ network: networkOf(documents, asked) });
    api = apiOf(services);
    ({ owner } = await setUp(api));
    shop = await project(api, owner, "shop");
    other = await project(api, owner, "other");
    const pair = await generateKeyPair("ES256", { extractable: true });
    privateKey = pair.privateKey;
    ec = { ...(await exportJWK(pair.publicKey)), kid: "ec", alg: "ES256", use: "sig" };
    rsa = { ...(await exportJWK((await generateKeyPair("RS256", { extractable: true })).publicKey)), kid: "rsa" };
  });
  beforeEach(() => {
    documents.clear();
    asked.length = 0;
  });

  test("an issuer is discovered and its keys pinned at registration, with defaults shown", async () => {
    publish(ISSUER);
    const { status, body } = await register();
    expect([status, body]).toEqual([
      201,
      {
        id: expect.stringMatching(/^iss_/),
        issuer: ISSUER,
        audience: AUDIENCE,
        preset: null,
        selectorClaim: "sub",
        algorithms: expect.arrayContaining(["RS256", "ES256"]),
        maxTokenAgeSeconds: expect.any(Number),
        oneTimeTokens: false,
        jwksUri: `${ISSUER}/keys`,
        keys: [
          { kid: "rsa", kty: "RSA" },
          { kid: "ec", kty: "EC", alg: "ES256" },
        ],
        keysFetchedAt: expect.any(Number),
        login: null,
        createdAt: expect.any(Number),
      },
    ]);
    expect(asked).toEqual([`${ISSUER}/.well-known/openid-configuration`, `${ISSUER}/keys`]);
    expect((await register()).body.error.code).toBe("conflict");
    expect((await api.get("/v1/issuers", owner)).body.issuers).toContainEqual(body);
  });

  test("a preset sets what the operator does not", async () => {
    const issuer = "https://ci.example.org";
    publish(issuer);
    const { body } = await register({ issuer, preset: "github-actions", maxTokenAgeSeconds: 300 });
    expect(body).toMatchObject({
      preset: "github-actions",
      selectorClaim: "repository_id",
      algorithms: ["RS256"],
      maxTokenAgeSeconds: 300,
    });
    expect((await register({ issuer: "https://x.example.org", preset: "nobody" })).status).toBe(400);
  });

  test("a trailing slash belongs to the issuer's name and is not doubled on the way to its metadata", async () => {
    const issuer = "https://slash.example.org/";
    documents.set("https://slash.example.org/.well-known/openid-configuration", { issuer, jwks_uri: `${issuer}keys` });
    documents.set(`${issuer}keys`, { keys: [rsa] });
    expect((await register({ issuer })).status).toBe(201);
    const without = await register({ issuer: "https://slash.example.org" });
    expect([without.status, without.body.error.code]).toEqual([422, "issuer_unusable"]);
    expect(without.body.error.message).toContain("trailing slash");
  });

  test("B-03 keys on another host need the operator's word, and then discovery is not asked", async () => {
    publish("https://two.example.org", { metadata: { jwks_uri: "https://evil.example.net/keys" } });
    documents.set("https://evil.example.net/keys", { keys: [rsa] });
    const refused = await register({ issuer: "https://two.example.org" });
    expect([refused.status, refused.body.error.code]).toEqual([422, "issuer_unusable"]);
    expect(refused.body.error.message).toMatch(/evil\.example\.net.*jwksUri/);
    expect(asked).not.toContain("https://evil.example.net/keys");
    asked.length = 0;
    const given = await register({ issuer: "https://two.example.org", jwksUri: "https://evil.example.net/keys" });
    expect(given.status).toBe(201);
    expect(asked).toEqual(["https://evil.example.net/keys"]);
  });

  test("another port of the issuer's host is another host", async () => {
    const issuer = "http://127.0.0.1:5001";
    publish(issuer, { metadata: { jwks_uri: "http://127.0.0.1:5002/keys" } });
    documents.set("http://127.0.0.1:5002/keys", { keys: [rsa] });
    expect((await register({ issuer })).status).toBe(422);
  });

  test("B-03 issuers and key addresses that point inward are refused before anything is asked", async () => {
    const urls = [
      "http://idp.example.org",
      "https://169.254.169.254",
      "https://10.0.0.1",
      "https://metadata.google.internal",
      "https://idp.example.org:8443",
      "https://user:pw@idp.example.org",
      "https://idp",
      "http://127.0.0.1:8787/other",
      "file:///etc/passwd",
      "idp.example.org",
    ];
    for (const url of urls) {
      const asIssuer = await register({ issuer: url });
      expect([url, asIssuer.status, asIssuer.body.error.code]).toEqual([url, 400, "url_not_allowed"]);
      const asKeys = await register({ issuer: "https://named.example.org", jwksUri: url });
      expect([url, asKeys.status, asKeys.body.error.code]).toEqual([url, 400, "url_not_allowed"]);
    }
    expect(asked).toEqual([]);
  });

  test("every way for an issuer to be unusable is 422 with a cause and a fix, and leaves no issuer behind", async () => {
    const real = apiOf(await testServices());
    const faults = [
      "/html",
      "/huge",
      "/reset",
      "/truncated",
      "/status/500",
      "/redirect/302",
      "/gzip-bomb",
      "/ok",
      "/nope",
    ];
    for (const path of faults) {
      const issuer = hostile(path);
      const { status, body } = await real.post("/v1/issuers", { issuer, audience: "a" }, owner);
      expect([path, status, body.error.code]).toEqual([path, 422, "issuer_unusable"]);
      expect(body.error.message).toMatch(/^The issuer could not be used: .*\. [A-Z].*/);
      expect(body.error.message).not.toMatch(/hostile|access_token|<h1>/);
    }
    for (const variant of ["wrong-issuer", "trailing-slash", "huge", "html", "good"]) {
      // "good" is an authorization server whose jwks_uri serves no key set.
      const { status, body } = await real.post(
        "/v1/issuers",
        { issuer: hostile(`/as/${variant}`), audience: "a" },
        owner,
      );
      expect([variant, status, body.error.code]).toEqual([variant, 422, "issuer_unusable"]);
    }
    const listed = (await api.get("/v1/issuers?limit=100", owner)).body.issuers as { issuer: string }[];
    expect(listed.filter(({ issuer }) => issuer.startsWith("http://127.0.0.1"))).toEqual([]);
  });

  test("a key set without one usable key is refused: private, weak, for encryption, or of another algorithm", async () => {
    const secret = { kty: "oct", k: "c2VjcmV0", alg: "HS256" };
    const weak = { kty: "RSA", n: "sXch", e: "AQAB" };
    const sets: JWK[][] = [[], [secret], [weak], [{ ...rsa, use: "enc" }], [{ ...ec, d: "x" }]];
    for (const keys of sets) {
      const issuer = `https://keys${++unique}.example.org`;
      publish(issuer, { keys });
      expect((await register({ issuer })).body.error.code).toBe("issuer_unusable");
    }
    const issuer = `https://keys${++unique}.example.org`;
    publish(issuer, { keys: [rsa] });
    expect((await register({ issuer, algorithms: ["ES256"] })).status).toBe(422);
    expect((await register({ issuer, algorithms: ["HS256"] })).status).toBe(400);
    expect((await register({ issuer, algorithms: ["none"] })).status).toBe(400);
  });

  test("a cluster without public discovery gives its keys inline, and nothing is asked", async () => {
    const issuer = "https://kubernetes.default.svc.cluster.local";
    const { status, body } = await register({
      issuer,
      preset: "kubernetes",
      jwks: { keys: [{ ...rsa, extra: "dropped" }] },
    });
    expect([status, body.jwksUri]).toEqual([201, null]);
    expect(asked).toEqual([]);
    expect((await register({ issuer: "http://kubernetes.default", jwks: { keys: [rsa] } })).status).toBe(400);
    expect((await register({ jwks: { keys: [rsa] }, jwksUri: "https://x.example.org/k" })).status).toBe(400);
  });

  test("this deployment's own name cannot be registered", async () => {
    const { status } = await register({ issuer: services.settings.publicOrigin, jwks: { keys: [rsa] } });
    expect(status).toBe(409);
  });

  test("D-11 D-12 nothing but what is documented can be set, and no private member of a given key is stored", async () => {
    const bad = await register({ issuer: "https://d.example.org", jwksFetchedAtMs: 1, id: "iss_x" });
    expect(bad.body.error.code).toBe("unknown_field");
    const issuer = "https://private.example.org";
    const { text, status } = await register({ issuer, jwks: { keys: [rsa, { ...ec, d: "PRIVATE-PART" }] } });
    expect([status, text.includes("PRIVATE-PART")]).toEqual([201, false]);
    const rows = await services.db.all({ sql: "SELECT jwks FROM issuers", values: [] });
    expect(JSON.stringify(rows)).not.toContain("PRIVATE-PART");
  });

  test("a rule must pin the selector claim, name a real environment and a registered issuer", async () => {
    const { issuer } = await trusted({ selectorClaim: "repository_id" });
    const path = `/v1/projects/${shop}/identities`;
    const rule = { issuer, environment: "production", claims: { repository_id: "1" } };
    const cases: [object, number][] = [
      [rule, 201],
      [{ ...rule, claims: { sub: "repo:a/b" } }, 400],
      [{ ...rule, claims: {} }, 400],
      [{ ...rule, claims: { repository_id: ["1"] } }, 400],
      [{ ...rule, claims: { repository_id: "2", "/a~2": "x" } }, 400],
      [{ ...rule, environment: "env_nope" }, 400],
      [{ ...rule, issuer: `${issuer}/` }, 400],
      [{ ...rule, project: other }, 400],
    ];
    for (const [body, status] of cases) {
      const answer = await api.post(path, body, owner);
      expect([body, answer.status]).toEqual([body, status]);
    }
    const { body } = await api.get(path, owner);
    expect(body.identities[0]).toEqual({
      id: expect.stringMatching(/^idn_/),
      projectId: shop,
      issuer,
      environment: "production",
      claims: { repository_id: "1" },
      createdAt: expect.any(Number),
    });
  });

  test("a claim named __proto__ does not vanish and leave a wider rule", async () => {
    const { issuer } = await trusted();
    const text = `{"issuer":"${issuer}","environment":"production","claims":{"sub":"a","__proto__":"b"}}`;
    const answer = await api.send(`/v1/projects/${shop}/identities`, {
      method: "POST",
      headers: { authorization: `Bearer ${owner}`, "content-type": "application/json" },
      body: text,
    });
    expect(answer.status).toBe(400);
  });

  test("a rule that some token could match beside another project's or environment's is a conflict", async () => {
    const { issuer } = await trusted();
    const add = async (projectId: string, environment: string, claims: object) =>
      (await api.post(`/v1/projects/${projectId}/identities`, { issuer, environment, claims }, owner)).status;
    expect(await add(shop, "production", { sub: "a", branch: "main" })).toBe(201);
    expect(await add(other, "production", { sub: "a" })).toBe(409);
    expect(await add(shop, "preview", { sub: "a", actor: "x" })).toBe(409);
    expect(await add(shop, "preview", { sub: "a", branch: "dev" })).toBe(201);
    expect(await add(shop, "production", { sub: "a", branch: "main", actor: "x" })).toBe(201);
    expect(await add(other, "production", { sub: "b" })).toBe(201);
    expect((await api.get(`/v1/projects/${other}/identities`, owner)).body.identities).toHaveLength(1);
  });

  test("of two overlapping rules written at once, exactly one stays", async () => {
    const { issuer } = await trusted();
    const statuses = await Promise.all(
      [shop, other].map(
        async (id) =>
          (
            await api.post(
              `/v1/projects/${id}/identities`,
              { issuer, environment: "production", claims: { sub: "race" } },
              owner,
            )
          ).status,
      ),
    );
    expect(statuses.sort()).toEqual([201, 409]);
  });

  test("D-07 a rule is deleted through its own project only; an issuer takes its rules with it", async () => {
    const { issuer, id } = await trusted();
    const rule = { issuer, environment: "production", claims: { sub: "z" } };
    const { body } = await api.post(`/v1/projects/${shop}/identities`, rule, owner);
    expect((await api.delete(`/v1/projects/${other}/identities/${body.id}`, owner)).status).toBe(404);
    const bound = await accessToken(api, owner, { role: "admin", projectId: other });
    expect((await api.delete(`/v1/projects/${shop}/identities/${body.id}`, bound)).status).toBe(403);
    expect((await api.delete(`/v1/issuers/${id}`, bound)).status).toBe(403);
    expect((await api.delete(`/v1/issuers/${id}`, owner)).status).toBe(204);
    expect((await api.delete(`/v1/issuers/${id}`, owner)).status).toBe(404);
    expect((await api.delete(`/v1/projects/${shop}/identities/${body.id}`, owner)).status).toBe(404);
  });

  test("B-03 a registered issuer's token is its project's at once, and an unknown issuer's causes no fetch", async () => {
    const { issuer } = await trusted();
    const claims = { sub: "workload-7" };
    await api.post(`/v1/projects/${shop}/identities`, { issuer, environment: "preview", claims }, owner);
    const whoAmI = runtimeEndpoint({ handle: async ({ caller }) => ({ status: 200, body: caller }) });
    const app = createApp(services, [["GET", "/who", whoAmI]]);
    const ask = async (iss: string) => {
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", kid: "ec" })
        .setIssuer(iss)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime("5m")
        .sign(privateKey);
      const request = new Request("http://127.0.0.1:8787/who", { headers: { authorization: `Bearer ${token}` } });
      return (await app.fetch(request, () => {})).json<Record<string, unknown>>();
    };
    asked.length = 0;
    expect(await ask(issuer)).toEqual({
      kind: "workload",
      projectId: shop,
      environment: "preview",
      issuer,
      subject: "workload-7",
    });
    expect(await ask("https://stranger.example.org")).toMatchObject({ error: { code: "issuer_not_trusted" } });
    expect(asked).toEqual([]);
  });
});
