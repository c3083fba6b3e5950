import { createHash } from "node:crypto";
import type { Vercel } from "@vercel/sdk";
import { AppTokens$inboundSchema, ConnectConnector$inboundSchema } from "@vercel/sdk/models/connectconnector.js";
import {
  ServerConfig$outboundSchema,
  TypeOauth$outboundSchema,
} from "@vercel/sdk/models/connectconnectorcreatedata.js";
import { ConnectConnectorCreateResult$inboundSchema } from "@vercel/sdk/models/connectconnectorcreateresult.js";
import { ConnectConnectorUpdateDataTypeOauth$outboundSchema } from "@vercel/sdk/models/connectconnectorupdatedata.js";
import { ConnectConnectorUpdateResult$inboundSchema } from "@vercel/sdk/models/connectconnectorupdateresult.js";
import { FullConfiguration$outboundSchema } from "@vercel/sdk/models/connectcreateconnectorrequest.js";
import { ConnectUpdateConnectorRequest$outboundSchema } from "@vercel/sdk/models/connectupdateconnectorrequest.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { png } from "../files/pictures.ts";
import { text } from "./http.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";
import { fieldsOf, sortedKeys, wire } from "./vercel-sdk-schemas.ts";
import { changedOauthSettings, oauthSettings, serverConfig } from "./vercel-sdk-values.ts";
import { clientOf, dataOf, EVERY_CONNECTOR } from "./vercel-sdk-world.ts";

// The unmodified package, from create to delete: every member of its schemas is set and compared, or named as not there.

let server: Server;
let team: Team;
let teamId: string;
let icon: string;
/** A custom environment of `team.linked`. */
let staging: string;
/** Two users. */
let ann: Vercel["connect"];
let ben: Vercel["connect"];

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
  teamId = team.teamId;
  ann = await clientOf(team, "ann");
  ben = await clientOf(team, "ben");
  const environment = { path: `/v1/projects/${team.linked}/environments`, body: { slug: "staging" } };
  staging = text(await server.expect(201, { method: "POST", token: team.owner, ...environment }), "id");
  const picture = png();
  icon = createHash("sha1").update(picture).digest("hex");
  const headers = { authorization: `Bearer ${team.owner}`, "x-vercel-digest": icon };
  const uploaded = await fetch(`${server.origin}/v2/files`, { method: "POST", headers, body: picture });
  expect(uploaded.status).toBe(200);
});
afterAll(() => server?.stop());

/** Members of app tokens that only apps have which are installed. */
const OF_INSTALLED_APPS = { permissionsUrl: "", requiresReinstallation: false };
/** Members of a connector that nothing here has: they belong to installations, managed apps and vendors. */
const NOT_SHOWN = [
  ...["defaultInstallationId", "reinstallAt", "knownStale"],
  ...["managed", "clientUrl", "typeIcon", "website", "devsite"],
];

