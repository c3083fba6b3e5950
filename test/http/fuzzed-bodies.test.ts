import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { createGuardedFetch } from "../../src/outbound/guarded-fetch.ts";
import { ROUTES } from "../../src/routes.ts";
import { accessToken } from "../support/api.ts";
import { type Isolate, isolate, type Scene, scene } from "../support/connect.ts";
import { anyText } from "../support/text.ts";

/** Names that routes know, and names that JavaScript does. */
const NAMES = [
  ...["slug", "name", "origin", "claims", "issuer", "audience", "jwks", "environment", "environments", "role", "data"],
  ...["type", "uid", "service", "leaseSeconds", "projectId", "subject", "id", "scopes", "resources", "expiresAt"],
  ...["installationId", "authorizationDetails", "validityBufferMs", "rejectedTokenId", "setupToken", "keys", "values"],
  ...["__proto__", "constructor", "prototype", "toString", "then", "length", "toJSON", "", "a".repeat(300), "\u0000"],
];

/** Bodies close to good ones: what is wrong with them is found late. Routes that are not here get odd ones only. */
const NEARLY_GOOD: Record<string, unknown> = {
  "/v1/setup": { setupToken: "not-the-setup-token" },
  "/v1/keys/reseal": { kid: "k1" },
  "/v1/projects": { slug: "fuzzed", name: "Fuzzed" },
  "/v1/access-tokens": { name: "t", role: "developer", environment: "production" },
  "/v1/projects/:p/environments": { slug: "qa", origin: "https://qa.example.net" },
  "/v1/projects/:p/environments/:id": { origin: "https://app.example.net" },
  "/v1/projects/:p/identities": { issuer: "https://i.example.net", environment: "production", claims: { sub: "a" } },
  "/v1/projects/:p/token": { environment: "production", subject: "ci", expiresInSeconds: 300 },
  "/v1/issuers": {
    issuer: "https://i.example.net",
    audience: "https://connect.example.com",
    jwks: { keys: [{ kty: "RSA", kid: "1", n: "AQAB", e: "AQAB", alg: "RS256" }] },
  },
  "/v1/connect/connectors": {
    type: "oauth",
    name: "Fuzzed",
    data: {
      clientId: "client",
      clientSecret: "secret",
      serverConfig: { issuer: "https://as.example.net", token_endpoint: "https://as.example.net/token" },
      clientCredentials: { enabled: true, scopes: ["read"] },
    },
  },
  "/v1/connect/connectors/managed": {
    service: "github",
    name: "Fuzzed",
    request_code: "a".repeat(43),
    data: { permissions: ["contents:read"] },
    triggers: true,
  },
  "/v1/connect/install/:c": { returnUrl: "https://app.example.net/", tenantId: "1", expiresInMs: 60_000 },
  "/v2/connect/connectors/:c": { name: "Renamed", leaseSeconds: 60, data: { values: [{ value: "key" }] } },
  "/v1/connect/connectors/:c/projects/:p": { environments: ["production"], scopes: ["read"], subjects: ["app"] },
  "/v1/connect/token/:c": {
    subject: { type: "app" },
    scopes: ["read"],
    resources: ["https://api.example.net"],
    authorizationDetails: [{ type: "files", actions: ["read"] }],
    validityBufferMs: 1000,
  },
  "/v1/connect/connectors/:c/tokens": { subject: { type: "user", id: "1" } },
};

const hugeNumber = fc.constantFrom("1e999", "-1e999", "1e-999", "-0", "9".repeat(400), "9007199254740993", "1.5e308");
const oddText = fc.oneof(
  anyText({ maxLength: 20 }),
  fc.constantFrom("\ud800", "\udc00x", "\u0000", "\u202e", "' OR 1=1 --", "{{7*7}}", "../..", "file:///etc"),
  fc.constantFrom("https://169.254.169.254/", "http://[::1]", "javascript:1", "x".repeat(5000), "\ufeff"),
);
const oddJson = fc.oneof(
  hugeNumber,
  oddText.map((text) => JSON.stringify(text)),
  fc.constantFrom("null", "true", "[]", "{}", "[null]", "[[]]", '{"":0}', '"\\ud800"', "-1", "0", "1.5"),
  fc.json({ maxDepth: 3 }),
);
const oddObject = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), oddJson), { maxLength: 6 })
  // As text, so that names can come twice and `__proto__` is a member.
  .map((members) => `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`);

const nested = fc
  .tuple(fc.constantFrom('{"a":', "[", '{"data":', '{"__proto__":', '[{"a":'), fc.constantFrom(9, 31, 33, 5000, 40_000))
  .map(([open, depth]) => open.repeat(depth).slice(0, 250_000));
