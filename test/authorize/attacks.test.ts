import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiAnswer } from "../support/api.ts";
import { accessToken } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import type { Scene } from "../support/connect.ts";
import {
  atProvider,
  browser,
  formTokenOf,
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
let other: Scene;
beforeAll(async () => {
  world = await newWorld();
  scene = await userScene(world.api, "attacked", {
    data: { serverConfig: { authorization_response_iss_parameter_supported: true } },
  });
  other = await userScene(world.api, "attacked-other");
});

const resultOf = async (verifier: string, caller: Scene = scene) =>
  (await world.api.post("/v1/connect/result", { verifier }, caller.runtime)).body;
const iss = () => scene.upstream.issuer;

describe("a browser that is not the one", () => {
  test("A-02 a callback without the cookie is refused, spends nothing, and no token is asked for", async () => {
    const { request, verifier } = await started(world.api, scene);
    const user = browser(world.api, ORIGIN);
    const provider = await atProvider(user, request);
    const before = world.grants.asked.length;
    const back = await browser(world.api, ORIGIN).get(provider.back({ code: "theirs", iss: iss() }));
    expect(back.status).toBe(400);
    expect(back.text).not.toContain("theirs");
    expect(world.grants.asked).toHaveLength(before);
    expect((await resultOf(verifier)).status).toBe("pending");
    expect((await user.get(provider.back({ code: "mine", iss: iss() }))).status).toBe(303);
    expect(world.grants.asked.at(-1)?.credential).toMatchObject({ code: "mine" });
  });

  test("A-07 the first browser that agrees has the request, another is refused", async () => {
    const { request } = await started(world.api, scene);
    const [first, second] = [browser(world.api, ORIGIN), browser(world.api, ORIGIN)];
    const pages = [await first.get(`/authorize/${request}`), await second.get(`/authorize/${request}`)];
    const decide = (user: typeof first, page: ApiAnswer | undefined) =>
      user.post(`/authorize/${request}`, { form: formTokenOf(page?.text ?? ""), decision: "continue" });
    const answers = await Promise.all([decide(first, pages[0]), decide(second, pages[1])]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const loser = answers[0]?.status === 409 ? first : second;
    expect(loser.cookies.size).toBe(0);
    expect((await loser.get(`/authorize/${request}`)).status).toBe(409);
    expect((await decide(loser, await loser.get(`/authorize/${request}`))).status).toBe(403);
  });

  test("A-08 a form that is sent twice at once, before the first answer, is one browser with one state", async () => {
    const { request } = await started(world.api, scene);
    const user = browser(world.api, ORIGIN);
    const form = formTokenOf((await user.get(`/authorize/${request}`)).text);
    const send = () => user.post(`/authorize/${request}`, { form, decision: "continue" });
    const answers = await Promise.all([send(), send(), send()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const states = answers.map(({ text }) => /state=([\w-]{43})/.exec(text)?.[1]);
    expect(new Set(states).size).toBe(1);
    expect(new Set(answers.map(({ headers }) => headers.get("set-cookie")?.split(";")[0])).size).toBe(1);
  });
});

describe("a callback that does not fit", () => {
  test("A-08 replayed and ten at once: exactly one goes to the Grant", async () => {
    const { request } = await started(world.api, scene, { returnUrl: RETURN_URL });
    const user = browser(world.api, ORIGIN);
    const provider = await atProvider(user, request);
    const before = world.grants.asked.length;
    const path = provider.back({ code: "once", iss: iss() });
    const answers = await Promise.all(Array.from({ length: 10 }, () => user.get(path)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([303, ...Array(9).fill(400)]);
    expect((await user.get(path)).status).toBe(400);
    expect(world.grants.asked).toHaveLength(before + 1);
  });

  test("A-03 A-04 at another connector's address is refused, and its provider hears nothing", async () => {
    const { request } = await started(world.api, scene);
    const user = browser(world.api, ORIGIN);
    const provider = await atProvider(user, request);
    const before = world.grants.asked.length;
    const path = provider.back({ code: "honest", iss: iss() }).replace(scene.connectorId, other.connectorId);
    expect((await user.get(path)).status).toBe(400);
    expect(world.grants.asked).toHaveLength(before);
    expect((await other.upstream.state()).issued).toEqual([]);
    expect((await user.get(provider.back({ code: "honest", iss: iss() }))).status).toBe(303);
  });

  test.for([
    ["another issuer", { iss: "https://evil.example" }],
    ["a slash more", { iss: "/" }],
    ["an empty issuer", { iss: "" }],
    ["no issuer although it is announced", {}],
  ] as const)("A-05 %s ends the authorization, for errors too, and nothing of them is shown", async ([, sent]) => {
    for (const answer of [{ code: "a-code" }, { error: "server_error", error_description: "evil words" }]) {
      const { request, verifier } = await started(world.api, scene, { returnUrl: RETURN_URL });
      const user = browser(world.api, ORIGIN);
      const provider = await atProvider(user, request);
      const named = "iss" in sent ? { iss: sent.iss === "/" ? `${iss()}/` : sent.iss } : {};
      const before = world.grants.asked.length;
      const back = await user.get(provider.back({ ...answer, ...named } as Record<string, string>));
      expect(back.status).toBe(400);
      expect(back.text).not.toMatch(/evil|server_error/);
      expect(await resultOf(verifier)).toMatchObject({ status: "error", error: { code: "issuer_mismatch" } });
      expect(world.grants.asked).toHaveLength(before);
    }
  });

  test("A-09 a repeated parameter is refused before anything is looked up", async () => {
    const { request, verifier } = await started(world.api, scene);
    const user = browser(world.api, ORIGIN);
    const provider = await atProvider(user, request);
    const path = provider.back({ code: "a", iss: iss() });
    for (const more of ["&code=b", "&state=x", "&iss=x", "&x=1&x=2"]) {
      expect((await user.get(path + more)).status).toBe(400);
    }
    expect((await resultOf(verifier)).status).toBe("pending");
  });

  test("A-03 a connector that was changed on the way is asked nothing", async () => {
    const changed = await userScene(world.api, "changed-on-the-way");
    const { request, verifier } = await started(world.api, changed);
    const user = browser(world.api, ORIGIN);
    const provider = await atProvider(user, request);
    const before = world.grants.asked.length;
    const patch = { data: { userAuthorization: { scopes: ["write"] } } };
    const patched = await world.api.patch(`/v2/connect/connectors/${changed.connectorId}`, patch, changed.owner);
    expect(patched.status).toBe(200);
    expect((await user.get(provider.back())).status).toBe(409);
    expect(await resultOf(verifier, changed)).toMatchObject({ status: "error", error: { code: "connector_changed" } });
    expect(world.grants.asked).toHaveLength(before);
  });

  test("a leg that took too long is over, and the same browser may begin another", async () => {
    const { request } = await started(world.api, scene, { expiresInMs: 3_600_000 });
    const user = browser(world.api, ORIGIN);
    const provider = await atProvider(user, request);
    clock.advance(11 * 60_000);
    expect((await user.get(provider.back({ code: "late", iss: iss() }))).status).toBe(410);
    const again = await atProvider(user, request);
    expect(again.state).not.toBe(provider.state);
    expect((await user.get(again.back({ code: "in time", iss: iss() }))).status).toBe(303);
    clock.reset();
  });

  test("HEAD spends nothing", async () => {
    const { request } = await started(world.api, scene);
    const user = browser(world.api, ORIGIN);
    const provider = await atProvider(user, request);
    const path = provider.back({ code: "kept", iss: iss() });
    const cookie = [...user.cookies].map((pair) => pair.join("=")).join(";");
    expect((await world.api.send(path, { method: "HEAD", headers: { cookie } })).status).toBe(405);
    expect((await user.get(path)).status).toBe(303);
  });
});

describe("what gets out", () => {
  test("A-10 the callback leaves by a clean address, and neither code nor state is logged", async () => {
    const { request, verifier } = await started(world.api, scene);
    const user = browser(world.api, ORIGIN);
    const provider = await atProvider(user, request);
    const back = await user.get(provider.back({ code: "code-of-the-provider", iss: iss() }));
    expect(back.headers.get("location")).toBe(`${ORIGIN}/authorize/${request}`);
    expect(back.headers.get("referrer-policy")).toBe("no-referrer");
    const page = await user.get(`/authorize/${request}`);
    expect(page.text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    await world.api.get(`/v1/connect/result/${verifier}`, scene.runtime);
    const log = world.services.lines.join("\n");
    expect(log).toContain("/callback/:c");
    expect(log).not.toMatch(new RegExp(`code=|code-of-the-provider|${provider.state}|${verifier}`));
  });

  test("A-13 the verifier is stored as its hash, and speaks only to its own project and environment", async () => {
    const { verifier, request } = await started(world.api, scene);
    const dump = JSON.stringify((await env.DB.prepare("SELECT * FROM authorization_requests").all()).results);
    expect(dump).toContain(request);
    expect(dump).not.toContain(verifier);
    const bound = { role: "developer", projectId: scene.projectId };
    const preview = await accessToken(world.api, scene.owner, { ...bound, environment: "preview" });
    const lists: [string, number][] = [
      [scene.runtime, 200],
      [scene.owner, 200],
      [other.runtime, 404],
      [preview, 404],
    ];
    for (const [token, status] of lists) {
      expect((await world.api.post("/v1/connect/result", { verifier }, token)).status).toBe(status);
      expect((await world.api.get(`/v1/connect/result/${verifier}`, token)).status).toBe(status);
    }
    expect((await world.api.post("/v1/connect/result", { verifier: "x" }, scene.runtime)).status).toBe(404);
    expect(await resultOf(verifier)).toEqual({ status: "pending" });
  });

  test("E-12 a provider's refusal reaches the app as a code of the list, and its user as no word of it", async () => {
    for (const [error, expected] of [
      ["access_denied", { status: "canceled", error: { code: "access_denied" } }],
      ["server_error", { status: "error", error: { code: "upstream_rejected", vendor: { error: "server_error" } } }],
      ["<b>own</b>", { status: "error", error: { code: "upstream_rejected", vendor: { error: "other" } } }],
    ] as const) {
      const { request, verifier } = await started(world.api, scene, { returnUrl: RETURN_URL });
      const user = browser(world.api, ORIGIN);
      const provider = await atProvider(user, request);
      const back = await user.get(provider.back({ error, error_description: "words", iss: iss() }));
      expect([back.status, back.headers.get("location")]).toEqual([303, `${RETURN_URL}&connect_request=${request}`]);
      const result = await resultOf(verifier);
      expect(result).toMatchObject(expected);
      expect(JSON.stringify(result)).not.toContain("words");
    }
  });
});

describe("A-17 floods", () => {
  test("A-17 the 21st open request of one grant is refused, also of 40 at once, until one has ended", async () => {
    const flooded = await userScene(world.api, "flooded");
    const answers = await Promise.all(Array.from({ length: 40 }, () => start(world.api, flooded)));
    const open = answers.filter(({ status }) => status === 200);
    expect(open).toHaveLength(20);
    const refused = answers.find(({ status }) => status !== 200);
    expect([refused?.status, refused?.body.error.code]).toEqual([429, "too_many_pending_requests"]);
    await browser(world.api, ORIGIN).decide(open[0]?.body.request, "cancel");
    expect((await start(world.api, flooded)).status).toBe(200);
    expect((await start(world.api, flooded)).status).toBe(429);
    clock.advance(11 * 60_000);
    expect((await start(world.api, flooded)).status).toBe(200);
    clock.reset();
  });
});

test("A-17 an environment that floods does not keep the others of its project from starting", async () => {
  const flooded = await userScene(world.api, "flooded-environment");
  const link = { environments: ["production", "preview"] };
  const path = `/v1/connect/connectors/${flooded.connectorId}/projects/${flooded.projectId}`;
  await world.api.post(path, link, flooded.owner);
  const bob = { role: "developer", projectId: flooded.projectId, environment: "preview", userId: "bob" };
  const preview = await accessToken(world.api, flooded.owner, bob);
  const startBob = () =>
    world.api.post(`/v1/connect/authorize/${flooded.connectorId}`, { subject: { type: "user", id: "bob" } }, preview);
  const { request } = (await startBob()).body;
  // As many as there may be, of as many users.
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
     INSERT INTO authorization_requests (id, verifier_hash, connector_id, project_id, link_id, environment, grant_name,
       request, config_revision, revoked_before_ms, binding, status, created_at_ms, expires_at_ms)
     SELECT r.id || i, r.verifier_hash || i, connector_id, project_id, link_id, environment, grant_name || i, request,
       config_revision, revoked_before_ms, binding, status, created_at_ms, expires_at_ms
     FROM authorization_requests AS r, n WHERE r.id = ?`,
  )
    .bind(request)
    .run();
  const refused = await startBob();
  expect([refused.status, refused.body.error.code]).toEqual([429, "too_many_pending_requests"]);
  expect((await start(world.api, flooded)).status).toBe(200);
});

describe("U-03 forms that are not this page's", () => {
  test.for([
    ["another origin", { origin: "https://evil.example" }],
    ["an opaque origin", { origin: "null" }],
    ["no origin", { origin: "" }],
    ["another site", { "sec-fetch-site": "cross-site" }],
    ["a sibling site", { "sec-fetch-site": "same-site" }],
    ["JSON as text", { "content-type": "text/plain" }],
    ["multipart", { "content-type": "multipart/form-data" }],
  ] as const)("U-03 %s", async ([, headers]) => {
    const { request, verifier } = await started(world.api, scene);
    const user = browser(world.api, ORIGIN);
    const form = formTokenOf((await user.get(`/authorize/${request}`)).text);
    const answer = await user.post(`/authorize/${request}`, { form, decision: "cancel" }, headers);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([403, "text/html; charset=utf-8"]);
    expect((await resultOf(verifier)).status).toBe("pending");
    await user.post(`/authorize/${request}`, { form, decision: "cancel" });
  });

  test("U-03 a form without a page's token, or through another host", async () => {
    const { request } = await started(world.api, scene);
    const user = browser(world.api, ORIGIN);
    expect((await user.post(`/authorize/${request}`, { decision: "cancel" })).status).toBe(403);
    const form = formTokenOf((await user.get(`/authorize/${request}`)).text);
    const elsewhere = `http://localhost:8787/authorize/${request}`;
    expect((await user.post(elsewhere, { form, decision: "cancel" })).status).toBe(403);
    const moved = await user.get(elsewhere);
    expect([moved.status, moved.headers.get("location")]).toEqual([303, `${ORIGIN}/authorize/${request}`]);
    await user.decide(request, "cancel");
  });
});
