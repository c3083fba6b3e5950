import { beforeAll, describe, expect, test } from "vitest";
import { sha1Hex, sha256 } from "../../src/crypto/digest.ts";
import { ANSWERS } from "../../src/reference/answers.ts";
import { type Json, openApiDocument } from "../../src/reference/openapi.ts";
import { referencePage } from "../../src/reference/page.ts";
import { SUMMARIES } from "../../src/reference/summaries.ts";
import { ROUTES } from "../../src/routes.ts";
import { atProvider, browser, ORIGIN, RETURN_URL, start, userScene } from "../authorize/support.ts";
import { textOf } from "../docs/texts.ts";
import { png } from "../files/pictures.ts";
import type { Api } from "../support/api.ts";
import { ask, type Isolate, isolate, type Scene, scene } from "../support/connect.ts";
import { INSTALLATION_ANSWERS } from "./installation-answers.ts";
import { TRIGGER_ANSWERS } from "./trigger-answers.ts";

const document = openApiDocument(ROUTES);
/** What triggers and installations answer is held by tests of their own. */
const ELSEWHERE = [...TRIGGER_ANSWERS, ...INSTALLATION_ANSWERS];
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
);

/** Every object within a JSON value. */
function* objectsIn(value: unknown): Generator<Json> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield value as Json;
  for (const member of Object.values(value)) yield* objectsIn(member);
}

type Check = (route: string, answer: { status: number; body: unknown }) => void;

/** A user's authorization, from its start to what is known of the grant. */
async function checkAuthorization(api: Api, check: Check): Promise<void> {
  const at = await userScene(api, "shapes-of-users", { minimumBinding: "finalize" });
  const started = await start(api, at, { returnUrl: RETURN_URL });
  check("POST /v1/connect/authorize/:c", started);
  const { request, verifier } = started.body;
  const user = browser(api, ORIGIN);
  const back = await user.get((await atProvider(user, request)).back());
  const connectCode = new URL(back.headers.get("location") ?? "").searchParams.get("connect_code");
  check("POST /v1/connect/complete", await api.post("/v1/connect/complete", { verifier, connectCode }, at.runtime));
  check("POST /v1/connect/result", await api.post("/v1/connect/result", { verifier }, at.runtime));
  check("GET /v1/connect/result/:id", await api.get(`/v1/connect/result/${verifier}`, at.runtime));
  const grants = `/v1/connect/connectors/${at.connectorId}/grants`;
  const list = await api.get(grants, at.owner);
  check("GET /v1/connect/connectors/:c/grants", list);
  const one = `${grants}/${encodeURIComponent(list.body.grants[0].id)}`;
  check("GET /v1/connect/connectors/:c/grants/:id", await api.get(one, at.owner));
  check("DELETE /v1/connect/connectors/:c/grants/:id", await api.delete(one, at.owner));
}

