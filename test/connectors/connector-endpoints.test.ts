import { beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { db } from "./rows.ts";
import { apiKeyBody, created, KEY, newWorld, oauthBody, SECRET, type World } from "./world.ts";

let nowMs = Date.now();
let world: World;
beforeAll(async () => {
  world = await newWorld({ now: () => nowMs });
});
beforeEach(() => {
  nowMs += 1000;
});

const send = (method: "post" | "patch", path: string, body: unknown, token = world.owner) =>
  world.api[method](path, body, token);
const create = (body: unknown, token?: string) => send("post", "/v1/connect/connectors", body, token);
const patch = (id: string, body: unknown, token?: string) => send("patch", `/v2/connect/connectors/${id}`, body, token);
const get = (id: string, token = world.owner) => world.api.get(`/v1/connect/connectors/${id}`, token);
const remove = (id: string, token = world.owner) => world.api.delete(`/v1/connect/connectors/${id}`, token);
const withIfMatch = (method: string, path: string, tag: string, body?: unknown) =>
  world.api.send(path, {
    method,
    headers: { authorization: `Bearer ${world.owner}`, "if-match": tag, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

describe("create and read", () => {
  test("an oauth connector has exactly the contract's fields", async () => {
    const { status, body, headers } = await create(oauthBody({ name: "Acme", uid: "acme/oauth" }));
    expect(status).toBe(201);
    expect(headers.get("etag")).toBe('"1"');
    expect(body).toEqual({
      id: expect.stringMatching(/^scl_[0-9a-z]{20}$/),
      uid: "acme/oauth",
      name: "Acme",
      displayName: "Acme",
      type: "oauth",
      typeName: "OAuth",
      service: "127.0.0.1",
      createdAt: nowMs,
      updatedAt: nowMs,
      supportsIcon: "false",
      supportedSubjectTypes: ["app"],
      supportsInstallation: false,
      supportsRevocation: true,
      supportsTriggers: false,
      creationMode: "manual",
      appTokens: { crossInstallation: false, supportsRefinement: true, supportsResources: true, scopes: ["read"] },
      redirectUri: `http://127.0.0.1:8787/callback/${body.id}`,
      minimumBinding: "finalize",
      leaseSeconds: 60,
      revision: 1,
    });
    const read = await get(body.id);
    expect(read.status).toBe(200);
    expect(read.headers.get("etag")).toBe('"1"');
    const { data, ...rest } = read.body;
    expect(rest).toEqual(body);
    expect(data).toMatchObject({ clientId: "c1", serverUrl: `${inject("hostileOrigin")}/as/good` });
  });

  test("an api-key connector has exactly the contract's fields", async () => {
    const branding = { backgroundColor: "#0A0b0C", accentColor: "#ffffff" };
    const fields = { service: "notion", minimumBinding: "login", leaseSeconds: 0, region: "weur", ...branding };
    const { status, body } = await create(apiKeyBody({ name: "Notion key", ...fields }));
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^scl_/),
      uid: "notion/notion-key",
      name: "Notion key",
      displayName: "Notion key",
      type: "api-key",
      typeName: "API key",
      createdAt: nowMs,
      updatedAt: nowMs,
      supportsIcon: "false",
      supportedSubjectTypes: ["app"],
      supportsInstallation: false,
      supportsRevocation: false,
      supportsTriggers: false,
      creationMode: "manual",
      appTokens: { crossInstallation: false, supportsRefinement: false, supportsResources: false, scopes: [] },
      revision: 1,
      ...fields,
    });
  });

  test("createdBy names the user of a user's token, and a machine's token leaves none", async () => {
    const { body } = await world.api.post(
      "/v1/access-tokens",
      { name: "u", role: "admin", userId: "user-7" },
      world.owner,
    );
    const made = await create(apiKeyBody(), body.token);
    expect(made.body).toMatchObject({ createdBy: { type: "user", id: "user-7" } });
    const changed = await patch(made.body.id, { name: "Machine" });
    expect(changed.body.connector.createdBy).toEqual({ type: "user", id: "user-7" });
    expect(changed.body.connector).not.toHaveProperty("updatedBy");
  });

  test("connectors of the same name get numbered uids, also when created at once", async () => {
    const body = apiKeyBody({ name: "Twins", service: "twin" });
    const answers = await Promise.all([1, 2, 3, 4].map(() => create(body)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(answers.map(({ body: { uid } }) => uid).toSorted()).toEqual([
      "twin/twins",
      "twin/twins-2",
      "twin/twins-3",
      "twin/twins-4",
    ]);
  });

  test("a uid that is taken is a conflict on create and on change, and nothing is stored", async () => {
    await created(world, apiKeyBody({ uid: "taken/uid" }));
    const other = await created(world, apiKeyBody({ uid: "other/uid" }));
    const again = await create(apiKeyBody({ uid: "taken/uid", projectId: world.projectA }));
    expect([again.status, again.body.error.code]).toEqual([409, "conflict"]);
    const renamed = await patch(other, { uid: "taken/uid" });
    expect([renamed.status, renamed.body.error.code]).toEqual([409, "conflict"]);
    expect((await get(other)).body).toMatchObject({ uid: "other/uid", revision: 1 });
  });

  test("with a projectId the connector is linked to all three environments, or to those named", async () => {
    const all = await created(world, apiKeyBody({ projectId: world.projectA }));
    const one = await created(world, apiKeyBody({ projectId: "project-a", environments: ["preview", "preview"] }));
    const link = (id: string) => world.api.get(`/v1/connect/connectors/${id}/projects/project-a`, world.owner);
    expect((await link(all)).body.environments).toEqual(["production", "preview", "development"]);
    expect((await link(one)).body.environments).toEqual(["preview"]);
  });

  test.for<[string, Record<string, unknown>, number, string]>([
    ["no type", { type: undefined, service: "x" }, 400, "bad_request"],
    ["a type that is not served", { type: "slack" }, 400, "bad_request"],
    ["a type of nobody", { type: "myspace" }, 400, "bad_request"],
    ["environments without a project", { environments: ["production"] }, 400, "bad_request"],
    ["an environment that the project lacks", { projectId: "project-a", environments: ["env_x"] }, 400, "bad_request"],
    ["no environment", { projectId: "project-a", environments: [] }, 400, "bad_request"],
    ["an unknown project", { projectId: "prj_none" }, 404, "not_found"],
    ["a lease over five minutes", { leaseSeconds: 301 }, 400, "bad_request"],
    ["a negative lease", { leaseSeconds: -1 }, 400, "bad_request"],
    ["a fractional lease", { leaseSeconds: 1.5 }, 400, "bad_request"],
    ["a region of nowhere", { region: "moon" }, 400, "bad_request"],
    ["a colour by name", { accentColor: "red" }, 400, "bad_request"],
    ["an unknown binding", { minimumBinding: "none" }, 400, "bad_request"],
    ["a name with a control character", { name: "a\u0000b" }, 400, "bad_request"],
    ["data of the wrong shape", { data: { values: "x" } }, 400, "invalid_config"],
    ["no data", { data: undefined }, 400, "bad_request"],
  ])("%s is refused", async ([, fields, status, code]) => {
    const answer = await create(apiKeyBody(fields));
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
  });

  test.for<[string, unknown]>([
    ["triggers", true],
    ["triggers", { enabled: true }],
    ["events", ["issue.opened"]],
    ["triggerDestination", { projectId: "project-a" }],
    ["icon", "a".repeat(40)],
    ["params", {}],
    ["target", "api"],
    ["connectionMethod", "app"],
    ["draft", true],
  ])("%s is refused by name instead of being ignored", async ([field, value]) => {
    const answer = await create(apiKeyBody({ [field]: value }));
    expect([answer.status, answer.body.error.code]).toEqual([400, "bad_request"]);
    expect(answer.body.error.message).toContain(field);
  });

  test("switching off what is off anyway is no error", async () => {
    expect((await create(apiKeyBody({ triggers: false, events: [] }))).status).toBe(201);
  });

  test.for(["sl\u0430ck/acme", "Slack/acme", "scl_mine", "vc/x", "a b", "a%2Fb", "a#b"])(
    "D-10 the uid %j is refused on create and on change",
    async (uid) => {
      const id = await created(world, apiKeyBody());
      for (const answer of [await create(apiKeyBody({ uid })), await patch(id, { uid })]) {
        expect([answer.status, answer.body.error.code]).toEqual([400, "invalid_uid"]);
      }
    },
  );
});

describe("change", () => {
  test("every field that is served changes, the rest stays, and the revision counts", async () => {
    const id = await created(world, oauthBody({ backgroundColor: "#000000" }));
    nowMs += 5;
    const change = {
      uid: `renamed/${id.slice(4)}`,
      name: "Renamed",
      minimumBinding: "confirm",
      leaseSeconds: 30,
      accentColor: "#123456",
      backgroundColor: null,
    };
    const { status, body, headers } = await patch(id, change);
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(["connector"]);
    const { backgroundColor: _removed, ...changed } = change;
    expect(body.connector).toMatchObject({ ...changed, displayName: "Renamed", id, revision: 2, updatedAt: nowMs });
    expect(body.connector).not.toHaveProperty("backgroundColor");
    expect(body.connector).not.toHaveProperty("data");
    expect(headers.get("etag")).toBe('"2"');
    expect((await get(encodeURIComponent(change.uid))).body.id).toBe(id);
  });

  test("an empty change changes nothing", async () => {
    const id = await created(world, apiKeyBody());
    expect((await patch(id, {})).body.connector.revision).toBe(1);
  });

  test("a change of data keeps what it does not name, makes tokens stale, and is sealed anew", async () => {
    const id = await created(world, oauthBody());
    const row = () =>
      db.first<{ config_revision: number; secrets_generation: number; secrets_sealed: string; secrets_kid: string }>({
        sql: "SELECT config_revision, secrets_generation, secrets_sealed, secrets_kid FROM connectors WHERE id = ?",
        values: [id],
      });
    const before = await row();
    expect((await patch(id, { data: { clientName: "New name" } })).status).toBe(200);
    const after = await row();
    expect(after).toMatchObject({ config_revision: 2, secrets_generation: 2, secrets_kid: "k1" });
    expect(after?.secrets_sealed).not.toBe(before?.secrets_sealed);
    const { data } = (await get(id)).body;
    expect(data).toMatchObject({ clientId: "c1", clientName: "New name", clientSecret: { set: true } });
    expect((await patch(id, { name: "Only the name" })).status).toBe(200);
    expect(await row()).toMatchObject({ config_revision: 2, secrets_generation: 2 });
  });

  test("a refused change of data changes nothing at all", async () => {
    const id = await created(world, oauthBody());
    const answer = await patch(id, { name: "Half", data: { serverUrl: `${inject("hostileOrigin")}/as/wrong-issuer` } });
    expect([answer.status, answer.body.error.code]).toEqual([400, "issuer_mismatch"]);
    expect((await get(id)).body).toMatchObject({ revision: 1, name: "127.0.0.1" });
  });

  test("the region never changes", async () => {
    const id = await created(world, apiKeyBody({ region: "eu" }));
    const answer = await patch(id, { region: "us" });
    expect([answer.status, answer.body.error.code]).toEqual([400, "bad_request"]);
    expect(answer.body.error.message).toContain("region");
  });

  test("a stale If-Match is refused before anything is changed or deleted", async () => {
    const id = await created(world, apiKeyBody());
    const path = `/v2/connect/connectors/${id}`;
    expect((await withIfMatch("PATCH", path, '"1"', { name: "First" })).status).toBe(200);
    const stale = await withIfMatch("PATCH", path, '"1"', { name: "Second" });
    expect([stale.status, stale.body.error.code]).toEqual([412, "precondition_failed"]);
    expect((await withIfMatch("DELETE", `/v1/connect/connectors/${id}`, '"1"')).status).toBe(412);
    expect((await get(id)).body).toMatchObject({ name: "First", revision: 2 });
    expect((await withIfMatch("DELETE", `/v1/connect/connectors/${id}`, '"2"')).status).toBe(204);
  });

  test("concurrent changes of different fields all survive", async () => {
    const id = await created(world, apiKeyBody());
    const answers = await Promise.all([
      patch(id, { name: "Concurrent" }),
      patch(id, { leaseSeconds: 10 }),
      patch(id, { accentColor: "#abcdef" }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const { body } = await get(id);
    expect(body).toMatchObject({ name: "Concurrent", leaseSeconds: 10, accentColor: "#abcdef", revision: 4 });
  });

  test("api-key values are added, replaced and deleted by id", async () => {
    const id = await created(world, apiKeyBody({}, { values: [{ value: KEY, scope: "read" }] }));
    const [first] = (await get(id)).body.data.values;
    expect(first).toEqual({ id: expect.any(String), scope: "read", value: { set: true } });
    const data = { toAdd: [{ value: "second" }], toUpdate: [{ id: first.id, value: "rolled" }], toDelete: [] };
    expect((await patch(id, { data })).status).toBe(200);
    const { values } = (await get(id)).body.data;
    expect(values).toHaveLength(2);
    expect((await patch(id, { data: { toDelete: [first.id] } })).status).toBe(200);
    expect((await get(id)).body.data.values).toEqual([values[1]]);
  });
});

describe("delete", () => {
  test("a deleted connector is gone for those who knew its id, its uid is free, and a sealed tombstone waits", async () => {
    const nudged: number[] = [];
    world.services.nudgeHousekeeper = async () => void nudged.push(1);
    const id = await created(world, oauthBody({ uid: "short/lived", projectId: world.projectA }));
    expect((await remove(id)).status).toBe(204);
    expect(nudged).toHaveLength(1);
    for (const answer of [await get(id), await remove(id), await patch(id, { name: "x" })]) {
      expect([answer.status, answer.body.error.code]).toEqual([410, "gone"]);
    }
    expect((await get("short%2Flived")).status).toBe(404);
    expect((await get(id, world.productionOfA)).status).toBe(404);
    const links = await world.api.get("/v2/connect/projects/project-a/connectors?limit=100", world.owner);
    expect(links.body.connectors.map((link: { connectorId: string }) => link.connectorId)).not.toContain(id);
    const row = await db.first({
      sql: `SELECT c.secrets_sealed IS NOT NULL AS sealed, c.revoked_before_ms = t.revocation_clock_ms AS revoked,
              w.revoked_before_ms = c.revoked_before_ms AS walks, w.after_name
            FROM connectors AS c JOIN revocation_walks AS w ON w.connector_id = c.id JOIN team AS t WHERE c.id = ?`,
      values: [id],
    });
    expect(row).toEqual({ sealed: 1, revoked: 1, walks: 1, after_name: null });
    expect(await created(world, apiKeyBody({ uid: "short/lived" }))).not.toBe(id);
  });

  test("of two concurrent deletions one wins and the other says so", async () => {
    const id = await created(world, apiKeyBody());
    const statuses = (await Promise.all([remove(id), remove(id)])).map(({ status }) => status).toSorted();
    expect(statuses[0]).toBe(204);
    expect([409, 410]).toContain(statuses[1]);
  });
});

describe("roles", () => {
  test.for(["viewer", "developer"] as const)("a %s reads and writes nothing", async (role) => {
    const id = await created(world, apiKeyBody());
    const token = world[role];
    expect((await get(id, token)).status).toBe(200);
    expect((await world.api.get("/v2/connect/connectors", token)).status).toBe(200);
    for (const answer of [
      await create(apiKeyBody(), token),
      await patch(id, { name: "x" }, token),
      await remove(id, token),
    ]) {
      expect([answer.status, answer.body.error.code]).toEqual([403, "forbidden"]);
    }
  });
});

describe("keys of a connector", () => {
  test("a private_key_jwt connector publishes its public key, and goes on while its tombstone waits", async () => {
    const body = oauthBody({}, { clientSecret: undefined, tokenEndpointAuthMethod: "private_key_jwt" });
    const id = await created(world, body);
    const { data } = (await get(id)).body;
    expect(data.jwksUri).toBe(`http://127.0.0.1:8787/v1/connectors/${id}/jwks.json`);
    const path = new URL(data.jwksUri).pathname;
    const published = await world.api.get(path);
    expect(published.status).toBe(200);
    expect(published.body.keys).toHaveLength(1);
    expect(published.body.keys[0]).toMatchObject({ kid: expect.any(String), use: "sig" });
    for (const member of ["d", "p", "q", "k"]) expect(published.body.keys[0]).not.toHaveProperty(member);
    await remove(id);
    expect((await world.api.get(path)).body).toEqual(published.body);
  });

  test("a connector without keys and an unknown one answer alike", async () => {
    const id = await created(world, oauthBody());
    for (const reference of [id, "scl_00000000000000000000", "nobody"]) {
      expect((await world.api.get(`/v1/connectors/${reference}/jwks.json`)).body.error.code).toBe("not_found");
    }
  });
});

test("D-12 no answer and no log line ever contains a secret that was sent", async () => {
  const id = await created(world, oauthBody({ projectId: world.projectA }));
  const keyed = await created(world, apiKeyBody({ projectId: world.projectA }));
  const answers = [
    await get(id),
    await get(keyed),
    await get(keyed, world.productionOfA),
    await patch(id, { data: { clientSecret: "another-s3cret" } }),
    await patch(keyed, { data: { toAdd: [{ value: "another-v4lue" }] } }),
    await get(id),
    await get(keyed),
    await patch(id, { data: { clientSecret: 5, nonsense: SECRET } }),
    await create(oauthBody({}, { serverUrl: SECRET })),
    await world.api.get("/v2/connect/connectors?limit=100", world.owner),
  ];
  const seen = [...answers.map(({ text }) => text), ...world.services.lines].join("\n");
  for (const secret of [SECRET, KEY, "another-s3cret", "another-v4lue"]) expect(seen).not.toContain(secret);
});

test.for(["id", "teamId", "type", "createdAt", "revision", "deletedAt", "secretsSealed", "verified", "service"])(
  "D-11 a change may not set %s",
  async (field) => {
    const id = await created(world, apiKeyBody());
    const answer = await patch(id, { [field]: "x" });
    expect([answer.status, answer.body.error.code]).toEqual([400, "unknown_field"]);
  },
);

test.for(["id", "teamId", "createdBy", "revision", "verified"])("D-11 a creation may not set %s", async (field) => {
  const answer = await create(apiKeyBody({ [field]: "x" }));
  expect([answer.status, answer.body.error.code]).toEqual([400, "unknown_field"]);
});
