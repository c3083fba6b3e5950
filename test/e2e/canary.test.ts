import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canariesOf, findCanaries, type Haystack } from "./canaries.ts";
import { receiveEvents } from "./canary-events.ts";
import { authorizeUsers } from "./canary-users.ts";
import { type Json, text } from "./http.ts";
import { type Server, startServer } from "./server.ts";
import { readEverything } from "./stores.ts";
import { CLIENT_AUTH_METHODS, oauthData, setUpTeam, type Team } from "./team.ts";

let server: Server;
let team: Team;
/** Every secret that this run met, by name. */
const secrets: Record<string, string> = {};
let haystacks: Haystack[];

const USER_TTL_MS = 1000;

beforeAll(async () => {
  server = await startServer({ userTtlSeconds: USER_TTL_MS / 1000 });
  team = await setUpTeam(server);
  const { SETUP_TOKEN, MASTER_KEYS } = server.secrets;
  const { basic, post } = server.provider.clients;
  const [, masterKey = ""] = MASTER_KEYS.split(":");
  Object.assign(secrets, {
    "setup token": SETUP_TOKEN,
    "master key": masterKey,
    "client secret (basic)": basic.clientSecret,
    "client secret (post)": post.clientSecret,
    "api key": team.apiKeyValue,
    // Key pairs are made inside and never shown, so their private parts are known by their mark only.
    "private JWK": '"d":"',
    "private PEM": "PRIVATE KEY",
  });
  noteAccessToken("owner", team.owner);
  await work();
  const note = (name: string, secret: string) => {
    secrets[name] = secret;
  };
  await authorizeUsers(team, USER_TTL_MS, note);
  const journal = await receiveEvents(team, note);
  await makeMistakes();
  await loseUpstream();
  haystacks = [...journal, ...(await readEverything(server))];
}, 120_000);
afterAll(() => server?.stop());

function noteAccessToken(name: string, token: string): void {
  secrets[`access token (${name})`] = token;
  secrets[`access token (${name}), its secret`] = /^vk_[0-9a-z]{20}_(.{43})_/.exec(token)?.[1] ?? "";
}

function noteJwt(name: string, token: string): void {
  secrets[name] = token;
  secrets[`${name}, its signature`] = token.split(".")[2] ?? "";
}

const connectorPath = (uid: string) => `/v1/connect/connectors/${encodeURIComponent(uid)}`;
const ask = (method: "POST" | "PATCH" | "DELETE", path: string, body: Json, token = team.owner) =>
  server.send({ method, path, token, body });

/** The main job in all its variants, so that every store holds what it ever holds. */
async function work(): Promise<void> {
  const workload = await team.workloadToken();
  noteJwt("workload token", workload);
  noteJwt("development token", text((await ask("POST", "/v1/projects/linked/token", {})).body, "token"));
  for (const role of ["admin", "viewer"]) {
    noteAccessToken(role, text((await ask("POST", "/v1/access-tokens", { name: role, role })).body, "token"));
  }
  const resources = ["https://reports.example.com"];
  for (const method of CLIENT_AUTH_METHODS) {
    for (const body of [{}, { scopes: ["reports:write"] }, { resources }]) {
      // Asked often within one lease, a token is published to KV as well.
      for (let round = 0; round < 4; round += 1) {
        const headers = { "cache-control": round % 2 === 0 ? "no-cache" : "max-age=60" };
        const answer = await team.askForToken(team.oauth[method], workload, body, headers);
        secrets[`provider token (${method}, ${JSON.stringify(body)})`] = text(answer.body, "token");
      }
    }
  }
  await team.askForToken(team.apiKey, workload);
  await ask("DELETE", `${connectorPath(team.oauth.client_secret_post)}/tokens`, { subject: { type: "app" } }, workload);
  await ask("DELETE", `${connectorPath(team.oauth.client_secret_basic)}/tokens`, {});
  secrets["replaced api key"] = `replaced-key-${crypto.randomUUID()}`;
  const data = { toAdd: [{ value: secrets["replaced api key"], scope: "mail" }] };
  await ask("PATCH", `/v2/connect/connectors/${encodeURIComponent(team.apiKey)}`, { data });
}

