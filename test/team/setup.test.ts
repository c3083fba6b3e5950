import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { type Api, apiOf } from "../support/api.ts";
import { testServices } from "../support/services.ts";

describe("claiming a fresh deployment", () => {
  let api: Api;
  beforeAll(async () => {
    api = apiOf(await testServices());
  });

  test("U-06 a wrong setup token claims nothing", async () => {
    for (const setupToken of [
      "",
      "x",
      env.SETUP_TOKEN.slice(0, -1),
      `${env.SETUP_TOKEN} `,
      env.SETUP_TOKEN.toUpperCase(),
    ]) {
      const { status, body } = await api.post("/v1/setup", { setupToken });
      expect([status, body.error.code]).toEqual([403, "setup_required"]);
    }
    expect((await env.DB.prepare("SELECT count(*) AS n FROM team").first())?.n).toBe(0);
  });

  test("U-06 no credentials at all do not make an owner", async () => {
    const { status } = await api.post("/v1/access-tokens", { name: "me", role: "owner" });
    expect(status).toBe(401);
  });

  test("U-06 of ten concurrent claims exactly one wins, and only its token exists", async () => {
    const apis = await Promise.all(Array.from({ length: 10 }, async () => apiOf(await testServices())));
    const answers = await Promise.all(apis.map((one) => one.post("/v1/setup", { setupToken: env.SETUP_TOKEN })));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array(9).fill(409)]);
    const winner = answers.find(({ status }) => status === 201);
    expect(Object.keys(winner?.body).sort()).toEqual(["accessToken", "teamId"]);
    expect(winner?.body.accessToken).toMatch(/^vk_[0-9a-z]{20}_[\w-]{43}_[0-9a-f]{6}$/);
    expect(winner?.body.teamId).toMatch(/^team_/);
    expect((await env.DB.prepare("SELECT count(*) AS n FROM access_tokens").first())?.n).toBe(1);
    const team = await api.get("/v1/team", winner?.body.accessToken);
    expect(team.body).toEqual({ id: winner?.body.teamId, name: "default", createdAt: expect.any(Number) });
  });

  test("U-06 a claimed deployment refuses the right setup token, with another error than the wrong one", async () => {
    const right = await api.post("/v1/setup", { setupToken: env.SETUP_TOKEN });
    expect([right.status, right.body.error.code]).toEqual([409, "conflict"]);
    const wrong = await api.post("/v1/setup", { setupToken: "wrong" });
    expect([wrong.status, wrong.body.error.code]).toEqual([403, "setup_required"]);
  });

  test("U-12 health says that it runs and nothing else", async () => {
    const { status, body } = await api.get("/health");
    expect([status, body]).toEqual([200, { status: "ok" }]);
  });
});
