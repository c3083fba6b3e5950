import { beforeAll, describe, expect, test } from "vitest";
import type { Scene } from "../support/connect.ts";
import {
  atProvider,
  browser,
  newWorld,
  nextOf,
  ORIGIN,
  RETURN_URL,
  start,
  started,
  userScene,
  type World,
} from "./support.ts";

let world: World;
let scene: Scene;
beforeAll(async () => {
  world = await newWorld();
  scene = await userScene(world.api, "confirm");
});

describe("an authorization that its page confirms", () => {
  test("goes from the app to the page, the provider, the Grant and back to the app", async () => {
    const { api, grants } = world;
    const answer = await start(api, scene, { returnUrl: RETURN_URL });
    expect(answer.body).toMatchObject({
      request: expect.stringMatching(/^sca_/),
      verifier: expect.stringMatching(/^[\w-]{43}$/),
      url: `${ORIGIN}/authorize/${answer.body.request}`,
      connector: { id: scene.connectorId, uid: scene.uid, type: "oauth", name: scene.name },
    });
    expect(answer.body.deviceCode).toBeUndefined();
    const user = browser(api, ORIGIN);
    const page = await user.get(`/authorize/${answer.body.request}`);
    expect([page.status, page.headers.get("set-cookie")]).toEqual([200, null]);
    expect(page.headers.get("referrer-policy")).toBe("same-origin");
    expect(page.text).toContain("ada");

    const provider = await atProvider(user, answer.body.request);
    expect(provider.url.searchParams.get("code_challenge_method")).toBe("S256");
    expect(provider.url.searchParams.get("scope")).toBe("read");
    const back = await user.get(provider.back({ code: "the-code", iss: scene.upstream.issuer }));
    expect(back.status).toBe(303);
    expect(back.headers.get("location")).toBe(`${RETURN_URL}&connect_request=${answer.body.request}`);

    expect(grants.asked).toHaveLength(1);
    expect(grants.asked[0]).toMatchObject({
      identity: { connectorId: scene.connectorId, subject: { type: "user", id: "ada" }, partition: "production" },
      group: { scopes: ["read"] },
      credential: { kind: "code", code: "the-code", redirectUri: `${ORIGIN}/callback/${scene.connectorId}` },
    });
  });

  test("without a returnUrl ends on a page of ours that says so", async () => {
    const { api } = world;
    const { request } = await started(api, scene);
    const user = browser(api, ORIGIN);
    const provider = await atProvider(user, request);
    const back = await user.get(provider.back());
    expect(back.headers.get("location")).toBe(`${ORIGIN}/authorize/${request}`);
    const page = await user.get(`/authorize/${request}`);
    expect(page.status).toBe(200);
    expect(page.text).not.toContain("the-code");
    const stranger = await browser(api, ORIGIN).get(`/authorize/${request}`);
    expect(stranger.status).toBe(400);
  });

  test("canceled on the page goes back to the app without a trip to the provider", async () => {
    const { api, grants } = world;
    const before = grants.asked.length;
    const { request } = await started(api, scene, { returnUrl: RETURN_URL });
    const user = browser(api, ORIGIN);
    const page = await user.decide(request, "cancel");
    expect(nextOf(page.text).href).toBe(`${RETURN_URL}&connect_request=${request}`);
    expect((await browser(api, ORIGIN).get(`/authorize/${request}`)).status).toBe(400);
    expect(grants.asked).toHaveLength(before);
  });
});
