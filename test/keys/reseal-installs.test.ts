import { beforeEach, expect, test } from "vitest";
import { installed, installScene, newBrowser, ownPath, redirectOf, resultOf, started } from "../installing/support.ts";
import { startGitHub } from "../providers/github-client.ts";
import { ownerToken } from "../support/connect.ts";
import { deploy, dropped, prepared, referencesOf, reset, rotated, untilResealed } from "./support.ts";

beforeEach(reset);

test("D-05 an installation under way survives the rotation that happens on the way", async () => {
  const old = await deploy(prepared());
  const world = { ...old, github: await startGitHub(), owner: await ownerToken(old.api) };
  const at = await installScene(world, "rotated-install");
  const { request, verifier } = await started(old.api, at);
  const user = newBrowser(old);
  const callback = await installed(user, request);
  const now = await deploy(rotated());
  await now.api.post("/v1/keys/reseal", {}, world.owner);
  await untilResealed();
  const status = (await now.api.get("/v1/keys", world.owner)).body;
  expect(referencesOf(status, "k1")).toMatchObject({ installationRequests: 0 });
  expect(referencesOf(status, "k2")).toMatchObject({ installationRequests: 1 });

  const later = await deploy(dropped());
  const cookie = [...user.cookies].map((pair) => pair.join("=")).join("; ");
  const init = { headers: { cookie } };
  const back = await later.api.send(callback, init);
  expect(back.status).toBe(303);
  const done = await later.api.send(ownPath(await redirectOf(back.headers.get("location") ?? "")), init);
  expect(done.status).toBe(303);
  expect((await resultOf(now, verifier, world.owner)).status).toBe("success");
}, 20_000);
