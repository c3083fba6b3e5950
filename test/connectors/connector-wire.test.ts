import { expect, test } from "vitest";
import { apiKeyDriver } from "../../src/catalog/api-key/driver.ts";
import type { Driver } from "../../src/catalog/driver.ts";
import { githubDriver } from "../../src/catalog/github/driver.ts";
import { connectorToWire } from "../../src/connectors/connector-wire.ts";
import { seedConnector, seedTeam } from "./rows.ts";

const ORIGIN = "https://connect.example.com";
const { installations, registration } = githubDriver;

await seedTeam();
const config = { subjectType: "app", values: [], serviceUrls: [], instructions: null };
const connector = await seedConnector({ type: "api-key", config });

test.for<[string, Partial<Driver>]>([
  ["users may be sent to the provider", { redirectsUsers: true }],
  ["it is installed through a browser", { installations }],
  ["it is registered through a browser", { registration }],
])("a connector of any type has a redirect URI where %s", ([, part]) => {
  expect(connectorToWire(connector, { ...apiKeyDriver, ...part }, ORIGIN)).toMatchObject({
    redirectUri: `${ORIGIN}/callback/${connector.id}`,
  });
  expect(connectorToWire(connector, apiKeyDriver, ORIGIN)).not.toHaveProperty("redirectUri");
});
