import { beforeEach, expect, test, vi } from "vitest";
import { Deployment, errorOf } from "./deployment.ts";

/** A fresh copy of the module, as a process sees it at start. */
async function freshModule() {
  vi.resetModules();
  return import("../../src/sdk/index.ts");
}

beforeEach(() => {
  vi.unstubAllGlobals();
});

test("without configuration the error names the variable that is missing", async () => {
  vi.stubGlobal("process", { env: {} });
  const { getToken, deleteTokenCacheEntry } = await freshModule();
  expect(await errorOf(getToken("slack/acme"))).toMatchObject({
    code: "invalid_configuration",
    message: expect.stringContaining("VALETKEY_URL"),
  });
  deleteTokenCacheEntry("slack/acme");
});

test("the environment is read when it is needed, and its token each time", async () => {
  const deployment = new Deployment();
  const { getTokenResponse, getConnectorMetadata } = await freshModule();
  const env: Record<string, string> = { VALETKEY_URL: "https://connect.example.com/base", VALETKEY_TOKEN: "vk_one" };
  vi.stubGlobal("process", { env });
  vi.stubGlobal("fetch", deployment.fetch);
  await getTokenResponse("slack/acme");
  env.VALETKEY_TOKEN = "vk_two";
  await getConnectorMetadata("slack/acme");
  expect(deployment.seen.map(({ headers }) => headers.get("authorization"))).toEqual([
    "Bearer vk_one",
    "Bearer vk_two",
  ]);
  expect(deployment.seen[0]?.url).toBe("https://connect.example.com/base/v1/connect/token/slack%2Facme");
});

test("configure decides over the environment and drops what an earlier configuration cached", async () => {
  const deployment = new Deployment();
  vi.stubGlobal("process", { env: { VALETKEY_URL: "https://wrong.example.com", VALETKEY_TOKEN: "vk_env" } });
  const { configure, getToken, revokeToken, deleteTokenCacheEntry } = await freshModule();
  configure({ baseUrl: "https://connect.example.com", fetch: deployment.fetch, now: () => deployment.nowMs });
  expect(await getToken("slack/acme")).toBe("provider-token-1");
  deleteTokenCacheEntry("slack/acme");
  expect(await getToken("slack/acme")).toBe("provider-token-2");
  await revokeToken("slack/acme", {});
  configure({ baseUrl: "https://other.example.com", credential: "vk_x", fetch: deployment.fetch });
  expect(await getToken("slack/acme")).toBe("provider-token-3");
  expect(deployment.seen.map(({ url }) => new URL(url).host)).toEqual([
    "connect.example.com",
    "connect.example.com",
    "connect.example.com",
    "other.example.com",
  ]);
});

test("the module starts, completes and looks up authorizations and installations as its client does", async () => {
  const deployment = new Deployment();
  const { configure, startAuthorization, startInstallation, completeAuthorization, getAuthorizationResult } =
    await freshModule();
  configure({ baseUrl: "https://connect.example.com", credential: "vk_x", fetch: deployment.fetch });
  const subject = { type: "user" as const, id: "ada" };
  const { verifier } = await startAuthorization("slack/acme", { subject }, { returnUrl: "https://app.example.com/" });
  await completeAuthorization({ verifier, connectCode: "c" });
  await getAuthorizationResult(verifier);
  await startInstallation("github/acme", { tenantId: "1" });
  expect(deployment.seen.map(({ url, body }) => [new URL(url).pathname, body])).toEqual([
    ["/v1/connect/authorize/slack%2Facme", { subject, returnUrl: "https://app.example.com/" }],
    ["/v1/connect/complete", { verifier, connectCode: "c" }],
    ["/v1/connect/result", { verifier }],
    ["/v1/connect/install/github%2Facme", { tenantId: "1" }],
  ]);
});
