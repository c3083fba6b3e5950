import { Vercel } from "@vercel/sdk";
import { ConnectError } from "@vercel/sdk/models/connecterror.js";
import { ConnectProjectConnection$inboundSchema } from "@vercel/sdk/models/connectprojectconnection.js";
import { ListConnectorsRequest$outboundSchema } from "@vercel/sdk/models/listconnectorsop.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { text } from "./http.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";
import { installedVersion, routeVercelApi } from "./vercel-route.ts";
import { fieldsOf, sortedKeys } from "./vercel-sdk-schemas.ts";

// The unmodified package. It judges every answer by its own closed schemas and throws on what does not fit.

let server: Server;
let team: Team;
let connect: Vercel["connect"];
let teamId: string;

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
  teamId = team.teamId;
  connect = new Vercel({ bearerToken: team.owner, serverURL: server.origin }).connect;
});
afterAll(() => server?.stop());

async function thrown(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => expect.fail("the call was not refused"),
    (error: unknown) => error,
  );
}

/** Every page of a list. */
async function uidsOf(request: Omit<Parameters<typeof connect.listConnectors>[0], "cursor">): Promise<string[]> {
  const uids: string[] = [];
  let cursor: string | undefined;
  do {
    const { connectors, pagination } = await connect.listConnectors({ ...request, ...(cursor && { cursor }) });
    uids.push(...connectors.map(({ uid }) => uid));
    cursor = pagination.next ?? undefined;
  } while (cursor !== undefined);
  return uids;
}

test("the installed package is the version that is claimed", async () => {
  expect(await installedVersion("@vercel/sdk")).toBe("1.28.35");
});

test("without a server of its own, it reaches us where Vercel's API is routed here", async () => {
  const route = routeVercelApi(server.origin);
  try {
    const { connectors } = await new Vercel({ bearerToken: team.owner }).connect.listConnectors({ teamId });
    expect(connectors).toHaveLength(4);
    expect(route.requests).toHaveLength(1);
  } finally {
    route.restore();
  }
});

describe("connectors", () => {
  test("lists page by page, sorted and filtered", async () => {
    const all = await uidsOf({ teamId, limit: 1 });
    expect(all.toSorted()).toEqual([...Object.values(team.oauth), team.apiKey].toSorted());
    expect(await uidsOf({ teamId, limit: 3, sort: "createdAt" })).toEqual([
      team.apiKey,
      team.oauth.private_key_jwt,
      team.oauth.client_secret_post,
      team.oauth.client_secret_basic,
    ]);
    expect(await uidsOf({ teamId, type: "api-key,slack" })).toEqual([team.apiKey]);
    expect(await uidsOf({ teamId, search: "private_key" })).toEqual([team.oauth.private_key_jwt]);
    expect(await uidsOf({ teamId, projectId: team.linked })).toHaveLength(4);
    expect(await uidsOf({ teamId, projectId: team.unlinked })).toEqual([]);
  });

  test("an oauth connector is created with its first link, read, changed and deleted", async () => {
    const created = await connect.createConnector({
      teamId,
      connectCreateConnectorRequest: {
        type: "oauth",
        uid: "typed/oauth",
        name: "Typed",
        projectId: team.linked,
        environments: ["production"],
        data: {
          serverUrl: server.provider.issuer,
          clientId: server.provider.clients.basic.clientId,
          clientSecret: server.provider.clients.basic.clientSecret,
          clientCredentials: { enabled: true, scopes: ["reports:read"] },
        },
      },
    });
    expect(created).toMatchObject({ uid: "typed/oauth", type: "oauth", supportedSubjectTypes: ["app"] });
    const answer = await team.askForToken("typed/oauth", await team.workloadToken());
    expect(answer.status).toBe(200);

    const byId = await connect.getConnector({ teamId, connector: created.id });
    expect(byId).toEqual(await connect.getConnector({ teamId, connector: "typed/oauth" }));
    expect(JSON.stringify(byId)).not.toContain(server.provider.clients.basic.clientSecret);

    const { connector } = await connect.updateConnector({
      teamId,
      connector: created.id,
      connectUpdateConnectorRequest: { name: "Renamed", uid: "typed/renamed", backgroundColor: "#102030" },
    });
    expect(connector).toMatchObject({ id: created.id, uid: "typed/renamed", name: "Renamed" });

    await connect.deleteConnector({ teamId, connector: "typed/renamed" });
    const gone = await thrown(connect.getConnector({ teamId, connector: created.id }));
    expect(gone).toBeInstanceOf(ConnectError);
    expect(gone).toMatchObject({ statusCode: expect.toBeOneOf([404, 410]) });
    expect(await uidsOf({ teamId })).not.toContain("typed/renamed");
  });

  test("an api-key connector is created, given another value, and deleted", async () => {
    const request = { type: "api-key", uid: "typed/key", name: "Key", data: { values: [{ value: "first-value" }] } };
    const created = await connect.createConnector({ teamId, connectCreateConnectorRequest: request });
    expect(created).toMatchObject({ type: "api-key", uid: "typed/key" });
    const { connector } = await connect.updateConnector({
      teamId,
      connector: created.uid,
      connectUpdateConnectorRequest: { data: { toAdd: [{ value: "second-value", scope: "write" }] } },
    });
    expect(connector.appTokens?.scopes).toEqual(["write"]);
    await connect.deleteConnector({ teamId, connector: created.id });
  });
});

