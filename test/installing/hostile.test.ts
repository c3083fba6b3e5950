import { expect, test } from "vitest";
import { recordNews } from "../../src/installations/record-news.ts";
import { clock } from "../support/clock.ts";
import { ask } from "../support/connect.ts";
import {
  decide,
  installAt,
  installed,
  installScene,
  installSetting,
  newBrowser,
  resultOf,
  started,
} from "./support.ts";

const { world, scene } = await installSetting("hostile-install");
const acme = await world.github.call<number>("addOrganization", "hostile-acme");

test("A-16 what is pasted is an id or an address, and of a text that merely ends like one nothing is believed", async () => {
  const { request, verifier } = await started(world.api, scene);
  const user = newBrowser(world);
  await installed(user, request, acme);
  for (const text of ["see 123", `${"a-".repeat(6000)}!`, "x".repeat(101), "https://", "?123", "%"]) {
    const answer = await decide(user, request, { installed: text });
    expect([text.slice(0, 20), answer.status]).toEqual([text.slice(0, 20), 400]);
  }
  expect((await resultOf(world, verifier, scene.runtime)).status).toBe("pending");
});

test("A-16 whoever installs a public app is asked for by nobody who does not name them", async () => {
  const own = await installScene(world, "hostile-public");
  await world.github.call("addUser", "stranger");
  const theirs = await world.github.call<number>("install", own.app.id, "stranger", { by: "stranger" });
  const news = {
    tenantId: "666",
    externalId: String(theirs),
    name: "stranger",
    details: {},
    state: "active",
    changedAtMs: 1,
  } as const;
  const stranger = await recordNews(world.services, { connectorId: own.connectorId, region: null }, news, {
    isOwn: false,
  });
  const answers = async (body: object = {}) => {
    const answer = await ask(world.api, own, body);
    return answer.status === 200 ? answer.body.installationId : answer.body.error.code;
  };
  expect(await answers()).toBe("client_installation_required");

  const { verifier } = await installAt(world, own, {}, acme);
  const { installationId } = (await resultOf(world, verifier, own.runtime)).data;
  const path = `/v2/connect/connectors/${own.connectorId}`;
  const before = (await world.api.get(`/v1/connect/connectors/${own.connectorId}`, world.owner)).body;
  expect(before.defaultInstallationId).toBe(installationId);
  expect((await world.api.patch(path, { defaultInstallationId: null }, world.owner)).status).toBe(200);
  clock.advance(2_000);
  expect(await answers()).toBe(installationId);
  expect(await answers({ installationId: String(theirs) })).toBe(stranger?.id);
});
