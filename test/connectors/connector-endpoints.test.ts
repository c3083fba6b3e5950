import { beforeAll, describe, expect, test } from "vitest";
import { apiKeyBody, created, KEY, newWorld, oauthBody, SECRET, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await newWorld();
});

const create = (body: unknown, token = world.owner) => world.api.post("/v1/connect/connectors", body, token);
const patch = (id: string, body: unknown, token = world.owner) =>
  world.api.patch(`/v2/connect/connectors/${id}`, body, token);
const get = (id: string, token = world.owner) => world.api.get(`/v1/connect/connectors/${id}`, token);
const remove = (id: string, token = world.owner) => world.api.delete(`/v1/connect/connectors/${id}`, token);

describe("roles", () => {
  test.for(["viewer", "developer"] as const)("a %s reads but writes nothing", async (role) => {
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
