import { beforeAll, describe, expect, test } from "vitest";
import { recordNews } from "../../src/installations/record-news.ts";
import { clock } from "../support/clock.ts";
import { ask } from "../support/connect.ts";
import {
  type InstallScene,
  type InstallWorld,
  installScene,
  installWorld,
  newsOf,
  resultOf,
  upToCallback,
} from "./support.ts";

let world: InstallWorld;
beforeAll(async () => {
  world = await installWorld();
});

/** An organization that has installed the app, of which we were told nothing. */
async function installedAt({ app }: InstallScene, login: string): Promise<number> {
  await world.github.call("addOrganization", login);
  return world.github.call<number>("install", app.id, login, { notify: false });
}

async function shown({ connectorId }: InstallScene, id: unknown) {
  return (await world.api.get(`/v1/connect/connectors/${connectorId}/installations/${id}`, world.owner)).body;
}

async function stateOf(scene: InstallScene, id: unknown) {
  return (await shown(scene, id)).state;
}

async function taken({ connectorId }: InstallScene, id: number): Promise<string> {
  const path = `/v1/connect/connectors/${connectorId}/installations`;
  return (await world.api.post(path, { externalId: String(id) }, world.owner)).body.id;
}

async function notFoundOnce(...routes: string[]): Promise<void> {
  for (const route of routes) {
    await world.github.call("faults.next", route, { kind: "answer", status: 404, body: { message: "Not Found" } });
  }
}

describe("a provider that does not know everywhere yet what it has told of", () => {
  test("does not end an installation of a minute ago by a 404", async () => {
    const scene = await installScene(world, "lag-mint");
    const id = await installedAt(scene, "lag-mint");
    const at = { connectorId: scene.connectorId, region: null };
    const recorded = await recordNews(world.services, at, await newsOf(world, scene, id), { isOwn: false });
    await notFoundOnce("mint", "installation");
    const wanted = { installationId: recorded?.id };
    expect((await ask(world.api, scene, wanted)).body.error.code).toBe("client_installation_required");
    clock.advance(30_000);
    expect(await stateOf(scene, recorded?.id)).toBe("active");
    expect((await ask(world.api, scene, wanted)).status).toBe(200);
  });

  test("ends an older one", async () => {
    const scene = await installScene(world, "lag-older");
    const id = await taken(scene, await installedAt(scene, "lag-older"));
    clock.advance(61_000);
    await notFoundOnce("mint", "installation");
    expect((await ask(world.api, scene, { installationId: id })).body.error.code).toBe("client_installation_required");
    await expect.poll(() => stateOf(scene, id)).toBe("removed");
  });

  test("is asked twice before a flow ends", async () => {
    const scene = await installScene(world, "lag-flow");
    const org = await world.github.call<number>("addOrganization", "lag-flow");
    const { user, callback, verifier } = await upToCallback(world, scene, {}, org);
    await notFoundOnce("installation");
    expect((await user.get(callback)).status).toBe(303);
    expect(await resultOf(world, verifier, scene.runtime)).toEqual({ status: "pending" });
  });
});

describe("where no events come, a suspension", () => {
  test("that is over at the provider is over here after five minutes", async () => {
    const scene = await installScene(world, "suspended-once");
    const number = await installedAt(scene, "suspended-once");
    const id = await taken(scene, number);
    await world.github.call("suspend", number, { notify: false });
    const refusal = async () => (await ask(world.api, scene, { installationId: id })).body.error?.code;
    expect(await refusal()).toBe("installation_suspended");
    await expect.poll(() => stateOf(scene, id)).toBe("suspended");
    await world.github.call("unsuspend", number, { notify: false });
    clock.advance(4 * 60_000);
    expect(await refusal()).toBe("installation_suspended");
    clock.advance(61_000);
    expect(await refusal()).toBeUndefined();
    await expect.poll(() => stateOf(scene, id)).toBe("active");
  });

  test("that holds is asked about once in five minutes", async () => {
    const scene = await installScene(world, "suspended-still");
    const number = await installedAt(scene, "suspended-still");
    const id = await taken(scene, number);
    await world.github.call("suspend", number, { notify: false });
    const refusal = async () => (await ask(world.api, scene, { installationId: id })).body.error?.code;
    expect(await refusal()).toBe("installation_suspended");
    await expect.poll(() => stateOf(scene, id)).toBe("suspended");
    const mints = () => world.github.call<number>("count", "mint");
    for (let round = 1; round <= 2; round += 1) {
      const [{ updatedAt }, before] = [await shown(scene, id), await mints()];
      clock.advance(5 * 60_000);
      expect(await refusal()).toBe("installation_suspended");
      await expect.poll(async () => (await shown(scene, id)).updatedAt).toBeGreaterThan(updatedAt);
      const asked = await mints();
      expect(asked).toBeGreaterThan(before);
      clock.advance(60_000);
      expect([await refusal(), await mints()]).toEqual(["installation_suspended", asked]);
    }
  });
});

test("an installation that is said to be another tenant's stays the first one's, and is told of", async () => {
  const scene = await installScene(world, "of-two");
  const number = await installedAt(scene, "of-two");
  const id = await taken(scene, number);
  const news = await newsOf(world, scene, number);
  const at = { connectorId: scene.connectorId, region: null };
  expect(await recordNews(world.services, at, { ...news, tenantId: "1" }, { isOwn: true })).toBeNull();
  const shown = await world.api.get(`/v1/connect/connectors/${scene.connectorId}/installations`, world.owner);
  expect(shown.body.installations).toMatchObject([{ id, tenantId: news.tenantId, state: "active" }]);
});

test("500 repositories of ordinary names fit into a request", async () => {
  const scene = await installScene(world, "many-repositories");
  await taken(scene, await installedAt(scene, "acme-corporation"));
  const repositories = Array.from({ length: 500 }, (_, index) => `acme-corporation/service-number-${index}`);
  const details = [{ type: "github_app_installation", repositories }];
  const { body } = await ask(world.api, scene, { authorizationDetails: details });
  // GitHub's answer, and not ours.
  expect(body.error).toMatchObject({
    code: "insufficient_scope",
    message: expect.stringContaining("acme-corporation"),
  });
});