describe("the OpenAPI document", () => {
  // After a change of routes or schemas: npm run openapi
  test("public/openapi.json is the one that the routes make", () => {
    expect(textOf("public/openapi.json")).toBe(`${JSON.stringify(document, null, 2)}\n`);
  });

  test("has every route once, under a name of its own", () => {
    expect(operations).toHaveLength(ROUTES.length);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(ROUTES.length);
  });

  test("says of every route what it is for, and of no other", () => {
    const names = ROUTES.map(([method, pattern]) => `${method} ${pattern}`);
    expect(Object.keys(SUMMARIES).toSorted()).toEqual(names.toSorted());
    for (const sentence of Object.values(SUMMARIES)) expect(sentence).toMatch(/^[A-Z].{10,}\.$/);
  });

  test("names every parameter of a path and none besides", () => {
    for (const { path, operation } of operations) {
      const named = operation.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
      expect([path, named]).toEqual([path, [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)]);
    }
  });

  test("refers to nothing that is not there", () => {
    const references = [...objectsIn(document)].flatMap(({ $ref }) => (typeof $ref === "string" ? [$ref] : []));
    expect(references.length).toBeGreaterThan(ROUTES.length);
    for (const reference of references) {
      const [, name = ""] = /^#\/components\/(?:schemas|responses)\/(\w+)$/.exec(reference) ?? [];
      expect([
        reference,
        Object.hasOwn(document.components.schemas, name) || Object.hasOwn(document.components.responses ?? {}, name),
      ]).toEqual([reference, true]);
    }
  });

  test("describes the answer of every route that has a body", () => {
    const bodiless = operations
      .filter(({ operation }) => !Object.values(operation.responses).some((answer) => "content" in answer))
      .map(({ method, path }) => `${method.toUpperCase()} ${path}`)
      .filter((name) => !name.startsWith("DELETE "));
    const known = [
      // Pictures and pages, and what a provider wants to hear.
      "GET /icons/{digest}",
      "GET /favicon.svg",
      "GET /hooks/{ingressId}",
      "POST /hooks/{ingressId}",
      // 422 is its good answer: an operator goes on in a browser.
      "POST /v1/connect/connectors/managed",
    ];
    expect(bodiless.filter((name) => !known.includes(name))).toEqual([]);
    const routes = new Set(ROUTES.map(([method, pattern]) => `${method} ${pattern}`));
    expect(Object.keys(ANSWERS).filter((name) => !routes.has(name))).toEqual([]);
  });

  test("is open where the route is, and asks for credentials everywhere else", () => {
    for (const [method, pattern, { access }] of ROUTES) {
      const operation = document.paths[pattern.replaceAll(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
      const schemes = ((operation?.security ?? []) as Json[]).map((scheme) => Object.keys(scheme).join());
      const expected = {
        public: [],
        provider: [],
        management: ["accessToken"],
        runtime: ["accessToken", "workloadToken"],
      };
      expect([pattern, schemes]).toEqual([pattern, expected[access]]);
    }
  });
});

describe("the page", () => {
  const page = textOf("public/reference.html");

  test("is the one that the document makes", async () => {
    expect(page).toBe(await referencePage(document));
  });

  test("shows every route and schema, and its links lead to what it has", () => {
    for (const { operation } of operations) expect(page).toContain(`id="${operation.operationId}"`);
    for (const name of Object.keys(document.components.schemas)) expect(page).toContain(`id="schema-${name}"`);
    for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
  });

  test("loads and runs nothing, and its policy admits its own style alone", async () => {
    expect(page).not.toMatch(/<script|<link|<img|\bsrc=|@import|url\(|https?:\/\//i);
    const [, style = ""] = /<style>([^<]*)<\/style>/.exec(page) ?? [];
    const hash = btoa(String.fromCharCode(...(await sha256(style))));
    expect(textOf("public/_headers")).toContain(
      `/reference\n  Content-Security-Policy: default-src 'none'; style-src 'sha256-${hash}';`,
    );
  });
});

describe("what is served", () => {
  let at: Isolate;
  let made: Scene;
  beforeAll(async () => {
    at = await isolate();
    made = await scene(at.api, "reference");
  });

  test("answers have the shapes that the document gives them", async () => {
    const { api } = at;
    const { owner, projectId: p, connectorId: c } = made;
    const seen: string[] = [];
    const check = (route: string, answer: { status: number; body: unknown }) => {
      const expected = ANSWERS[route];
      const parsed = expected?.body.safeParse(answer.body);
      expect([route, answer.status, parsed?.error?.issues ?? []]).toEqual([route, expected?.status, []]);
      seen.push(route);
    };
    const at1 = (path: string) => path.replace(":p", p).replace(":c", c);
    const get = async (path: string) => check(`GET ${path}`, await api.get(at1(path), owner));
    const post = async (path: string, body: unknown) => {
      const answer = await api.post(at1(path), body, owner);
      check(`POST ${path}`, answer);
      return answer.body;
    };
    await post("/v1/access-tokens", { name: "x", role: "viewer" });
    await post("/v1/projects", { slug: "shapes" });
    const { id } = await post("/v1/projects/:p/environments", { slug: "staging" });
    check("PUT /v1/projects/:p/environments/:id", await api.put(`/v1/projects/${p}/environments/${id}`, {}, owner));
    await post("/v1/projects/:p/token", {});
    const jwks = { keys: (await api.get("/.well-known/jwks.json")).body.keys };
    const issuer = "https://shapes.example.org";
    await post("/v1/issuers", { issuer, audience: "a", jwks });
    await post("/v1/projects/:p/identities", { issuer, environment: "preview", claims: { sub: "x" } });
    await post("/v1/issuer/keys", {});
    await post("/v1/keys/reseal", {});
    await post("/v1/connect/connectors", { type: "api-key", data: {}, icon: undefined });
    await post("/v1/connect/connectors/:c/projects/:p", { environments: ["production", id], scopes: ["read"] });
    const patched = await api.patch(`/v2/connect/connectors/${c}`, { name: "Shaped" }, owner);
    check("PATCH /v2/connect/connectors/:c", patched);
    const icon = png();
    check(
      "POST /v2/files",
      await api.send("/v2/files", {
        method: "POST",
        headers: { authorization: `Bearer ${owner}`, "x-vercel-digest": await sha1Hex(icon) },
        body: icon,
      }),
    );
    for (const name of Object.keys(ANSWERS)) {
      const path = name.slice(4);
      const isApart = ["/v1/connectors/:c/jwks.json", "/health", "/v1/connect/result/:id"].includes(path);
      const isOfOthers = path.includes("/grants") || ELSEWHERE.includes(name);
      if (name.startsWith("GET ") && !isApart && !isOfOthers) await get(path);
    }
    await checkAuthorization(api, check);
    check("POST /v1/connect/token/:c", await ask(api, made));
    check("DELETE /v1/connect/connectors/:c/tokens", await api.delete(`/v1/connect/connectors/${c}/tokens`, owner, {}));
    const data = {
      clientId: "c",
      tokenEndpointAuthMethod: "private_key_jwt",
      serverConfig: { issuer: made.upstream.issuer, token_endpoint: made.upstream.tokenEndpoint },
    };
    const signing = await api.post("/v1/connect/connectors", { type: "oauth", data }, owner);
    check("GET /v1/connectors/:c/jwks.json", await api.get(`/v1/connectors/${signing.body.id}/jwks.json`));
    // Setup happened before, nobody is there to sign in at (test/authorize/login.test.ts holds that answer), and health is a matter of the keys.
    const rest = Object.keys(ANSWERS).filter((name) => !seen.includes(name));
    const elsewhere = rest.filter((name) => ELSEWHERE.includes(name));
    expect(elsewhere.toSorted()).toEqual(ELSEWHERE.toSorted());
    expect(rest.filter((name) => !elsewhere.includes(name)).toSorted()).toEqual([
      "GET /health",
      "POST /v1/setup",
      "PUT /v1/issuers/:id/login",
    ]);
  });
});
