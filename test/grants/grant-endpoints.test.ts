import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { grantDirectory } from "../../src/grants/directory.ts";
import { assertIndexRow } from "../../src/grants/index-row.ts";
import { grantName } from "../../src/grants/name.ts";
import type { GrantIdentity } from "../../src/grants/protocol.ts";
import { db } from "../connectors/rows.ts";
import { type Api, accessToken, project } from "../support/api.ts";
import { isolate, ownerToken } from "../support/connect.ts";

const objects = grantDirectory({ grants: env.GRANTS, gates: env.CONNECTOR_GATES });

let api: Api;
let owner: string;
let connectorId: string;
let viewer: string;
let grants: string;

beforeAll(async () => {
  ({ api } = await isolate());
  owner = await ownerToken(api);
  viewer = await accessToken(api, owner, { role: "viewer" });
  connectorId = await keyConnector();
  grants = `/v1/connect/connectors/${connectorId}/grants`;
});

async function keyConnector(): Promise<string> {
  const body = { type: "api-key", data: { subjectType: "user", instructions: "Paste it." } };
  return (await api.post("/v1/connect/connectors", body, owner)).body.id;
}

const identityOf = (id: string, change: Partial<GrantIdentity> = {}, issuer: string | null = null): GrantIdentity => ({
  connectorId,
  installationId: null,
  subject: { type: "user", namespace: null, issuer, id },
  partition: "production",
  ...change,
});

/** A grant whose user pasted a key. */
async function pasted(identity: GrantIdentity): Promise<string> {
  const name = await grantName(identity);
  const answer = await objects.grant(name, null).authorize({
    teamId: (await api.get("/v1/team", owner)).body.id,
    identity,
    connector: { type: "api-key", configRevision: 1, region: null, leaseSeconds: 60 },
    linkId: "lnk_1",
    scopeCeiling: null,
    group: { scopes: [], resources: [], audience: [], authorizationDetails: [] },
    ordinal: 1,
    revokedBeforeMs: 0,
    credential: { kind: "key", key: "the-pasted-key" },
  });
  if (!answer.ok) throw new Error(`refused: ${answer.failure.code} ${answer.failure.reason}`);
  return name;
}
const pathOf = (name: string) => `${grants}/${encodeURIComponent(name)}`;

describe("the list of a connector's grants", () => {
  let other: string;
  let names: Record<string, string>;
  beforeAll(async () => {
    other = await keyConnector();
    const all: [string, GrantIdentity][] = [
      ["ada", identityOf("ada")],
      ["ada at i", identityOf("ada", {}, "https://i.example")],
      ["ada at j", identityOf("ada", {}, "https://j.example")],
      ["ada shared", identityOf("ada", { partition: "shared" })],
      ["bob", identityOf("bob", { subject: { type: "user", namespace: "n", issuer: null, id: "bob" } })],
      ["app", identityOf("", { subject: { type: "app" }, partition: "preview" })],
      ["elsewhere", identityOf("ada", { connectorId: other })],
    ];
    names = {};
    for (const [key, identity] of all) {
      names[key] = await grantName(identity);
      await assertIndexRow(db, await grantName(identity), identity, "k1", 5);
    }
  });
  const listed = async (query: string) => {
    const { status, body } = await api.get(`${grants}${query}`, viewer);
    expect([status, body.error]).toEqual([200, undefined]);
    return body.grants.map(({ id }: { id: string }) => Object.keys(names).find((key) => names[key] === id));
  };

  test.for<[query: string, expected: string[]]>([
    ["", ["ada", "ada at i", "ada at j", "ada shared", "app", "bob"]],
    ["?subjectId=ada", ["ada", "ada at i", "ada at j", "ada shared"]],
    ["?subjectId=ada&subjectIssuer=https%3A%2F%2Fi.example", ["ada at i"]],
    ["?subjectId=ada&environment=production", ["ada", "ada at i", "ada at j"]],
    ["?environment=preview", ["app"]],
    ["?environment=shared", ["ada shared"]],
    ["?subjectId=nobody", []],
  ])("%s has %j, and none of another connector", async ([query, expected]) => {
    expect((await listed(query)).toSorted()).toEqual(expected);
  });

  test.for(["", "subjectId=ada&"])("comes in pages that miss nobody and repeat nobody (%s)", async (filter) => {
    const whole = await listed(`?${filter}limit=100`);
    const paged: unknown[] = [];
    let cursor: string | null = "";
    for (let pages = 0; cursor !== null && pages < 20; pages++) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const { body } = await api.get(`${grants}?${filter}limit=1${query}`, viewer);
      paged.push(...body.grants.map(({ id }: { id: string }) => Object.keys(names).find((key) => names[key] === id)));
      cursor = body.pagination.next;
    }
    expect(paged).toEqual(whole);
  });

  test("says whom each is for", async () => {
    const { body } = await api.get(`${grants}?subjectId=bob`, viewer);
    expect(body.grants).toEqual([
      {
        id: names.bob,
        subject: { type: "user", id: "bob", namespace: "n" },
        environment: "production",
        state: null,
        createdAt: 5,
        seenAt: 5,
      },
    ]);
  });

  test("is refused with an issuer of nobody, with a parameter twice, and for a connector that is not there", async () => {
    const alone = await api.get(`${grants}?subjectIssuer=https%3A%2F%2Fi.example`, viewer);
    expect([alone.status, alone.text]).toEqual([400, expect.stringMatching(/subjectIssuer.*needs subjectId, too/)]);
    expect((await api.get(`${grants}?limit=0`, viewer)).status).toBe(400);
    expect((await api.get("/v1/connect/connectors/scl_nothing/grants", viewer)).status).toBe(404);
  });
});

