import { expect, test } from "vitest";
import { installScene, installWorld, start } from "./support.ts";

const world = await installWorld();

test.for([
  ["clientSecret", "secretless"],
  ["privateKeyPem", "keyless"],
] as const)(
  "an app without data.%s is not installed from an app, and that is said before anybody is sent to its provider",
  async ([secret, name]) => {
    const scene = await installScene(world, name);
    const path = `/v2/connect/connectors/${scene.connectorId}`;
    expect((await world.api.patch(path, { data: { [secret]: "" } }, world.owner)).status).toBe(200);
    const { status, body } = await start(world.api, scene);
    expect(status).toBe(422);
    expect(body.error).toMatchObject({ code: "no_token", message: expect.stringContaining(`Set data.${secret}:`) });
  },
);
