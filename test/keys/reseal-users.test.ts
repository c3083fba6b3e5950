import { beforeEach, expect, test } from "vitest";
import { atProvider, browser, ORIGIN, RETURN_URL, started, userScene } from "../authorize/support.ts";
import { deploy, dropped, prepared, referencesOf, reset, rotated, untilResealed } from "./support.ts";

beforeEach(reset);

test("D-05 an authorization under way survives the rotation that happens on the way", async () => {
  const old = await deploy(prepared());
  const at = await userScene(old.api, "rotated-on-the-way", { minimumBinding: "finalize" });
  const { request, verifier } = await started(old.api, at, { returnUrl: RETURN_URL });
  const user = browser(old.api, ORIGIN);
  const provider = await atProvider(user, request);
  const now = await deploy(rotated());
  await now.api.post("/v1/keys/reseal", {}, at.owner);
  await untilResealed();
  const status = (await now.api.get("/v1/keys", at.owner)).body;
  expect(referencesOf(status, "k1")).toMatchObject({ authorizationRequests: 0, issuerLogins: 0 });
  expect(referencesOf(status, "k2")).toMatchObject({ authorizationRequests: 1 });

  const later = await deploy(dropped());
  const cookie = [...user.cookies].map((pair) => pair.join("=")).join("; ");
  const back = await later.api.send(provider.back(), { headers: { cookie } });
  expect(back.status).toBe(303);
  const connectCode = new URL(back.headers.get("location") ?? "").searchParams.get("connect_code");
  // The access token's own MAC needs the key that is gone.
  const runtime = (
    await now.api.post(
      "/v1/access-tokens",
      { name: "new", role: "developer", projectId: at.projectId, environment: "production", userId: "ada" },
      at.owner,
    )
  ).body.token;
  const done = await later.api.post("/v1/connect/complete", { verifier, connectCode }, runtime);
  expect([done.status, done.text]).toEqual([200, done.text]);
});
