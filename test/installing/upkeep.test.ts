import { env } from "cloudflare:workers";
import { createLocalJWKSet, jwtVerify } from "jose";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { keepUpRequests, nextUpkeepAtMs } from "../../src/authorize/request-upkeep.ts";
import { ORIGIN } from "../authorize/support.ts";
import { hostile, lastRequest, requestCount } from "../providers/hostile.ts";
import { clock } from "../support/clock.ts";
import { decide, installAt, installScene, installSetting, newBrowser, resultOf, started } from "./support.ts";

const { world, scene } = await installSetting("install-upkeep");
beforeAll(async () => {
  const webhookOrigins = [new URL(hostile("/")).origin];
  expect((await scene.link({ environments: ["production"], webhookOrigins })).status).toBe(200);
});
afterEach(() => clock.reset());

const upkeep = () => keepUpRequests({ ...world.services, keys: async () => world.services.keys });
const rowOf = (id: string) => env.DB.prepare("SELECT * FROM installation_requests WHERE id = ?").bind(id).first();

describe("A-18 the app is told how it ended", () => {
  test("A-18 on success at once, signed, with the installation and no token", async () => {
    const webhook = hostile("/ok", { key: "install-success" });
    const { request, verifier } = await installAt(world, scene, { webhook });
    const told = await lastRequest("install-success");
    const { data } = await resultOf(world, verifier, scene.runtime);
    expect(JSON.parse(told?.body ?? "")).toEqual({
      type: "installation.completed",
      request,
      status: "success",
      connector: { id: scene.connectorId, uid: scene.uid, type: "github" },
      installationId: data.installationId,
    });
    const jwks = (await world.api.get("/.well-known/jwks.json")).body;
    const token = told?.headers.authorization?.replace("Bearer ", "") ?? "";
    const typ = "connect-authorization+jwt";
    await jwtVerify(token, createLocalJWKSet(jwks), { issuer: ORIGIN, audience: webhook, typ });
    await upkeep();
    expect(await requestCount("install-success")).toBe(1);
  });

  test("A-18 on a cancellation, and again where it did not hear", async () => {
    const { request } = await started(world.api, scene, { webhook: hostile("/status/500", { key: "install-no" }) });
    await decide(newBrowser(world), request, { decision: "cancel" });
    expect(JSON.parse((await lastRequest("install-no"))?.body ?? "")).toMatchObject({
      type: "installation.failed",
      status: "canceled",
      error: { code: "access_denied" },
    });
    clock.advance(60_000);
    await upkeep();
    expect(await requestCount("install-no")).toBe(2);
  });

  test("A-18 on an expiry, by whoever cleans up, and its secrets go; a week later so does the rest", async () => {
    const { request, verifier } = await started(world.api, scene, {
      webhook: hostile("/ok", { key: "install-expired" }),
      expiresInMs: 120_000,
    });
    await decide(newBrowser(world), request);
    expect(await rowOf(request)).toMatchObject({ status: "installing", secrets_kid: "k1" });
    expect(await nextUpkeepAtMs(world.services.db)).toBeLessThanOrEqual(clock.now() + 120_000);
    clock.advance(120_001);
    await upkeep();
    expect(JSON.parse((await lastRequest("install-expired"))?.body ?? "")).toMatchObject({
      type: "installation.failed",
      status: "expired",
    });
    expect(await rowOf(request)).toMatchObject({ status: "expired", secrets_sealed: null, secrets_kid: null });
    expect(await resultOf(world, verifier, scene.runtime)).toMatchObject({ status: "expired" });
    clock.advance(7 * 24 * 3_600_000 + 60_000);
    await upkeep();
    expect(await rowOf(request)).toBeNull();
  });
});

test("what ended holds no secrets, and the unlinked project's requests are gone", async () => {
  const own = await installScene(world, "install-unlinked");
  const { request, verifier } = await installAt(world, own);
  expect(await rowOf(request)).toMatchObject({ status: "success", secrets_sealed: null, secrets_kid: null });
  const path = `/v1/connect/connectors/${own.connectorId}/projects/${own.projectId}`;
  expect((await world.api.delete(path, world.owner)).status).toBe(204);
  expect(await rowOf(request)).toBeNull();
  expect((await world.api.post("/v1/connect/result", { verifier }, world.owner)).status).toBe(404);
});
