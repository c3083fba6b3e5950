import { beforeAll, describe, expect, test } from "vitest";
import { accessToken, project } from "../support/api.ts";
import type { Scene } from "../support/connect.ts";
import { ownerToken } from "../support/connect.ts";
import { APP, browser, newWorld, nextOf, ORIGIN, RETURN_URL, started, type World } from "./support.ts";

let world: World;
beforeAll(async () => {
  world = await newWorld();
});

/** A connector whose users paste a key of their own. */
async function keyScene(name: string, minimumBinding: string): Promise<Pick<Scene, "uid" | "runtime">> {
  const { api } = world;
  const owner = await ownerToken(api);
  const projectId = await project(api, owner, name);
  await api.put(`/v1/projects/${projectId}/environments/production`, { origin: APP }, owner);
  const data = { subjectType: "user", instructions: "Open **Settings**, copy the key." };
  const created = await api.post(
    "/v1/connect/connectors",
    { type: "api-key", name, uid: `keys/${name}`, projectId, minimumBinding, data },
    owner,
  );
  if (created.status !== 201) throw new Error(created.text);
  const ada = { role: "developer", projectId, environment: "production", userId: "ada" };
  return { uid: created.body.uid, runtime: await accessToken(api, owner, ada) };
}

describe("a key that the user pastes", () => {
  test("goes from the page to the Grant, and is shown nowhere again", async () => {
    const scene = await keyScene("paste-confirm", "confirm");
    const { request, verifier } = await started(world.api, scene, { returnUrl: RETURN_URL });
    const user = browser(world.api, ORIGIN);
    const page = await user.get(`/authorize/${request}`);
    expect(page.text).toContain("<strong>Settings</strong>");
    const bad = await user.decide(request, "continue", { key: "two words" });
    expect([bad.status, bad.headers.get("set-cookie")]).toEqual([400, null]);
    expect(bad.text).not.toContain("two words");
    expect((await user.decide(request, "continue", { key: "" })).status).toBe(400);
    const before = world.grants.asked.length;
    const done = await user.decide(request, "continue", { key: " pasted-key-1\n" });
    expect(done.status).toBe(200);
    expect(done.text).not.toContain("pasted-key-1");
    expect(nextOf(done.text).searchParams.get("connect_request")).toBe(request);
    expect(world.grants.asked.slice(before).map(({ credential }) => credential)).toEqual([
      { kind: "key", key: "pasted-key-1" },
    ]);
    const result = await world.api.post("/v1/connect/result", { verifier }, scene.runtime);
    expect(result.body.status).toBe("success");
    expect(world.services.lines.join("\n")).not.toContain("pasted-key-1");
  });

  test("A-08 sent twice reaches the Grant once", async () => {
    const scene = await keyScene("paste-twice", "confirm");
    const { request } = await started(world.api, scene);
    const user = browser(world.api, ORIGIN);
    const form = /name="form" value="([^"]+)"/.exec((await user.get(`/authorize/${request}`)).text)?.[1] ?? "";
    const before = world.grants.asked.length;
    const send = () => user.post(`/authorize/${request}`, { form, decision: "continue", key: "k-1" });
    const answers = await Promise.all([send(), send(), send()]);
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    expect(world.grants.asked).toHaveLength(before + 1);
  });

  test("A-01 with finalize waits sealed until the app completes", async () => {
    const scene = await keyScene("paste-finalize", "finalize");
    const { request, verifier } = await started(world.api, scene, { returnUrl: RETURN_URL });
    const before = world.grants.asked.length;
    const page = await browser(world.api, ORIGIN).decide(request, "continue", { key: "pasted-key-2" });
    expect(world.grants.asked).toHaveLength(before);
    const connectCode = nextOf(page.text).searchParams.get("connect_code");
    const done = await world.api.post("/v1/connect/complete", { verifier, connectCode }, scene.runtime);
    expect(done.body.status).toBe("success");
    expect(world.grants.asked.at(-1)?.credential).toEqual({ kind: "key", key: "pasted-key-2" });
  });
});
