import type { Vercel } from "@vercel/sdk";
import { UserTokens$inboundSchema } from "@vercel/sdk/models/connectconnector.js";
import { TypeApiKey$outboundSchema } from "@vercel/sdk/models/connectconnectorcreatedata.js";
import { ConnectConnectorUpdateDataTypeApiKey$outboundSchema } from "@vercel/sdk/models/connectconnectorupdatedata.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isObject, text } from "./http.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";
import { fieldsOf, sortedKeys } from "./vercel-sdk-schemas.ts";
import { apiKeyChange, apiKeyData } from "./vercel-sdk-values.ts";
import { clientOf, dataOf, EVERY_CONNECTOR } from "./vercel-sdk-world.ts";

let server: Server;
let team: Team;
let teamId: string;
/** Two users. */
let ann: Vercel["connect"];
let ben: Vercel["connect"];

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
  teamId = team.teamId;
  ann = await clientOf(team, "ann");
  ben = await clientOf(team, "ben");
});
afterAll(() => server?.stop());

async function valueIds(id: string): Promise<string[]> {
  const data = await dataOf(team, id);
  const values: unknown[] = isObject(data) && Array.isArray(data.values) ? data.values : [];
  return values.map((value) => (isObject(value) ? text(value, "id") : ""));
}

test("an api-key connector with every member is created, changed and deleted", async () => {
  expect(fieldsOf(TypeApiKey$outboundSchema)).toEqual(sortedKeys(apiKeyData));
  const create = (data: object) => ({ teamId, connectCreateConnectorRequest: { type: "api-key", name: "Key", data } });
  const created = await ann.createConnector(create(apiKeyData));
  const token = { crossInstallation: false, supportsRefinement: true, supportsResources: false };
  const expected = {
    ...EVERY_CONNECTOR,
    id: expect.stringMatching(/^scl_/),
    type: "api-key",
    typeName: "API key",
    service: "api.notion.example",
    uid: created.uid,
    name: "Key",
    displayName: "Key",
    supportedSubjectTypes: ["app"],
    supportsRevocation: false,
    appTokens: { ...token, scopes: ["read"] },
    createdBy: { type: "user", id: "ann" },
    updatedBy: { type: "user", id: "ann" },
  };
  expect(created).toStrictEqual(expected);
  const value = { set: true };
  const expiresAt = apiKeyData.values?.[0]?.expiresAt;
  const { subjectType, serviceUrls, instructions } = apiKeyData;
  expect(await dataOf(team, created.id)).toEqual({
    subjectType,
    serviceUrls,
    instructions,
    values: [{ id: expect.any(String), value, scope: "read", expiresAt }],
  });

  const connector = created.id;
  const toAdd = [{ value: "goes-again" }];
  await ann.updateConnector({ teamId, connector, connectUpdateConnectorRequest: { data: { toAdd } } });
  const [kept = "", gone = ""] = await valueIds(connector);
  const data = apiKeyChange(kept, gone);
  expect(fieldsOf(ConnectConnectorUpdateDataTypeApiKey$outboundSchema)).toEqual(sortedKeys(data));
  const updated = await ben.updateConnector({ teamId, connector, connectUpdateConnectorRequest: { data } });
  expect(updated).toStrictEqual({
    connector: {
      ...expected,
      appTokens: { ...token, scopes: ["admin", "write"] },
      updatedBy: { type: "user", id: "ben" },
    },
  });
  expect(await dataOf(team, connector)).toEqual({
    subjectType,
    serviceUrls,
    instructions: data.instructions,
    values: [
      { id: kept, value, scope: "write", expiresAt: 4_200_000_000_000 },
      { id: expect.any(String), value, scope: "admin", expiresAt: 4_100_000_000_000 },
    ],
  });
  await ann.deleteConnector({ teamId, connector });

  const pasted = await ann.createConnector(create({ subjectType: "user" }));
  const userTokens = { ...token, scopes: [], supportsRefinement: false, manualCredentialInput: true };
  expect(pasted).toMatchObject({ supportedSubjectTypes: ["user"], userTokens });
  expect(fieldsOf(UserTokens$inboundSchema)).toEqual(sortedKeys(userTokens, { supportedAuthorizationDetails: [] }));
});