test("links are put, read, listed both ways page by page, and deleted", async () => {
  const at = { teamId, connector: team.apiKey, projectId: team.unlinked };
  const connectUpsertProjectConnectionRequest = { environments: ["preview", "development"] };
  const link = await connect.upsertConnectorProjectConnection({ ...at, connectUpsertProjectConnectionRequest });
  expect(link.enabledEnvironments.toSorted()).toEqual(["development", "preview"]);
  expect(link.project.id).toBe(team.unlinked);
  expect(await connect.getConnectorProjectConnection(at)).toEqual(link);

  const first = await connect.listConnectorProjectConnections({ teamId, connector: team.apiKey, limit: 1 });
  const cursor = first.pagination.next ?? expect.fail("there must be a second page");
  const second = await connect.listConnectorProjectConnections({ teamId, connector: team.apiKey, limit: 1, cursor });
  expect([...first.projects, ...second.projects].map(({ project }) => project.id).toSorted()).toEqual(
    [team.linked, team.unlinked].toSorted(),
  );
  expect(second.pagination.next).toBeNull();
  const ofProject = await connect.listProjectConnectorConnections({ teamId, projectId: team.unlinked });
  expect(ofProject).toEqual({ connectors: [link], pagination: { next: null } });

  await connect.deleteConnectorProjectConnection(at);
  expect(await thrown(connect.getConnectorProjectConnection(at))).toBeInstanceOf(ConnectError);
  expect((await connect.listProjectConnectorConnections({ teamId, projectId: team.unlinked })).connectors).toEqual([]);
});

