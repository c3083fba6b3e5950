import type { Vercel } from "@vercel/sdk";
import { ConnectTriggerConfiguration$inboundSchema } from "@vercel/sdk/models/connecttriggerconfiguration.js";
import { ConnectTriggerDestination$inboundSchema } from "@vercel/sdk/models/connecttriggerdestination.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { text } from "./http.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";
import { fieldsOf, sortedKeys } from "./vercel-sdk-schemas.ts";
import { clientOf } from "./vercel-sdk-world.ts";

// The unmodified package: where a connector's events go.

let server: Server;
let team: Team;
let teamId: string;
let ann: Vercel["connect"];

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
  teamId = team.teamId;
  ann = await clientOf(team, "ann");
});
afterAll(() => server?.stop());

test("the typed client replaces trigger destinations of every kind, and reads back what it set", async () => {
  const owner = { token: team.owner };
  const project = `/v1/projects/${team.linked}/environments`;
  const staging = text(
    await server.expect(201, { method: "POST", path: project, body: { slug: "triggers" }, ...owner }),
    "id",
  );
  const origin = "https://{branch}.shop.acme.com";
  await server.expect(200, { method: "PUT", path: `${project}/preview`, body: { origin }, ...owner });
  const connector = team.apiKey;
  const replace = (
    destinations: Parameters<
      typeof ann.replaceConnectorTriggerDestinations
    >[0]["connectReplaceTriggerDestinationsRequest"]["destinations"],
  ) =>
    ann.replaceConnectorTriggerDestinations({
      teamId,
      connector,
      connectReplaceTriggerDestinationsRequest: { destinations },
    });

  const wanted = [
    { projectId: team.linked, path: "/production" },
    { projectId: team.linked, branch: "feature/x", path: "/branch" },
    { projectId: team.linked, customEnvironmentId: staging, path: "/custom" },
    { projectId: team.unlinked, path: "/elsewhere" },
  ];
  const replaced = await replace(wanted);
  expect(replaced.triggerDestinations).toStrictEqual(wanted);
  expect(fieldsOf(ConnectTriggerDestination$inboundSchema)).toEqual(sortedKeys(...wanted));
  expect(fieldsOf(ConnectTriggerConfiguration$inboundSchema)).toEqual(sortedKeys(replaced.triggers ?? {}));
  expect(await ann.getConnector({ teamId, connector })).toStrictEqual(replaced);
  const link = await ann.getConnectorProjectConnection({ teamId, connector, projectId: team.linked });
  expect(link.enabledEnvironments).toEqual(expect.arrayContaining(["production", "preview", staging]));

  const [first] = wanted;
  const fewer = await replace(first === undefined ? [] : [first]);
  expect(fewer.triggerDestinations).toStrictEqual([first]);
  expect((await replace([])).triggerDestinations).toBeUndefined();
  await expect(replace([{ projectId: "prj_none" }])).rejects.toMatchObject({ statusCode: 404 });
  await expect(replace([{ projectId: team.unlinked, branch: "main" }])).rejects.toMatchObject({ statusCode: 422 });
});
