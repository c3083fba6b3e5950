import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { Scene } from "../support/connect.ts";
import { seedInstallation } from "../support/installations.ts";
import {
  atProvider,
  browser,
  formTokenOf,
  newWorld,
  ORIGIN,
  RETURN_URL,
  started,
  userScene,
  type World,
} from "./support.ts";

let world: World;
beforeAll(async () => {
  world = await newWorld();
});

const linkOf = ({ connectorId, projectId }: Scene) => `/v1/connect/connectors/${connectorId}/projects/${projectId}`;
const relink = (scene: Scene, link: object) =>
  world.api.post(linkOf(scene), { environments: ["production"], ...link }, scene.owner);
const patch = (scene: Scene, fields: object) =>
  world.api.patch(`/v2/connect/connectors/${scene.connectorId}`, fields, scene.owner);
const setOrigin = (scene: Scene, origin: string) =>
  world.api.put(`/v1/projects/${scene.projectId}/environments/production`, { origin }, scene.owner);

/** Past the API, for a type that knows details. */
const capDetails = async ({ connectorId }: Scene) => {
  await env.DB.prepare(`UPDATE links SET authorization_details = '[{"type":"t"}]' WHERE connector_id = ?`)
    .bind(connectorId)
    .run();
  return { status: 200 };
};

type Change = (scene: Scene) => Promise<{ status: number }>;
const narrower: [what: string, name: string, change: Change][] = [
  ["a stronger binding", "midway-binding", (scene) => patch(scene, { minimumBinding: "login" })],
  ["another namespace of users", "midway-namespace", (scene) => relink(scene, { subjectNamespace: "elsewhere" })],
  ["a ceiling below what was asked for", "midway-ceiling", (scene) => relink(scene, { scopes: ["list"] })],
  [
    "a return origin taken away",
    "midway-return",
    (scene) => relink(scene, { returnOrigins: ["https://new.example.com"] }),
  ],
  ["an environment that moved", "midway-origin", (scene) => setOrigin(scene, "https://new.example.com")],
  ["a ceiling of details", "midway-details", capDetails],
  [
    "certain installations only",
    "midway-installations",
    async (scene) => relink(scene, { installations: [await seedInstallation(scene.connectorId, "ins_midway")] }),
  ],
];

describe("A-03 what no longer may begin does not end", () => {
  test.for(narrower)("A-03 %s ends what is under way", async ([, name, change]) => {
    const scene = await userScene(world.api, name);
    const { request, verifier } = await started(world.api, scene, { returnUrl: RETURN_URL });
    const user = browser(world.api, ORIGIN);
    const provider = await atProvider(user, request);
    const before = world.grants.asked.length;
    expect((await change(scene)).status).toBe(200);
    const back = await user.get(provider.back());
    expect([back.status, back.headers.get("location")]).toEqual([409, null]);
    const result = await world.api.post("/v1/connect/result", { verifier }, scene.runtime);
    expect(result.body).toMatchObject({ status: "error", error: { code: "connector_changed" } });
    expect(world.grants.asked).toHaveLength(before);
  });

  test("what is still allowed goes on", async () => {
    const scene = await userScene(world.api, "midway-same");
    const { request } = await started(world.api, scene, { returnUrl: RETURN_URL });
    const user = browser(world.api, ORIGIN);
    const provider = await atProvider(user, request);
    const wider = { returnOrigins: [new URL(RETURN_URL).origin, "https://new.example.com"], scopes: ["read", "list"] };
    expect((await relink(scene, wider)).status).toBe(200);
    expect((await patch(scene, { minimumBinding: "confirm", name: "Renamed" })).status).toBe(200);
    expect((await user.get(provider.back())).status).toBe(303);
  });

  test("A-08 a page that is opened again while the Grant is asked does not end what the Grant may store", async () => {
    const scene = await userScene(world.api, "midway-completing");
    const { request, verifier } = await started(world.api, scene);
    const user = browser(world.api, ORIGIN);
    await atProvider(user, request);
    const form = formTokenOf((await user.get(`/authorize/${request}`)).text);
    await env.DB.prepare("UPDATE authorization_requests SET status = 'completing' WHERE id = ?").bind(request).run();
    await patch(scene, { minimumBinding: "login" });
    const answer = await user.post(`/authorize/${request}`, { form, decision: "continue" });
    expect(answer.status).not.toBe(200);
    const result = await world.api.post("/v1/connect/result", { verifier }, scene.runtime);
    expect(result.body.status).toBe("pending");
  });
});

test("A-11 who cancels, or looks at the end, is not led to an origin that the link has lost", async () => {
  const scene = await userScene(world.api, "midway-cancel");
  const { request } = await started(world.api, scene, { returnUrl: RETURN_URL });
  const user = browser(world.api, ORIGIN);
  const form = formTokenOf((await user.get(`/authorize/${request}`)).text);
  expect((await relink(scene, { returnOrigins: ["https://new.example.com"] })).status).toBe(200);
  const canceled = await user.post(`/authorize/${request}`, { form, decision: "cancel" });
  expect(canceled.status).toBe(200);
  expect(canceled.text).not.toContain("app.example.com");
  expect((await user.get(`/authorize/${request}`)).text).not.toContain("app.example.com");
});
