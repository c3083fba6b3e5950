import { DurableObject } from "cloudflare:workers";
import { Hono } from "hono";
import { importJWK, jwtVerify } from "jose";

// What the platform allows: a bare Hono Worker that parses a JSON body, makes the platform calls of one row of the
// benchmark in the product's order, and answers JSON of the product's size. No routing table, no caches, no checks.

interface CeilingBindings {
  CALLER_LIMIT: RateLimit;
  CONNECTOR_LIMIT: RateLimit;
  LEASES: KVNamespace;
  INGEST: Queue;
  GRANTS: DurableObjectNamespace<Grant>;
  /** The issuer's public key, as a JWK in JSON. */
  ISSUER_JWK: string;
  ISSUER: string;
  AUDIENCE: string;
  /** The product's own answer to the row's request. */
  ANSWER: string;
}

/** Answers what it is given, from memory. */
export class Grant extends DurableObject<CeilingBindings> {
  async token(_request: unknown): Promise<unknown> {
    return JSON.parse(this.env.ANSWER);
  }
}

/** `wrangler.toml` names them. */
export class ConnectorGate extends DurableObject {}
export class Housekeeper extends DurableObject {}
export class DestinationLane extends DurableObject {}

let key: CryptoKey | Uint8Array | null = null;
let answer: unknown = null;
let objectCalls = 0;

const app = new Hono<{ Bindings: CeilingBindings }>();

app.post("/bare/:c", async ({ req, json, env }) => {
  const body: unknown = await req.json();
  answer ??= JSON.parse(env.ANSWER);
  return json(body === null ? {} : answer);
});

app.post("/verify/:c", async ({ req, json, env }) => {
  const body: unknown = await req.json();
  key ??= await importJWK(JSON.parse(env.ISSUER_JWK), "RS256");
  const token = req.header("authorization")?.slice("Bearer ".length) ?? "";
  await jwtVerify(token, key, { algorithms: ["RS256"], issuer: env.ISSUER, audience: env.AUDIENCE });
  answer ??= JSON.parse(env.ANSWER);
  return json(body === null ? {} : answer);
});

app.post("/kv/:c", async ({ req, json, env }) => {
  const body: unknown = await req.json();
  const found = await env.LEASES.get([`snapshot/${req.param("c")}`, `token/${req.param("c")}`]);
  return json(body === null ? {} : JSON.parse(found.get(`token/${req.param("c")}`) ?? "null"));
});

app.post("/object/:c", async ({ req, json, env }) => {
  const body: unknown = await req.json();
  const key = req.param("c");
  // The product counts in tens.
  if (objectCalls++ % 10 === 0) {
    await Promise.all([env.CALLER_LIMIT.limit({ key }), env.CONNECTOR_LIMIT.limit({ key })]);
  }
  return json(await env.GRANTS.getByName(req.param("c")).token(body));
});

app.post("/ack/:c", async ({ req, env, body }) => {
  const payload = new Uint8Array(await req.arrayBuffer());
  await env.INGEST.send({ event: EVENT, payload }, { contentType: "v8" });
  return body(null);
});

/** About what the product tells of an event, beside its payload. */
const EVENT = {
  id: "evt_01k0000000000000000000000",
  headers: { "user-agent": "GitHub-Hookshot/bench" },
  facts: "f".repeat(600),
};

export default app;
