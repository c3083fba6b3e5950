import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { accessToken } from "../support/api.ts";
import type { Scene } from "../support/connect.ts";
import {
  APP,
  atProvider,
  browser,
  newWorld,
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
  scene = await userScene(world.api, "starting", {
    data: { userAuthorization: { enabled: true, scopes: ["read", "write"] } },
  });
});

const refusal = async (body: object, at: Pick<Scene, "uid" | "runtime"> = scene) => {
  const { status, body: answer } = await start(world.api, at, body);
  return [status, answer.error?.code];
};
const ofRequest = (id: string) =>
  env.DB.prepare("SELECT * FROM authorization_requests WHERE id = ?").bind(id).first<Record<string, string & number>>();

describe("what may be asked", () => {
  test("is for users, of a connector that supports them", async () => {
    expect(await refusal({ subject: { type: "app" } })).toEqual([422, "unresolved_token"]);
    expect(await refusal({ subject: { type: "jwt-bearer", id: "x" } })).toEqual([422, "unresolved_token"]);
    expect(await refusal({}, { ...scene, uid: "oauth/unknown" })).toEqual([404, "not_found"]);
    const preview = { role: "developer", projectId: scene.projectId, environment: "preview", userId: "ada" };
    const linked = { environments: ["production"] };
    await world.api.post(
      `/v1/connect/connectors/${scene.connectorId}/projects/${scene.projectId}`,
      linked,
      scene.owner,
    );
    const runtime = await accessToken(world.api, scene.owner, preview);
    expect(await refusal({}, { ...scene, runtime })).toEqual([403, "forbidden"]);
  });

  test("unknown members are ignored, as clients expect, and deviceCode is no error", async () => {
    const answer = await start(world.api, scene, {
      deviceCode: true,
      validityBufferMs: 5,
      zz: 1,
      returnUrl: RETURN_URL,
    });
    expect(answer.status).toBe(200);
    expect(answer.body).not.toHaveProperty("deviceCode");
  });

  test("expiresInMs is held between a minute and two hours", async () => {
    const lifetime = async (body: object) => {
      const row = await ofRequest((await started(world.api, scene, body)).request);
      return (row?.expires_at_ms ?? 0) - (row?.created_at_ms ?? 0);
    };
    expect(await lifetime({})).toBe(600_000);
    expect(await lifetime({ expiresInMs: 1 })).toBe(60_000);
    expect(await lifetime({ expiresInMs: 1e12 })).toBe(7_200_000);
    expect(await refusal({ expiresInMs: -1 })).toEqual([400, "bad_request"]);
  });

  test("A-11 a return URL or webhook of an origin that is not the link's is refused", async () => {
    for (const returnUrl of ["https://evil.example/", "//evil.example", `${APP}.evil.example/`, "javascript:x"]) {
      expect(await refusal({ returnUrl })).toEqual([400, "invalid_return_url"]);
    }
    for (const webhook of ["https://evil.example/", "http://127.0.0.1:1/", "https://10.0.0.1/"]) {
      expect(await refusal({ webhook })).toEqual([400, "invalid_webhook_url"]);
    }
    const own = await userScene(world.api, "own-origins");
    const link = { environments: ["production"], returnOrigins: ["https://back.example.com"] };
    await world.api.post(`/v1/connect/connectors/${own.connectorId}/projects/${own.projectId}`, link, own.owner);
    expect(await refusal({ returnUrl: RETURN_URL }, own)).toEqual([400, "invalid_return_url"]);
    expect((await start(world.api, own, { returnUrl: "https://back.example.com/x" })).status).toBe(200);
  });

  test.for([
    [{ prompt: "consent&x=1" }, "bad_request"],
    [{ prompt: "none login" }, "bad_request"],
    [{ prompt: "evil" }, "bad_request"],
    [{ scopes: ["a b"] }, "invalid_scope"],
    [{ scopes: ["a\u0000"] }, "bad_request"],
    [{ additionalParams: { redirect_uri: "https://evil.example" } }, "bad_request"],
    [{ additionalParams: { Client_ID: "x" } }, "bad_request"],
    [{ additionalParams: { state: "x" } }, "bad_request"],
    // Servers that turn names into identifiers, fold case, or read lists (PHP: `[]`, and `.` and space as `_`).
    [{ additionalParams: { "redirect.uri": "x" } }, "bad_request"],
    [{ additionalParams: { "redirect-uri": "x" } }, "bad_request"],
    [{ additionalParams: { "scope ": "x" } }, "bad_request"],
    [{ additionalParams: { "scope[]": "x" } }, "bad_request"],
    [{ additionalParams: { "scope%00": "x" } }, "bad_request"],
    [{ additionalParams: { "scope\t": "x" } }, "bad_request"],
    [{ additionalParams: { "\u017fcope": "x" } }, "bad_request"],
    [{ additionalParams: { "a&scope": "x" } }, "bad_request"],
    [
      { additionalParams: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`p${index}`, "v"])) },
      "bad_request",
    ],
    [{ binding: "none" }, "bad_request"],
  ] as const)("A-12 %j is refused at the start", async ([body, code]) => {
    expect(await refusal(body)).toEqual([400, code]);
  });

  test("A-12 what the app adds reaches the provider as it is", async () => {
    const more = { prompt: "login consent", additionalParams: { login_hint: "ada&redirect_uri=x" } };
    const { request } = await started(world.api, scene, { ...more, resources: ["https://api.example/"] });
    const { url } = await atProvider(browser(world.api, ORIGIN), request);
    expect(url.searchParams.get("prompt")).toBe("login consent");
    expect(url.searchParams.get("login_hint")).toBe("ada&redirect_uri=x");
    expect(url.searchParams.getAll("redirect_uri")).toEqual([`${ORIGIN}/callback/${scene.connectorId}`]);
    expect(url.searchParams.getAll("resource")).toEqual(["https://api.example/"]);
  });
});

