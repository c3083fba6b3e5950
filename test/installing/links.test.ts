import { expect, test } from "vitest";
import { recordNews } from "../../src/installations/record-news.ts";
import { clock } from "../support/clock.ts";
import { ask } from "../support/connect.ts";
import { installAt, installationsOf, installScene, installSetting, newsOf, resultOf } from "./support.ts";

const { world, scene } = await installSetting("linked-installs");
const production = { environments: ["production"] };
const detail = (narrowing: object) => ({ authorizationDetails: [{ type: "github_app_installation", ...narrowing }] });

async function taken(login: string) {
  await world.github.call("addOrganization", login);
  const externalId = String(await world.github.call<number>("install", scene.app.id, login));
  const path = `/v1/connect/connectors/${scene.connectorId}/installations`;
  return (await world.api.post(path, { externalId }, world.owner)).body;
}

test("A-16 an installation that the link does not name looks like none, whatever it is called, and the one named answers who names nobody", async () => {
  const [other, own] = [await taken("linked-other"), await taken("linked-own")];
  expect((await scene.link({ ...production, installations: [own.id] })).status).toBe(200);
  clock.advance(2_000);
  const answerTo = async (body: object) => {
    const { status, body: answer } = await ask(world.api, scene, body);
    const { request_id: _, ...error } = answer.error ?? {};
    return JSON.stringify([status, error]);
  };
  const absent = await answerTo({ installationId: "ins_00000000000000000000" });
  expect(absent).toContain("client_installation_required");
  for (const installationId of [other.id, other.externalId, other.tenantId, other.name]) {
    expect(await answerTo({ installationId })).toBe(absent);
  }
  for (const narrowing of [{}, { permissions: "administration:write" }]) {
    const nobody = await answerTo(detail({ org: "nobody-at-all", ...narrowing }));
    expect(await answerTo(detail({ org: other.name, ...narrowing }))).toBe(nobody);
  }
  // The default is the other.
  const { status, body } = await ask(world.api, scene);
  expect([status, body.installationId]).toEqual([200, own.id]);
});

test("C-14 a link that names an installation gives its tokens again after the tenant installed anew, and not before", async () => {
  const linked = await installScene(world, "linked-reinstall");
  const org = await world.github.call<number>("addOrganization", "linked-reinstall");
  const { verifier } = await installAt(world, linked, {}, org);
  const { installationId } = (await resultOf(world, verifier, linked.runtime)).data;
  await linked.link({ ...production, installations: [installationId] });
  clock.advance(2_000);
  const [{ externalId }] = await installationsOf(world, linked.connectorId);
  const news = await newsOf(world, linked, Number(externalId));
  const at = { connectorId: linked.connectorId, region: null };
  await world.github.call("uninstall", Number(externalId));
  const gone = { ...news, state: "removed", changedAtMs: news.changedAtMs + 1000 } as const;
  await recordNews(world.services, at, gone, { isOwn: false });
  clock.advance(62_000);
  expect((await ask(world.api, linked)).body.error.code).toBe("client_installation_required");

  const again = await world.github.call<number>("install", linked.app.id, "linked-reinstall");
  const anew = { ...(await newsOf(world, linked, again)), changedAtMs: news.changedAtMs + 2000 };
  await recordNews(world.services, at, anew, { isOwn: false });
  clock.advance(2_000);
  const { status, body } = await ask(world.api, linked);
  expect([again === Number(externalId), status, body.installationId]).toEqual([false, 200, installationId]);
});
