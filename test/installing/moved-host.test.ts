import { afterEach, expect, test } from "vitest";
import { ORIGIN } from "../authorize/support.ts";
import { type RemoteApp, startGitHub } from "../providers/github-client.ts";
import { apiOf } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { ask } from "../support/connect.ts";
import { seedInstallation } from "../support/installations.ts";
import {
  type InstallScene,
  installationsOf,
  installScene,
  installWorld,
  proven,
  resultOf,
  upToCallback,
} from "./support.ts";

const world = await installWorld({ layout: "ghes" });
/** Another server of one's own, which counts from the same number. */
const other = await startGitHub({ layout: "ghes" });
afterEach(() => clock.reset());

async function appThere(name: string) {
  const app = await other.call<RemoteApp>("registerApp", { name, public: true, permissions: { contents: "read" } });
  const { id: appId, slug: appSlug, clientId, clientSecret, pem: privateKeyPem } = app;
  const data = { appId, appSlug, clientId, clientSecret, privateKeyPem, host: other.webOrigin, apiUrl: other.apiBase };
  return { id: appId, data };
}

const move = ({ connectorId }: InstallScene, data: object, api = world.api) =>
  api.patch(`/v2/connect/connectors/${connectorId}`, { data }, world.owner);

test("A-16 a connector with installations does not become another host's, where their numbers are other tenants'", async () => {
  const scene = await installScene(world, "moved-host");
  const path = `/v1/connect/connectors/${scene.connectorId}/installations`;
  const acme = await world.github.call<number>("install", scene.app.id, "acme");
  const taken = await world.api.post(path, { externalId: String(acme) }, world.owner);
  expect(taken.body).toMatchObject({ name: "acme" });
  await scene.link({ environments: ["production"], installations: [taken.body.id] });
  const app = await appThere("App moved-host");
  expect(await other.call<number>("install", app.id, "globex")).toBe(acme);

  const refused = await move(scene, app.data);
  expect(refused.status).toBe(409);
  expect(refused.body.error).toMatchObject({
    code: "conflict",
    message: expect.stringContaining("installations first"),
  });
  const answer = await ask(world.api, scene, { installationId: taken.body.id });
  expect(answer.body).toMatchObject({ tenantId: taken.body.tenantId, token: expect.stringMatching(/^ghs_/) });
  expect((await move(scene, { appName: "Renamed" })).status).toBe(200);

  // Who was removed may come back, and be somebody else.
  await world.github.call("uninstall", acme, { notify: false });
  clock.advance(120_000);
  expect((await ask(world.api, scene, { installationId: taken.body.id })).status).toBe(422);
  await expect.poll(() => installationsOf(world, scene.connectorId)).toMatchObject([{ state: "removed" }]);
  expect((await move(scene, app.data)).status).toBe(409);

  expect((await world.api.delete(`${path}/${taken.body.id}`, world.owner)).status).toBe(204);
  expect((await move(scene, app.data)).status).toBe(200);
});

test("A-16 an installation that comes while a connector is moved is not taken along", async () => {
  const scene = await installScene(world, "moved-meanwhile");
  const { data } = await appThere("App moved-meanwhile");
  const { db } = world.services;
  const late = {
    ...db,
    run: async (statement: Parameters<typeof db.run>[0]) => {
      if (statement.sql.startsWith("UPDATE connectors SET uid")) {
        await seedInstallation(scene.connectorId, "ins_meanwhile").catch(() => undefined);
      }
      return db.run(statement);
    },
  };
  const refused = await move(scene, data, apiOf({ ...world.services, db: late }));
  expect([refused.status, refused.body.error.message]).toEqual([409, expect.stringContaining("installations first")]);
  const { body } = await world.api.get(`/v1/connect/connectors/${scene.connectorId}`, world.owner);
  expect(body.data.host).toBe(world.github.webOrigin);
});

test.for(["taken by an operator", "brought by a browser"])(
  "A-16 an installation that was found at the host before, and is %s afterwards, is not recorded",
  async (how) => {
    const isTaken = how === "taken by an operator";
    const scene = await installScene(world, isTaken ? "moved-taken" : "moved-brought");
    const { data } = await appThere(`App late ${isTaken}`);
    const path = `/v1/connect/connectors/${scene.connectorId}/installations`;
    const route = isTaken ? "installation" : "user-installations";
    const { user, callback, verifier } = await upToCallback(world, scene);
    const externalId = new URL(callback, ORIGIN).searchParams.get("installation_id");
    const proof = isTaken ? "" : await proven(user, callback);
    await world.github.call("faults.next", route, { kind: "hold", afterWork: true });
    const answer = isTaken ? world.api.post(path, { externalId }, world.owner) : user.get(proof);
    await expect.poll(() => world.github.call("faults.held", route)).toBe(1);
    const moved = await move(scene, data);
    await world.github.call("faults.release", route);
    expect([moved.status, (await answer).status]).toEqual([200, 409]);
    expect(await installationsOf(world, scene.connectorId)).toEqual([]);
    const { status, error } = await resultOf(world, verifier, scene.runtime);
    expect([status, error?.code]).toEqual(isTaken ? ["pending", undefined] : ["error", "connector_changed"]);
  },
);