test("A-12 under a ceiling of scopes an app may add only what gives no rights", async () => {
  const bounded = await userScene(world.api, "ceiling-params");
  const link = { environments: ["production"], scopes: ["read"] };
  await world.api.post(
    `/v1/connect/connectors/${bounded.connectorId}/projects/${bounded.projectId}`,
    link,
    bounded.owner,
  );
  for (const additionalParams of [{ permissions: "8" }, { config_id: "1" }, { claims: "{}" }, { "x-scope": "write" }]) {
    expect(await refusal({ additionalParams }, bounded)).toEqual([403, "insufficient_scope"]);
    expect((await start(world.api, scene, { additionalParams })).status).toBe(200);
  }
  const harmless = { login_hint: "ada@example.com", hd: "example.com", ui_locales: "de" };
  expect((await start(world.api, bounded, { additionalParams: harmless })).status).toBe(200);
});

describe("A-15 step-up", () => {
  test("A-15 named scopes are asked for together with those that were granted, within the ceiling", async () => {
    const described = {
      authorizationId: "aut_1",
      state: "active",
      scopes: ["write", "gone"],
      refreshable: true,
      authorizedAtMs: 1,
      accessTokenExpiresAtMs: null,
      lastRefresh: null,
      nextAttemptAtMs: null,
      upstreamRevocation: null,
    } as const;
    const askedFor = async (at: Scene, body: object) => {
      const row = await ofRequest((await started(world.api, at, body)).request);
      return JSON.parse(row?.request ?? "{}").group.scopes;
    };
    world.grants.script.description = { ...described, scopes: ["write"] };
    expect(await askedFor(scene, { scopes: ["read"] })).toEqual(["read", "write"]);
    expect(await askedFor(scene, {})).toEqual(["read", "write"]);
    const ceiling = await userScene(world.api, "ceiling");
    const link = { environments: ["production"], scopes: ["read", "list"] };
    await world.api.post(
      `/v1/connect/connectors/${ceiling.connectorId}/projects/${ceiling.projectId}`,
      link,
      ceiling.owner,
    );
    world.grants.script.description = { ...described, scopes: ["list", "write"] };
    expect(await askedFor(ceiling, { scopes: ["read"] })).toEqual(["list", "read"]);
    world.grants.script.description = { ...described, scopes: ["list"], state: "revoked" };
    expect(await askedFor(ceiling, { scopes: ["read"] })).toEqual(["read"]);
    world.grants.script.description = null;
  });
});
