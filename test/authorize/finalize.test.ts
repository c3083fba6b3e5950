import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { takeStep } from "../../src/authorize/request-store.ts";
import { keepUpRequests } from "../../src/authorize/request-upkeep.ts";
import { accessToken } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import type { Scene } from "../support/connect.ts";
import { atProvider, browser, newWorld, ORIGIN, RETURN_URL, start, started, userScene, type World } from "./support.ts";

let world: World;
let scene: Scene;
beforeAll(async () => {
  world = await newWorld();
  scene = await userScene(world.api, "finalize", { minimumBinding: "finalize" });
});

/** An authorization whose user is back at the app, and with which code. */
async function returned(user = browser(world.api, ORIGIN), at = scene) {
  const { request, verifier } = await started(world.api, at, { returnUrl: RETURN_URL });
  const provider = await atProvider(user, request);
  const back = await user.get(provider.back());
  const location = new URL(back.headers.get("location") ?? "");
  return { request, verifier, location, connectCode: location.searchParams.get("connect_code") ?? "" };
}

const complete = (body: object, token = scene.runtime) => world.api.post("/v1/connect/complete", body, token);
const resultOf = async (verifier: string) =>
  (await world.api.post("/v1/connect/result", { verifier }, scene.runtime)).body;

describe("an authorization that the app completes", () => {
  test("A-01 the code waits sealed until the app brings what came back in its own user's browser", async () => {
    const before = world.grants.asked.length;
    const { request, verifier, location, connectCode } = await returned();
    expect(`${location.origin}${location.pathname}`).toBe("https://app.example.com/connected");
    expect(location.searchParams.get("connect_request")).toBe(request);
    expect(connectCode).toMatch(/^[\w-]{43}$/);
    expect(world.grants.asked).toHaveLength(before);
    const row = await env.DB.prepare("SELECT * FROM authorization_requests WHERE id = ?").bind(request).first();
    expect(row).toMatchObject({ status: "returned", secrets_kid: "k1" });
    expect(JSON.stringify(row)).not.toMatch(new RegExp(`the-code|${connectCode}`));
    expect(await resultOf(verifier)).toEqual({ status: "pending" });

    const done = await complete({ verifier, connectCode });
    expect([done.status, done.body]).toEqual([200, { status: "success", data: { clientId: scene.connectorId } }]);
    expect(world.grants.asked.at(-1)?.credential).toMatchObject({ kind: "code", code: "the-code" });
    expect(await resultOf(verifier)).toEqual({ status: "success", data: { clientId: scene.connectorId } });
    const ended = await env.DB.prepare("SELECT * FROM authorization_requests WHERE id = ?").bind(request).first();
    expect(ended).toMatchObject({ secrets_sealed: null, secrets_kid: null, connect_code_hash: null });
  });

  test("A-01 the hijacker, who has the verifier but not the victim's browser, gets nothing", async () => {
    const before = world.grants.asked.length;
    const { verifier, connectCode } = await returned();
    expect((await complete({ verifier })).body.error.code).toBe("binding_required");
    const wrong = await complete({ verifier, connectCode: `${connectCode.slice(0, -1)}!` });
    expect([wrong.status, wrong.body.error.code]).toEqual([400, "binding_mismatch"]);
    for (let misses = 1; misses < 5; misses++) await complete({ verifier, connectCode: "x" });
    const late = await complete({ verifier, connectCode });
    expect([late.status, late.body.error.code]).toEqual([400, "flow_already_used"]);
    expect(await resultOf(verifier)).toMatchObject({ status: "error", error: { code: "binding_mismatch" } });
    expect(world.grants.asked).toHaveLength(before);
  });

  test("A-01 what the app does not complete in time is exchanged never", async () => {
    const before = world.grants.asked.length;
    const { verifier, connectCode } = await returned();
    // The provider's code lives 60 s, so the app has 50.
    clock.advance(50_001);
    const late = await complete({ verifier, connectCode });
    expect([late.status, late.body.error.code]).toEqual([410, "flow_expired"]);
    expect(await resultOf(verifier)).toMatchObject({ status: "expired", error: { code: "flow_expired" } });
    expect(world.grants.asked).toHaveLength(before);
    clock.reset();
  });

  test("A-08 what was brought in time is not called expired while the Grant asks the provider, or after", async () => {
    const { verifier, connectCode } = await returned();
    clock.advance(49_000);
    world.grants.script.answer = async () => {
      clock.advance(5_000);
      expect((await resultOf(verifier)).status).toBe("pending");
      await keepUpRequests({ ...world.services, keys: async () => world.services.keys });
      return { ok: true, value: { authorizationId: "aut_1", scopes: ["read"] } };
    };
    const answer = await complete({ verifier, connectCode });
    expect([answer.status, answer.body.status]).toEqual([200, "success"]);
    expect((await resultOf(verifier)).status).toBe("success");
    world.grants.script.answer = () => ({ ok: true, value: { authorizationId: "aut_1", scopes: ["read"] } });
    clock.reset();
  });

  test("A-08 a Worker that dies while it completes leaves nothing that is pending for ever", async () => {
    const { request, verifier, connectCode } = await returned();
    await takeStep(world.services.db, request, { from: "returned", to: "completing" }, clock.now());
    expect((await complete({ verifier, connectCode })).body.error.code).toBe("flow_already_used");
    clock.advance(2 * 60_000);
    expect((await resultOf(verifier)).status).toBe("expired");
    clock.reset();
  });

  test("A-08 of ten completions at once one reaches the Grant", async () => {
    const before = world.grants.asked.length;
    const { verifier, connectCode } = await returned();
    const answers = await Promise.all(Array.from({ length: 10 }, () => complete({ verifier, connectCode })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.error?.code === "flow_already_used")).toHaveLength(9);
    expect(world.grants.asked).toHaveLength(before + 1);
  });

  test("A-13 another project or environment cannot complete it, or learn that it is there", async () => {
    const { verifier, connectCode } = await returned();
    const bound = { role: "developer", projectId: scene.projectId };
    const preview = await accessToken(world.api, scene.owner, { ...bound, environment: "preview" });
    for (const token of [preview, (await userScene(world.api, "finalize-other")).runtime]) {
      expect((await complete({ verifier, connectCode }, token)).status).toBe(404);
    }
    expect((await complete({ verifier, connectCode }, scene.owner)).status).toBe(403);
    expect((await complete({ verifier: "unknown", connectCode })).status).toBe(404);
    expect((await complete({ verifier, connectCode })).status).toBe(200);
  });

  test("the page that is loaded again leads back with the same code, for that browser alone", async () => {
    const user = browser(world.api, ORIGIN);
    const { request, connectCode } = await returned(user);
    expect((await user.get(`/authorize/${request}`)).text).toContain(connectCode);
    expect((await browser(world.api, ORIGIN).get(`/authorize/${request}`)).status).toBe(409);
  });

  test("A-15 what the Grant says of it is what the app is told", async () => {
    for (const [code, status] of [
      ["superseded", 409],
      ["upstream_rejected", 502],
    ] as const) {
      world.grants.script.answer = () => ({ ok: false, failure: { code, vendor: { error: "invalid_grant" } } });
      const { verifier, connectCode } = await returned();
      const answer = await complete({ verifier, connectCode });
      expect([answer.status, answer.body.error.code]).toEqual([status, code]);
      expect(await resultOf(verifier)).toMatchObject({ status: "error", error: { code } });
    }
    world.grants.script.answer = () => {
      throw new Error("the object died");
    };
    const { verifier, connectCode } = await returned();
    expect((await complete({ verifier, connectCode })).status).toBe(503);
    expect((await complete({ verifier, connectCode })).body.error.code).toBe("flow_already_used");
    world.grants.script.answer = () => ({ ok: true, value: { authorizationId: "aut_1", scopes: [] } });
  });

  test("A-15 later requests have the greater ordinal", async () => {
    const [first, second] = [await returned(), await returned()];
    await complete(second);
    await complete(first);
    const [late, early] = world.grants.asked.slice(-2).map(({ ordinal }) => ordinal);
    expect(late).toBeGreaterThan(early ?? 0);
  });
});

describe("the binding", () => {
  test("A-01 is what the connector demands, or more if the app asks for it", async () => {
    const bindingOf = async (at: Scene, body: object) => {
      const { body: answer } = await start(world.api, at, { returnUrl: RETURN_URL, ...body });
      const query = env.DB.prepare("SELECT binding FROM authorization_requests WHERE id = ?");
      return answer.error?.code ?? (await query.bind(answer.request).first("binding"));
    };
    expect(await bindingOf(scene, {})).toBe("finalize");
    expect(await bindingOf(scene, { binding: "confirm" })).toBe("finalize");
    expect(await bindingOf(scene, { binding: "login" })).toBe("login_unavailable");
    const lax = await userScene(world.api, "lax");
    expect(await bindingOf(lax, {})).toBe("confirm");
    expect(await bindingOf(lax, { binding: "finalize" })).toBe("finalize");
  });

  test("finalize needs somewhere to return to, and says which setting asks for it", async () => {
    const answer = await start(world.api, scene);
    expect([answer.status, answer.body.error.code]).toEqual([400, "return_url_required"]);
    expect(answer.body.error.message).toContain("minimumBinding");
  });
});