/** Secrets where they do not belong: what goes wrong is logged, and must be logged without them. */
async function makeMistakes(): Promise<void> {
  // One that looks like a secret, and one that no pattern would know for one.
  secrets["misplaced secret"] = `misplaced-secret-${crypto.randomUUID()}`;
  secrets["misplaced password"] = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    String.fromCharCode(97 + (byte % 26)),
  ).join("");
  await misplace(secrets["misplaced secret"]);
  await misplace(secrets["misplaced password"]);
  const workload = text(secrets, "workload token");
  await server.send({ method: "GET", path: "/v1/team", token: `${workload.slice(0, -4)}AAAA` });
  await server.send({ method: "GET", path: "/v1/team", token: `${team.owner.slice(0, -1)}0` });
  // A client secret that the upstream refuses, until the breaker opens.
  const wrong = { ...oauthData(server, "client_secret_basic"), clientSecret: secrets["misplaced secret"] };
  await team.createConnector({ type: "oauth", uid: "up/wrong", name: "Wrong", data: wrong });
  await team.link("up/wrong", "linked", { environments: ["production"] });
  for (let round = 0; round < 2; round += 1) {
    const refused = await team.askForToken("up/wrong", workload);
    expect(refused.status).toBe(502);
  }
}

async function misplace(secret: string): Promise<void> {
  const create = (body: Json) => ask("POST", "/v1/connect/connectors", { type: "oauth", name: "x", ...body });
  await ask("POST", "/v1/setup", { setupToken: secret });
  await create({ clientSecret: secret });
  await create({ data: { clientSecret: secret, [secret]: 1 } });
  await create({ type: "api-key", data: { values: [{ value: `${secret}\n` }] } });
  await create({ data: { clientId: "c", clientSecret: secret, serverUrl: `http://user:${secret}@127.0.0.1:1/` } });
  await ask("POST", `/v1/connect/token/${secret}`, { scopes: [secret] }, text(secrets, "workload token"));
  const look = (path: string, headers: Record<string, string>) => server.send({ method: "GET", path, headers });
  await look(`/v1/team?access_token=${secret}&${secret}=1`, { authorization: `Bearer ${team.owner}` });
  await look(`/${secret}`, { authorization: `Bearer ${secret}` });
  await look("/v1/team", { cookie: secret, authorization: `Basic ${secret}` });
}

/** An upstream that is gone leaves revocations owed, with the tokens that they are about. */
async function loseUpstream(): Promise<void> {
  await server.provider.stop();
  const path = `${connectorPath(team.oauth.private_key_jwt)}/tokens`;
  const report = await server.expect(200, { method: "DELETE", path, token: team.owner, body: {} });
  expect(report).toMatchObject({ upstream: "pending" });
}

