import { beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { apiKeyBody, created, newWorld, oauthBody, type World } from "./world.ts";

let nowMs = Date.now();
let world: World;
beforeAll(async () => {
  world = await newWorld({ now: () => nowMs });
});
beforeEach(() => {
  nowMs += 1000;
});

const create = (body: unknown, token = world.owner) => world.api.post("/v1/connect/connectors", body, token);
const patch = (id: string, body: unknown, token = world.owner) =>
  world.api.patch(`/v2/connect/connectors/${id}`, body, token);
const get = (id: string, token = world.owner) => world.api.get(`/v1/connect/connectors/${id}`, token);

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
      supportsTriggers: true,
      triggers: { enabled: false },
      ingressUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:8787\/hooks\/[0-9a-f]{32}$/),
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
      supportsTriggers: true,
      triggers: { enabled: false },
      ingressUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:8787\/hooks\/[0-9a-f]{32}$/),
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
    ["triggerDestination", { projectId: "project-a" }],
    ["icon", "a".repeat(40)],
    ["params", {}],
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
