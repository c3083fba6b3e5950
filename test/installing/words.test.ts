import { expect, test } from "vitest";
import { sql } from "../../src/store/database.ts";
import { nextOf, ORIGIN } from "../authorize/support.ts";
import { registered, registration, withoutConnectors } from "./registering.ts";
import { decide, getFrom, installed, installSetting, newBrowser, resultOf, started, upToCallback } from "./support.ts";

// What the pages say to whoever is on the way.

const { world, scene } = await installSetting("install-words");
const acme = await world.github.call<number>("addOrganization", "words-acme");

test("what was mistyped where it is installed can be mended on the same page, and keeps the request", async () => {
  const { request, verifier } = await started(world.api, scene);
  const user = newBrowser(world);
  const callback = await installed(user, request, acme);
  const text = `see "<b>47 11" &\u202e`;
  const answer = await decide(user, request, { installed: text });
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("<title>Problem: Install install-words</title>");
  expect(answer.text).toMatch(/aria-describedby="installed-problem installed-hint" aria-invalid="true"/);
  expect(answer.text).toContain('value="see &quot;&lt;b&gt;47 11&quot; &amp; "');
  expect(answer.headers.get("set-cookie")).toBeNull();

  const id = new URL(callback, ORIGIN).searchParams.get("installation_id") ?? "";
  const mended = await decide(user, request, { installed: `${world.github.webOrigin}/settings/installations/${id}` });
  expect(nextOf(mended.text).pathname).toBe("/login/oauth/authorize");
  expect((await resultOf(world, verifier, scene.runtime)).status).toBe("pending");
});

test("an installation that the app does not know is not said to be of an account that nobody showed", async () => {
  const { user, callback } = await upToCallback(world, scene, {}, acme);
  const answer = await user.get(callback.replace(/installation_id=\d+/, "installation_id=999999"));
  expect(answer.status).toBe(403);
  expect(answer.text).toContain("has no such installation, or it is not one that you manage");
  expect(answer.text).not.toContain("you showed");
  expect(answer.text).toContain("Request for an installation");
  expect(answer.text).not.toContain("Request for access");
});

test("a registration that is canceled once the connector is made says that it is there", async () => {
  const { id, verifier } = await registration(world, "Words canceled");
  const user = newBrowser(world);
  expect((await user.get(await registered(user, id))).status).toBe(303);
  const canceled = await decide(user, id, { decision: "cancel" });
  for (const { text } of [canceled, await user.get(`/install/${id}`)]) {
    expect(text).toContain("The connector is made, and no installation of it is confirmed.");
    expect(text).not.toContain("Nothing was connected");
    expect(text).toContain("New connector");
  }
  expect(await resultOf(world, verifier, world.owner)).toMatchObject({ status: "canceled", data: {} });

  const early = await registration(world, "Words early");
  const nothing = await decide(newBrowser(world), early.id, { decision: "cancel" });
  expect(nothing.text).toContain("Nothing was connected.");
});

test("a connector that could not be stored is not said to be unreachable", async () => {
  const { id } = await registration(world, "Words stored");
  const user = newBrowser(world);
  const callback = await registered(user, id);
  const answer = await getFrom(world, withoutConnectors(world.services.db), user, callback);
  expect(answer.status).toBe(503);
  expect(answer.text).toContain("this deployment could not store it");
  expect(answer.text).toContain("Load this page again in a moment");
  expect(answer.text).not.toContain("cannot be reached");
});

test("a registration names its project and environments as people do, and whoever is gone by what was asked", async () => {
  const made = await world.api.post("/v1/projects", { slug: "words-project", name: "Acme Words" }, world.owner);
  expect(made.status).toBe(201);
  const projectId: string = made.body.id;
  const path = `/v1/projects/${projectId}/environments`;
  const custom = await world.api.post(path, { slug: "eu-north" }, world.owner);
  expect(custom.status).toBe(201);
  const environments = ["production", custom.body.id];
  const { id } = await registration(world, "Words named", { projectId, environments });
  const all = await registration(world, "Words all", { projectId });
  const pageOf = async (request: string) => (await newBrowser(world).get(`/register/${request}`)).text;
  const badges = (html: string) => [...html.matchAll(/"badge"><bdi>([^<]+)/g)].map(([, badge]) => badge);
  expect(await pageOf(id)).toContain("Acme Words");
  expect(await pageOf(id)).not.toContain(projectId);
  expect(badges(await pageOf(id))).toEqual(["Production", "eu-north"]);
  expect(badges(await pageOf(all.id))).toEqual(["Production", "Preview", "Development"]);

  await world.services.db.run(sql("DELETE FROM projects WHERE id = ?", projectId));
  expect(await pageOf(id)).toContain(projectId);
});