describe("refusals are its typed error", () => {
  const create = (body: Parameters<typeof connect.createConnector>[0]["connectCreateConnectorRequest"]) =>
    thrown(connect.createConnector({ teamId, connectCreateConnectorRequest: body }));

  test("409: a uid that is taken", async () => {
    const error = await create({ type: "api-key", uid: team.apiKey, name: "Again", data: { values: [] } });
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ statusCode: 409, error: { code: "conflict" } });
  });

  test("400: data that the connector's type does not know", async () => {
    const error = await create({ type: "oauth", name: "Bad", data: { clientId: "c", serverUrl: "ftp://example.com" } });
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ statusCode: 400 });
  });

  test("404: a connector, a project, a team that there is not", async () => {
    for (const call of [
      () => connect.getConnector({ teamId, connector: "no/such" }),
      () => connect.deleteConnector({ teamId, connector: "no/such" }),
      () => connect.listProjectConnectorConnections({ teamId, projectId: "prj_none" }),
      () => connect.getConnector({ teamId: "team_other", connector: team.apiKey }),
    ]) {
      const error = await thrown(call());
      expect(error).toBeInstanceOf(ConnectError);
      expect(error).toMatchObject({ statusCode: 404, error: { code: "not_found" } });
    }
  });

  test("400: team id and slug at once", async () => {
    const error = await thrown(connect.listConnectors({ teamId, slug: "acme" }));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ statusCode: 400 });
  });

  test("401: a credential that nobody issued; 403: one that is no manager", async () => {
    const asked = (bearerToken: string) =>
      thrown(new Vercel({ bearerToken, serverURL: server.origin }).connect.listConnectors({ teamId }));
    const unknown = await asked("vk_nobody");
    expect(unknown).toBeInstanceOf(ConnectError);
    expect(unknown).toMatchObject({ statusCode: 401 });
    const workload = await asked(await team.workloadToken());
    expect(workload).toBeInstanceOf(ConnectError);
    expect(workload).toMatchObject({ statusCode: 403 });
  });
});

test("a list takes everything that the client can ask of it", async () => {
  const by = { projectId: team.linked, search: "up", type: "oauth", service: "127.0.0.1", sort: "createdAt" } as const;
  const first = await connect.listConnectors({ ...by, teamId, limit: 1 });
  const cursor = first.pagination.next ?? expect.fail("there must be a second page");
  const asked = { ...by, slug: "default", limit: 2, cursor };
  const rest = await connect.listConnectors(asked);
  expect(fieldsOf(ListConnectorsRequest$outboundSchema)).toEqual(sortedKeys(asked, { teamId }));
  const { private_key_jwt, client_secret_post, client_secret_basic } = team.oauth;
  expect([...first.connectors, ...rest.connectors].map(({ uid }) => uid)).toEqual([
    private_key_jwt,
    client_secret_post,
    client_secret_basic,
  ]);
  expect(rest.pagination).toStrictEqual({ next: null });
});

test("a link with every member is put, read, listed both ways, replaced and deleted", async () => {
  const at = { teamId, connector: team.apiKey, projectId: team.linked };
  const put = (...environments: string[]) =>
    connect.upsertConnectorProjectConnection({ ...at, connectUpsertProjectConnectionRequest: { environments } });
  const environment = { path: "/v1/projects/linked/environments", body: { slug: "staging" } };
  const staging = text(await server.expect(201, { method: "POST", token: team.owner, ...environment }), "id");
  const before = await connect.getConnectorProjectConnection(at);
  const { id: connectorId } = await connect.getConnector(at);
  const link = await put("preview", staging);
  expect(link).toStrictEqual({
    connectorId,
    enabledEnvironments: ["preview", staging],
    project: { id: team.linked, name: "linked", customEnvironments: [{ id: staging, slug: "staging" }] },
    createdAt: before.createdAt,
    updatedAt: expect.any(Number),
  });
  expect(link.updatedAt).toBeGreaterThan(before.updatedAt);
  expect(fieldsOf(ConnectProjectConnection$inboundSchema)).toEqual(sortedKeys(link));
  expect(await connect.getConnectorProjectConnection(at)).toStrictEqual(link);
  const ofConnector = await connect.listConnectorProjectConnections({ teamId, connector: team.apiKey });
  expect(ofConnector).toStrictEqual({ projects: [link], pagination: { next: null } });
  const ofProject = await connect.listProjectConnectorConnections({ teamId, projectId: "linked" });
  expect(ofProject.connectors).toContainEqual(link);
  expect((await put("production")).enabledEnvironments).toEqual(["production"]);
  await connect.deleteConnectorProjectConnection(at);
  await expect(connect.getConnectorProjectConnection(at)).rejects.toMatchObject({ statusCode: 404 });
});