test.for([
  ["subjectId", 512],
  ["subjectIssuer", 2048],
  ["environment", 100],
] as const)("%s is a text of one to %i characters", async ([name, longest]) => {
  const statusOf = async (length: number) => {
    const query = new URLSearchParams({ subjectId: "ada", [name]: "x".repeat(length) });
    return (await api.get(`${grants}?${query}`, viewer)).status;
  };
  expect([await statusOf(0), await statusOf(1), await statusOf(longest), await statusOf(longest + 1)]).toEqual([
    400, 200, 200, 400,
  ]);
});

describe("one grant", () => {
  test("that is told of as refreshed says when, and how that ended", async () => {
    const identity = identityOf("harry");
    await assertIndexRow(db, await grantName(identity), identity, "k1", 5);
    const real = objects.grant("g1:none", null);
    const describe = async () => ({
      authorizationId: "aut_1",
      state: "active" as const,
      scopes: ["a"],
      refreshable: true,
      authorizedAtMs: 1,
      accessTokenExpiresAtMs: 2,
      lastRefresh: { atMs: 3, outcome: "upstream_timeout" as const },
      nextAttemptAtMs: 4,
      upstreamRevocation: { outcome: "pending" as const, atMs: null },
    });
    const told = await isolate({ grants: { ...objects, grant: () => ({ ...real, describe }) } });
    expect((await told.api.get(pathOf(await grantName(identity)), viewer)).body).toEqual({
      id: await grantName(identity),
      subject: { type: "user", id: "harry" },
      environment: "production",
      state: "active",
      createdAt: 5,
      seenAt: 5,
      authorizationId: "aut_1",
      scopes: ["a"],
      refreshable: true,
      authorizedAt: 1,
      accessTokenExpiresAt: 2,
      lastOutcome: { at: 3, code: "upstream_timeout" },
      nextAttemptAt: 4,
      upstreamRevocation: { outcome: "pending", at: null },
    });
  });

  test("that cannot be reached is not said to have ended", async () => {
    const identity = identityOf("iris");
    await assertIndexRow(db, await grantName(identity), identity, "k1", 5);
    const real = objects.grant("g1:none", null);
    const revoke = () => Promise.reject(new Error("the object is gone"));
    const deaf = await isolate({ grants: { ...objects, grant: () => ({ ...real, revoke }) } });
    const { status, body, headers } = await deaf.api.delete(pathOf(await grantName(identity)), owner);
    expect([status, body.error.code, headers.get("retry-after")]).toEqual([503, "storage_unavailable", "1"]);
  });

  test("is what its user authorized, and no token", async () => {
    const name = await pasted(identityOf("carol"));
    const { status, body, text } = await api.get(pathOf(name), viewer);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: name,
      subject: { type: "user", id: "carol" },
      state: "active",
      authorizationId: expect.stringMatching(/^aut_/),
      scopes: [],
      refreshable: false,
      accessTokenExpiresAt: null,
      lastOutcome: null,
      nextAttemptAt: null,
      upstreamRevocation: null,
    });
    expect(text).not.toContain("pasted-key");
  });

  test("that nobody authorized says only whom it is for", async () => {
    const identity = identityOf("dave");
    await assertIndexRow(db, await grantName(identity), identity, "k1", 5);
    const { body } = await api.get(pathOf(await grantName(identity)), viewer);
    expect(Object.keys(body).toSorted()).toEqual(["createdAt", "environment", "id", "seenAt", "state", "subject"]);
  });

  test("ends by deletion, which the list shows, and which may be repeated", async () => {
    const name = await pasted(identityOf("erin"));
    const { status, body } = await api.delete(pathOf(name), owner);
    expect([status, body]).toMatchObject([200, { tokensFound: 1, deleted: 1, providerSkipped: 1, local: "revoked" }]);
    const { body: after } = await api.get(pathOf(name), viewer);
    expect(after).toMatchObject({ state: "revoked", upstreamRevocation: { outcome: "unsupported" } });
    expect((await api.get(`${grants}?subjectId=erin`, viewer)).body.grants).toMatchObject([{ state: "revoked" }]);
    expect((await api.delete(pathOf(name), owner)).body).toMatchObject({ tokensFound: 0 });
  });

  test("D-07 of another connector is not there", async () => {
    const name = await pasted(identityOf("frank"));
    const other = `/v1/connect/connectors/${await keyConnector()}/grants/${encodeURIComponent(name)}`;
    expect((await api.get(other, viewer)).status).toBe(404);
    expect((await api.delete(other, owner)).status).toBe(404);
    expect((await api.get(pathOf(name), viewer)).body.state).toBe("active");
  });

  test("is nothing for tokens that are bound to a project, and ended by admins only", async () => {
    const name = await pasted(identityOf("grace"));
    const projectId = await project(api, owner, "bound");
    const bound = await accessToken(api, owner, { role: "admin", projectId });
    for (const path of [grants, pathOf(name)]) expect((await api.get(path, bound)).status).toBe(403);
    for (const token of [bound, viewer]) expect((await api.delete(pathOf(name), token)).status).toBe(403);
    expect((await api.get(pathOf(name), viewer)).body.state).toBe("active");
  });
});