test.for([
  ["the control plane", /^D1 DB (connectors|access_tokens|issuer_keys|grants|authorization_requests) /],
  ["leases of tokens and snapshots", /^KV l1:/],
  ["leases of caller records", /^KV c1:/],
  ["tokens in objects", /^object GRANTS \S+ tokens /],
  ["authorizations in objects", /^object GRANTS \S+ authorization_secrets /],
  ["settings of webhooks and destinations", /^D1 DB (triggers|destinations) /],
  ["events, with short payloads", /^D1 EVENTS events /],
  ["deliveries", /^D1 EVENTS deliveries /],
  ["long payloads", /^R2 events\//],
  ["the journal of events", /^R2 journal\//],
  ["what lanes have to send", /^object LANES \S+ waiting /],
  ["revocations owed to the upstream", /^object GRANTS \S+ upstream_revocations /],
  ["log lines", /^log /],
] as const)("the scan has read %s", ([, kind]) => {
  expect(haystacks.filter(({ where }) => kind.test(`${where} `)).length).toBeGreaterThan(0);
});

test("the run has met secrets of every kind", () => {
  expect(Object.keys(secrets).length).toBeGreaterThan(50);
  for (const kind of [
    /^verifier/,
    /^cookie/,
    /^state/,
    /^code/,
    /^connect_code/,
    /^key/,
    /^of the provider/,
    /^payload/,
    /^signing secret/,
    /^forward token/,
    /^webhook secret/,
  ]) {
    expect(Object.keys(secrets).filter((name) => kind.test(name)).length, kind.source).toBeGreaterThan(1);
  }
  for (const canary of Object.values(secrets)) expect(canary.length).toBeGreaterThanOrEqual(5);
});

const isLog = ({ where }: Haystack) => where.startsWith("log ");

test("D-01 W-13 no secret, and nothing of a payload, stands in any store, in plain, hex or base64", () => {
  const stores = haystacks.filter((haystack) => !isLog(haystack));
  expect(findCanaries(stores, canariesOf(secrets))).toEqual([]);
});

test("C-13 W-13 no secret, and nothing of a payload, stands in any log line, in plain, hex or base64", () => {
  expect(findCanaries(haystacks.filter(isLog), canariesOf(secrets))).toEqual([]);
});

describe("the scan can fail", () => {
  const planted = `planted-${crypto.randomUUID()}`;
  const canaries = canariesOf({ planted });

  test.for<[string, (text: string) => string]>([
    ["plain", (value) => value],
    ["hex", (value) => Buffer.from(value).toString("hex")],
    ["HEX", (value) => Buffer.from(value).toString("hex").toUpperCase()],
    ["base64", (value) => Buffer.from(value).toString("base64")],
    ["base64url", (value) => Buffer.from(value).toString("base64url")],
  ])("it sees %s, alone and at any place in something longer", ([, encode]) => {
    for (const before of ["", "x", "xy", "xyz"]) {
      const bytes = Buffer.from(`{"stored":"${encode(`${before}${planted}after`)}"}`);
      expect(findCanaries([{ where: "there", bytes }], canaries)).not.toEqual([]);
    }
  });

  test("it finds what is planted in each store", async () => {
    const { DB, EVENTS, LEASES, BLOBS } = await server.worker.getEnv();
    await DB.prepare("UPDATE projects SET name = ? WHERE slug = 'linked'").bind(planted).run();
    await EVENTS.prepare("CREATE TABLE planted (value BLOB)").run();
    await EVENTS.prepare("INSERT INTO planted VALUES (?)").bind(new TextEncoder().encode(planted).buffer).run();
    await LEASES.put("somewhere", Buffer.from(planted).toString("base64"));
    await BLOBS.put("somewhere", Buffer.from(planted).toString("hex"));
    for (const name of ["GRANTS", "CONNECTOR_GATES", "HOUSEKEEPERS", "LANES"] as const) {
      const storage = await server.worker.getDurableObjectStorage(name, { name: "planted" });
      await storage.exec("CREATE TABLE planted (value BLOB)");
      await storage.exec("INSERT INTO planted VALUES (?)", planted);
    }
    const hits = findCanaries(await readEverything(server), canaries).map(({ where }) =>
      where.split(" ").slice(0, 2).join(" "),
    );
    expect([...new Set(hits)].toSorted()).toEqual([
      "D1 DB",
      "D1 EVENTS",
      "KV somewhere",
      "R2 somewhere",
      "object CONNECTOR_GATES",
      "object GRANTS",
      "object HOUSEKEEPERS",
      "object LANES",
    ]);
  });

  test("it sees what is logged", async () => {
    const answer = await server.send({ method: "GET", path: "/v1/team", token: team.owner });
    const requestId = answer.headers.get("x-request-id") ?? "";
    const hits = findCanaries(await readEverything(server), canariesOf({ requestId }));
    expect(hits.map(({ where }) => where.split(" ")[0])).toContain("log");
  });
});