const deep = nested.map((opened) => {
  const closers = { "{": "}", "[": "]" } as const;
  const ends = [...opened.matchAll(/[{[]/g)].map(([bracket]) => (bracket === "{" ? closers["{"] : closers["["]));
  return `${opened}${opened.endsWith("[") ? "" : "0"}${ends.reverse().join("")}`;
});

const brokenText = fc.oneof(
  nested,
  fc.constantFrom(
    "{",
    '{"a"',
    '{"a":}',
    "[1,]",
    "{'a':1}",
    "01",
    "+1",
    "NaN",
    "undefined",
    "{}{}",
    "\ufeff{}",
    " ",
    "//",
  ),
  anyText({ maxLength: 40 }),
);
const brokenBytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.constantFrom(
    [0xff, 0xfe, 0x7b, 0x7d],
    [0xef, 0xbb, 0xbf, 0x7b, 0x7d],
    [0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d],
    [0x1f, 0x8b],
  ),
);

type Body = string | Uint8Array<ArrayBuffer>;

/** A nearly good body whose text is cut, doubled or has one of its values replaced. */
function damaged(good: unknown): fc.Arbitrary<string> {
  const text = JSON.stringify(good);
  const values = [...text.matchAll(/"(?:[^"\\]|\\.)*"(?!:)|\d+|true|\[[^[\]]*\]|\{[^{}]*\}/g)];
  const replaced = fc.tuple(fc.constantFrom(...values), oddJson).map(([match, json]) => {
    return text.slice(0, match.index) + json + text.slice(match.index + match[0].length);
  });
  const renamed = fc
    .tuple(fc.constantFrom(...[...text.matchAll(/"[^"]*":/g)]), fc.constantFrom(...NAMES))
    .map(([m, name]) => `${text.slice(0, m.index)}${JSON.stringify(name)}:${text.slice(m.index + m[0].length)}`);
  const added = oddObject.map((other) => (other === "{}" ? text : `${text.slice(0, -1)},${other.slice(1)}`));
  const cut = fc.nat(text.length).map((length) => text.slice(0, length));
  return fc.oneof(replaced, replaced, renamed, added, cut);
}

function bodyFor(pattern: string): fc.Arbitrary<Body> {
  const sample = NEARLY_GOOD[pattern];
  const good = sample === undefined ? oddObject : damaged(sample);
  return fc.oneof(
    { weight: 6, arbitrary: good as fc.Arbitrary<Body> },
    { weight: 3, arbitrary: oddObject as fc.Arbitrary<Body> },
    { weight: 1, arbitrary: oddJson as fc.Arbitrary<Body> },
    { weight: 1, arbitrary: deep as fc.Arbitrary<Body> },
    { weight: 1, arbitrary: brokenText as fc.Arbitrary<Body> },
    { weight: 1, arbitrary: brokenBytes.map((bytes) => Uint8Array.from(bytes)) as fc.Arbitrary<Body> },
  );
}

/** What no answer may show: a stack, a path of ours, the words of a library or of the database. */
const INSIDES =
  /\bat \S+:\d+|SQLITE|D1_ERROR|ZodError|\.ts\b|node_modules|Cannot read prop|is not a function|Unexpected/;

describe("U-12 whatever body a route is sent", () => {
  let here: Isolate;
  let at: Scene;
  let tokens: string[];
  beforeAll(async () => {
    // Nobody is there: what an issuer or a provider would say is another test's matter.
    const fetch = async () => new Response("no", { status: 404 });
    const { services } = await isolate();
    here = await isolate({ fetch: createGuardedFetch({ fetch, policy: services.urlPolicy }) });
    at = await scene(here.api, "fuzz");
    tokens = [at.owner, at.runtime, await accessToken(here.api, at.owner, { role: "owner", projectId: at.projectId })];
  });

  // What is deleted first could not be fuzzed afterwards.
  const routes = ROUTES.filter(([method]) => method !== "GET").toSorted(
    ([a], [b]) => Number(a === "DELETE") - Number(b === "DELETE"),
  );

  test.for(routes.map(([method, pattern]) => [method, pattern] as const))(
    "%s %s answers with a status and a code of ours, and shows nothing of its insides",
    { timeout: 60_000 },
    async ([method, pattern]) => {
      const path = pattern
        .replace(":c", encodeURIComponent(method === "DELETE" && pattern.endsWith(":c") ? "nobody" : at.connectorId))
        .replace(":p", at.projectId)
        .replace(":id", "production");
      const type = fc.constantFrom(
        "application/json",
        "application/json",
        "application/json; charset=utf-8",
        "text/plain",
      );
      const [, , endpoint] = ROUTES.find(([a, b]) => a === method && b === pattern) ?? [];
      const isPage = endpoint?.access === "public" && endpoint.pages === true;
      await fc.assert(
        fc.asyncProperty(bodyFor(pattern), fc.nat(2), type, async (body, who, contentType) => {
          const headers = { authorization: `Bearer ${tokens[who]}`, "content-type": contentType };
          const answer = await here.api.send(path, { method, headers, body });
          expect(answer.text).not.toMatch(INSIDES);
          if (answer.status < 400) return;
          if (isPage && answer.body === undefined) {
            expect([answer.status < 500, answer.headers.get("content-type")]).toEqual([
              true,
              "text/html; charset=utf-8",
            ]);
            return;
          }
          const { code, message, request_id: id } = answer.body.error;
          expect([typeof code, typeof message, typeof id]).toEqual(["string", "string", "string"]);
          // Only a provider that is not there may be a failure that is not the caller's.
          expect([answer.status < 500 || code.startsWith("upstream_"), code]).toEqual([true, code]);
        }),
        { numRuns: 60 },
      );
      expect(here.services.lines.filter((line) => line.includes("internal_error"))).toEqual([]);
    },
  );
});
