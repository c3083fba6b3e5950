import { expect, test } from "vitest";
import { recordNews } from "../../src/installations/record-news.ts";
import { ask } from "../support/connect.ts";
import { installSetting, newsOf } from "./support.ts";

const { world, scene } = await installSetting("suspended-in-flight");

test("C-14 a token that the provider issued to an installation while that was suspended gets to nobody, and is ended there", {
  timeout: 30_000,
}, async () => {
  await world.github.call("addOrganization", "suspended-in-flight");
  const external = await world.github.call<number>("install", scene.app.id, "suspended-in-flight");
  const at = { connectorId: scene.connectorId, region: null };
  const news = await newsOf(world, scene, external);
  const installationId = (await recordNews(world.services, at, news, { isOwn: true }))?.id;
  // So that its Grant is one that is told.
  expect((await ask(world.api, scene, { installationId })).status).toBe(200);
  const before = await world.github.call<string[]>("issued");

  await world.github.call("faults.next", "mint", { kind: "hold", afterWork: true });
  const authorizationDetails = [{ type: "github_app_installation", permissions: "contents:read" }];
  const asked = ask(world.api, scene, { installationId, authorizationDetails });
  await expect.poll(() => world.github.call("faults.held", "mint")).toBe(1);
  const suspended = { ...news, state: "suspended", changedAtMs: news.changedAtMs + 5000 } as const;
  await recordNews(world.services, at, suspended, { isOwn: false });
  await world.github.call("faults.release", "mint");

  expect((await asked).body.error?.code).toBe("installation_suspended");
  const issued = (await world.github.call<string[]>("issued")).filter((token) => !before.includes(token));
  expect(issued).toHaveLength(1);
  await expect.poll(() => world.github.call("tokenState", issued[0]), { timeout: 10_000 }).toBe("revoked");
});