test("an oauth connector with every member is created, read, listed, changed and deleted", async () => {
  const { clientId, clientSecret } = server.provider.clients.basic;
  const serverUrl = server.provider.issuer;
  const data = { ...oauthSettings, serverUrl, serverConfig, clientId, clientSecret };
  const request = {
    type: "oauth",
    service: "linear",
    connectionMethod: "oauth2",
    target: "api",
    uid: "typed/whole",
    name: "Whole",
    projectId: team.linked,
    environments: ["production", staging],
    triggers: true,
    events: ["Issue", "Comment.*"],
    triggerDestination: { customEnvironmentId: staging, path: "/hook" },
    icon,
    backgroundColor: "#102030",
    accentColor: "#405060",
    data,
  };
  // Not served yet, and refused by name.
  const refused = { params: { region: "eu" } };
  expect(fieldsOf(FullConfiguration$outboundSchema)).toEqual(sortedKeys(request, refused));
  expect(fieldsOf(TypeOauth$outboundSchema)).toEqual(sortedKeys(data));
  expect(fieldsOf(ServerConfig$outboundSchema)).toEqual(sortedKeys(serverConfig, { additionalProperties: {} }));
  for (const [field, value] of Object.entries(refused)) {
    const asked = ann.createConnector({ teamId, connectCreateConnectorRequest: { ...request, [field]: value } });
    await expect(asked).rejects.toMatchObject({ statusCode: 400, message: expect.stringContaining(field) });
  }

  const created = await ann.createConnector({ teamId, connectCreateConnectorRequest: request });
  const token = { crossInstallation: false, supportsRefinement: true, supportsResources: true };
  const supportedAuthorizationDetails = ["payment"];
  const expected = {
    ...EVERY_CONNECTOR,
    id: expect.stringMatching(/^scl_/),
    type: "oauth",
    typeName: "OAuth",
    service: "linear",
    uid: "typed/whole",
    name: "Whole",
    displayName: "Whole",
    connectionMethod: "oauth2",
    target: "api",
    triggers: { enabled: true },
    triggerDestinations: [{ projectId: team.linked, customEnvironmentId: staging, path: "/hook" }],
    events: ["Issue", "Comment.*"],
    icon,
    backgroundColor: "#102030",
    accentColor: "#405060",
    docsite: serverConfig.serviceDocumentation,
    supportedSubjectTypes: ["app", "user"],
    supportsRevocation: true,
    appTokens: { ...token, scopes: ["reports:read"], supportedAuthorizationDetails },
    userTokens: { ...token, scopes: ["openid"], supportedAuthorizationDetails },
    redirectUri: `${server.origin}/callback/${created.id}`,
    createdBy: { type: "user", id: "ann" },
    updatedBy: { type: "user", id: "ann" },
  };
  expect(created).toStrictEqual(expected);
  expect(created.updatedAt).toBe(created.createdAt);
  for (const schema of [ConnectConnector$inboundSchema, ConnectConnectorCreateResult$inboundSchema]) {
    expect(fieldsOf(schema)).toEqual([...sortedKeys(created), ...NOT_SHOWN].toSorted());
  }
  expect(fieldsOf(AppTokens$inboundSchema)).toEqual(sortedKeys(expected.appTokens, OF_INSTALLED_APPS));

  const shownData = { serverUrl, clientId, clientSecret: { set: true } };
  expect(await dataOf(team, created.id)).toEqual({
    ...oauthSettings,
    ...shownData,
    server: expect.objectContaining(wire(serverConfig)),
    serverConfig: wire(serverConfig),
  });
  expect(await ann.getConnector({ teamId, connector: "typed/whole" })).toEqual(created);
  const filter = { projectId: team.linked, search: "whole", type: "oauth", service: "linear" } as const;
  const page = { connectors: [created], pagination: { next: null } };
  expect(await ann.listConnectors({ ...filter, teamId, limit: 1, sort: "updatedAt" })).toStrictEqual(page);
  const others = [{ projectId: team.unlinked }, { search: "hole.." }, { type: "slack" }, { service: "other" }];
  for (const other of others) {
    expect((await ann.listConnectors({ ...filter, ...other, teamId })).connectors).toEqual([]);
  }

  const connector = created.id;
  const changedServer = { ...serverConfig, tokenEndpoint: "", serviceDocumentation: "https://as.example.com/docs2" };
  const changedData = {
    ...changedOauthSettings,
    serverUrl,
    clientId: "two",
    clientSecret: "x",
    serverConfig: changedServer,
  };
  const change = {
    uid: "typed/changed",
    name: "Changed",
    triggers: false,
    events: [],
    icon,
    backgroundColor: "#111111",
    accentColor: "#222222",
    data: changedData,
  };
  expect(fieldsOf(ConnectUpdateConnectorRequest$outboundSchema)).toEqual(sortedKeys(change));
  expect(fieldsOf(ConnectConnectorUpdateDataTypeOauth$outboundSchema)).toEqual(sortedKeys(changedData));
  const updated = await ben.updateConnector({ teamId, connector, connectUpdateConnectorRequest: change });
  const { events: _events, ...stays } = expected;
  const changed = {
    ...stays,
    triggers: { enabled: false },
    id: created.id,
    createdAt: created.createdAt,
    uid: "typed/changed",
    name: "Changed",
    displayName: "Changed",
    backgroundColor: "#111111",
    accentColor: "#222222",
    docsite: changedServer.serviceDocumentation,
    appTokens: { ...expected.appTokens, scopes: ["reports:write"] },
    userTokens: { ...expected.userTokens, scopes: ["openid", "mail"] },
    updatedBy: { type: "user", id: "ben" },
  };
  expect(updated).toStrictEqual({ connector: changed, reconsentNeeded: { scope: "user" } });
  expect(updated.connector.updatedAt).toBeGreaterThan(created.updatedAt);
  const { token_endpoint, ...keptServer } = wire(changedServer);
  expect(token_endpoint).toBe("");
  expect(await dataOf(team, connector)).toEqual({
    ...changedOauthSettings,
    ...shownData,
    clientId: "two",
    serverConfig: keptServer,
    server: expect.objectContaining(keptServer),
  });
  // For vendors whose apps are kept in step, and for installed ones.
  const later = { serviceSync: {}, reinstallNeeded: false };
  expect(fieldsOf(ConnectConnectorUpdateResult$inboundSchema)).toEqual(sortedKeys(updated, later));

  await ann.deleteConnector({ teamId, connector });
  await expect(ann.getConnector({ teamId, connector })).rejects.toMatchObject({ statusCode: 410 });
  await expect(ann.getConnector({ teamId, connector: "typed/changed" })).rejects.toMatchObject({ statusCode: 404 });
});
