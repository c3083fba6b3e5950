import { VercelCore } from "@vercel/sdk/core.js";
import { connectCreateConnector } from "@vercel/sdk/funcs/connectCreateConnector.js";
import { connectDeleteConnector } from "@vercel/sdk/funcs/connectDeleteConnector.js";
import { connectDeleteConnectorProjectConnection } from "@vercel/sdk/funcs/connectDeleteConnectorProjectConnection.js";
import { connectGetConnector } from "@vercel/sdk/funcs/connectGetConnector.js";
import { connectGetConnectorProjectConnection } from "@vercel/sdk/funcs/connectGetConnectorProjectConnection.js";
import { connectListConnectorProjectConnections } from "@vercel/sdk/funcs/connectListConnectorProjectConnections.js";
import { connectListConnectors } from "@vercel/sdk/funcs/connectListConnectors.js";
import { connectListProjectConnectorConnections } from "@vercel/sdk/funcs/connectListProjectConnectorConnections.js";
import { connectUpdateConnector } from "@vercel/sdk/funcs/connectUpdateConnector.js";
import { connectUpsertConnectorProjectConnection } from "@vercel/sdk/funcs/connectUpsertConnectorProjectConnection.js";
import { HTTPClient } from "@vercel/sdk/lib/http.js";
import { ConnectError } from "@vercel/sdk/models/connecterror.js";
import { beforeAll, expect, inject, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { newWorld, type World } from "./world.ts";

let world: World;
let client: VercelCore;
let teamId: string;

beforeAll(async () => {
  world = await newWorld();
  const app = createApp(world.services);
  const fetcher = async (input: RequestInfo | URL, init?: RequestInit) => {
    const deferred: Promise<unknown>[] = [];
    const response = await app.fetch(new Request(input, init), (work) => deferred.push(work));
    await Promise.all(deferred);
    return response;
  };
  client = new VercelCore({
    bearerToken: world.owner,
    serverURL: world.services.settings.publicOrigin,
    httpClient: new HTTPClient({ fetcher }),
  });
  teamId = world.teamId;
});

/** The value of a call that the client could send, and whose answer it could read with its own schemas. */
async function value<T>(call: PromiseLike<{ ok: true; value: T } | { ok: false; error: unknown }>): Promise<T> {
  const result = await call;
  if (!result.ok) throw result.error;
  return result.value;
}

test("the unmodified typed client creates, reads, lists, changes, links, unlinks and deletes an oauth connector", async () => {
  const created = await value(
    connectCreateConnector(client, {
      teamId,
      connectCreateConnectorRequest: {
        type: "oauth",
        uid: "typed/oauth",
        name: "Typed",
        projectId: world.projectA,
        environments: ["production"],
        data: {
          clientId: "c1",
          clientSecret: "s",
          serverUrl: `${inject("hostileOrigin")}/as/good`,
          clientCredentials: { enabled: true, scopes: ["read"] },
        },
      },
    }),
  );
  expect(created).toMatchObject({ uid: "typed/oauth", type: "oauth", supportsIcon: "false" });
  const connector = created.uid;
  expect(await value(connectGetConnector(client, { teamId, connector }))).toMatchObject({ id: created.id });
  const listed = await value(connectListConnectors(client, { teamId, sort: "createdAt", limit: 5 }));
  expect(listed.connectors.map(({ id }) => id)).toContain(created.id);
  const updated = await value(
    connectUpdateConnector(client, {
      teamId,
      connector,
      connectUpdateConnectorRequest: { name: "Renamed", accentColor: "#123456" },
    }),
  );
  expect(updated.connector).toMatchObject({ name: "Renamed", accentColor: "#123456" });

  const at = { teamId, connector, projectId: world.projectB };
  const link = await value(
    connectUpsertConnectorProjectConnection(client, {
      ...at,
      connectUpsertProjectConnectionRequest: { environments: ["preview"] },
    }),
  );
  expect(link).toMatchObject({ connectorId: created.id, enabledEnvironments: ["preview"] });
  expect(await value(connectGetConnectorProjectConnection(client, at))).toEqual(link);
  const projects = await value(connectListConnectorProjectConnections(client, { teamId, connector }));
  expect(projects.projects.map(({ project }) => project.id).toSorted()).toEqual(
    [world.projectA, world.projectB].toSorted(),
  );
  const ofProject = await value(connectListProjectConnectorConnections(client, { teamId, projectId: world.projectB }));
  expect(ofProject).toEqual({ connectors: [link], pagination: { next: null } });
  await value(connectDeleteConnectorProjectConnection(client, at));
  await value(connectDeleteConnector(client, { teamId, connector }));
  await expect(value(connectGetConnector(client, { teamId, connector: created.id }))).rejects.toBeInstanceOf(
    ConnectError,
  );
});

test("it creates an api-key connector and replaces its values", async () => {
  const { uid } = await value(
    connectCreateConnector(client, {
      teamId,
      connectCreateConnectorRequest: { type: "api-key", name: "K", data: { values: [{ value: "k" }] } },
    }),
  );
  const connectUpdateConnectorRequest = { data: { toAdd: [{ value: "second", scope: "write" }] } };
  const { connector } = await value(
    connectUpdateConnector(client, { teamId, connector: uid, connectUpdateConnectorRequest }),
  );
  expect(connector.appTokens?.scopes).toEqual(["write"]);
});
