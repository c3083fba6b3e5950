import { beforeAll, describe, expect, inject, test } from "vitest";
import { apiKeyBody, created, newWorld, SECRET, type World } from "./world.ts";

describe("a draft connector", () => {
  let world: World;
  beforeAll(async () => {
    world = await newWorld();
  });
  const draft = (fields: Record<string, unknown> = {}) =>
    world.api.post("/v1/connect/connectors", { type: "oauth", name: "Draft", draft: true, ...fields }, world.owner);
  const patch = (id: string, body: unknown) => world.api.patch(`/v2/connect/connectors/${id}`, body, world.owner);
  const read = async (id: string) => (await world.api.get(`/v1/connect/connectors/${id}`, world.owner)).body;
  const serverUrl = () => `${inject("hostileOrigin")}/as/good`;

  test("needs nothing but a type, and has its redirect URI at once", async () => {
    const { status, body } = await draft();
    expect([status, body.draft, body.redirectUri]).toEqual([201, true, `http://127.0.0.1:8787/callback/${body.id}`]);
    const { data, draft: shown } = await read(body.id);
    expect([shown, data.clientId, data.clientSecret]).toEqual([true, undefined, undefined]);
  });

  test("with private_key_jwt publishes its key before there is a client, and keeps that key when it is completed", async () => {
    const data = { tokenEndpointAuthMethod: "private_key_jwt" };
    const { body } = await draft({ data });
    const { pathname } = new URL((await read(body.id)).data.jwksUri);
    const { keys } = (await world.api.get(pathname)).body;
    expect(keys).toHaveLength(1);
    const completed = await patch(body.id, {
      data: { clientId: "late", serverUrl: serverUrl(), clientCredentials: { enabled: true } },
    });
    expect([completed.status, completed.body.connector.draft]).toEqual([200, undefined]);
    expect((await world.api.get(pathname)).body.keys).toEqual(keys);
  });

  test("stays one while something is missing, and is live as soon as nothing is", async () => {
    const { id } = (await draft()).body;
    const first = await patch(id, { data: { clientId: "c1", clientCredentials: { enabled: true } } });
    expect([first.status, first.body.connector.draft, first.body.connector.service]).toEqual([200, true, "oauth"]);
    expect((await patch(id, { name: "Renamed" })).body.connector).toMatchObject({ draft: true, name: "Renamed" });
    const last = await patch(id, { data: { serverUrl: serverUrl(), clientSecret: SECRET } });
    expect([last.status, last.body.connector.draft, last.body.connector.service]).toEqual([
      200,
      undefined,
      "127.0.0.1",
    ]);
    expect((await read(id)).data).toMatchObject({ clientId: "c1", clientSecret: { set: true } });
  });

  test("that is insisted on says what is missing, and changes nothing", async () => {
    const { id } = (await draft({ data: { clientCredentials: { enabled: true } } })).body;
    const refused = await patch(id, { draft: false, data: { serverUrl: serverUrl() } });
    expect([refused.status, refused.body.error.code]).toEqual([400, "invalid_config"]);
    expect(refused.body.error.message).toContain("clientId");
    expect(await read(id)).toMatchObject({ draft: true, revision: 1 });
    const alone = await patch(id, { draft: false });
    expect([alone.status, alone.body.error.code]).toEqual([400, "invalid_config"]);
  });

  test("is kept one on request, although it is complete", async () => {
    const data = { clientId: "c1", clientSecret: SECRET, serverUrl: serverUrl(), clientCredentials: { enabled: true } };
    const { id, draft: isDraft } = (await draft({ data })).body;
    expect(isDraft).toBe(true);
    expect((await patch(id, { draft: true, data: { clientName: "x" } })).body.connector.draft).toBe(true);
    expect((await patch(id, { draft: false })).body.connector).not.toHaveProperty("draft");
  });

  test("is checked in what it has: wrong values and URLs are refused as ever", async () => {
    for (const data of [{ clientId: 1 }, { unknown: 1 }, { serverConfig: { token_endpoint: "http://10.0.0.1/t" } }]) {
      expect((await draft({ data })).status).toBe(400);
    }
  });

  test("is nothing that a live connector becomes again, and data is only optional for drafts", async () => {
    const id = await created(world, apiKeyBody());
    expect((await patch(id, { draft: true })).status).toBe(400);
    expect((await patch(id, { draft: false })).status).toBe(200);
    const missing = await world.api.post("/v1/connect/connectors", { type: "oauth" }, world.owner);
    expect([missing.status, missing.body.error.code]).toEqual([400, "bad_request"]);
  });

  test("of the type api-key is live with its first value", async () => {
    const made = await draft({ type: "api-key" });
    expect([made.status, made.body.draft]).toEqual([201, true]);
    expect((await patch(made.body.id, { data: { instructions: "Paste it" } })).body.connector.draft).toBe(true);
    const live = await patch(made.body.id, { data: { toAdd: [{ value: "v" }] } });
    expect([live.status, live.body.connector.draft]).toEqual([200, undefined]);
  });
});
