import { beforeAll, expect, test } from "vitest";
import {
  decide,
  type InstallScene,
  type InstallWorld,
  installed,
  installScene,
  installWorld,
  newBrowser,
  resultOf,
  started,
} from "./support.ts";

let world: InstallWorld;
let scene: InstallScene;
let acme: number;
beforeAll(async () => {
  world = await installWorld();
  scene = await installScene(world, "hostile-install");
  acme = await world.github.call<number>("addOrganization", "hostile-acme");
});

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
