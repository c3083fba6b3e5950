import { beforeAll, expect, test } from "vitest";
import { ask, type Isolate, isolate } from "../support/connect.ts";
import { atProvider, browser, ORIGIN, RETURN_URL, started, userScene } from "./support.ts";

let here: Isolate;
beforeAll(async () => {
  here = await isolate();
});

test("A-01 a token is there once the app has completed, and not before", async () => {
  const scene = await userScene(here.api, "whole-way", { minimumBinding: "finalize" });
  const ada = { subject: { type: "user", id: "ada" } };
  expect((await ask(here.api, scene, ada)).body.error?.code).toBe("user_authorization_required");
  const { request, verifier } = await started(here.api, scene, { returnUrl: RETURN_URL });
  const user = browser(here.api, ORIGIN);
  const back = await user.get((await atProvider(user, request)).back());
  const connectCode = new URL(back.headers.get("location") ?? "").searchParams.get("connect_code");
  expect((await ask(here.api, scene, ada)).body.error?.code).toBe("user_authorization_required");
  expect((await scene.upstream.state()).issued).toEqual([]);
  const done = await here.api.post("/v1/connect/complete", { verifier, connectCode }, scene.runtime);
  expect([done.status, done.text]).toEqual([200, done.text]);
  const token = await ask(here.api, scene, ada);
  expect([token.status, token.body.token]).toEqual([200, "whole-way-access-token-1"]);
});

test("A-15 the flow that was asked for first and completed last is superseded", async () => {
  const scene = await userScene(here.api, "superseded");
  const flows = [];
  for (let index = 0; index < 2; index++) {
    const { request, verifier } = await started(here.api, scene);
    const user = browser(here.api, ORIGIN);
    flows.push({ verifier, user, provider: await atProvider(user, request) });
  }
  const results = [];
  for (const { user, provider, verifier } of flows.toReversed()) {
    await user.get(provider.back());
    results.push((await here.api.post("/v1/connect/result", { verifier }, scene.runtime)).body);
  }
  expect(results).toMatchObject([{ status: "success" }, { status: "error", error: { code: "superseded" } }]);
  expect((await ask(here.api, scene, { subject: { type: "user", id: "ada" } })).status).toBe(200);
});

test("a provider that does not take the code ends it as its error, and nothing is stored", async () => {
  const scene = await userScene(here.api, "code-refused");
  const { request, verifier } = await started(here.api, scene, { returnUrl: RETURN_URL });
  const user = browser(here.api, ORIGIN);
  const provider = await atProvider(user, request);
  await scene.upstream.control({ mode: "status/400" });
  expect((await user.get(provider.back())).status).toBe(303);
  const { body } = await here.api.post("/v1/connect/result", { verifier }, scene.runtime);
  expect(body).toMatchObject({ status: "error", error: { code: expect.stringMatching(/^upstream_/) } });
  await scene.upstream.control({ mode: "" });
  const ada = { subject: { type: "user", id: "ada" } };
  expect((await ask(here.api, scene, ada)).body.error?.code).toBe("user_authorization_required");
});
