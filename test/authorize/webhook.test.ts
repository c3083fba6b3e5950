import { createLocalJWKSet, decodeJwt, jwtVerify } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { keepUpRequests, nextUpkeepAtMs } from "../../src/authorize/request-upkeep.ts";
import { MAX_TRIES, retryAfterMs } from "../../src/authorize/webhook.ts";
import { sha256Base64url } from "../../src/crypto/digest.ts";
import { hostile, lastRequest, requestCount } from "../providers/hostile.ts";
import { clock } from "../support/clock.ts";
import type { Scene } from "../support/connect.ts";
import { atProvider, browser, newWorld, ORIGIN, started, userScene, type World } from "./support.ts";

let world: World;
let scene: Scene;
beforeAll(async () => {
  world = await newWorld();
  scene = await userScene(world.api, "webhooks");
  const webhookOrigins = [new URL(hostile("/")).origin];
  const link = { environments: ["production"], webhookOrigins };
  await world.api.post(`/v1/connect/connectors/${scene.connectorId}/projects/${scene.projectId}`, link, scene.owner);
});

const upkeep = () => keepUpRequests({ ...world.services, keys: async () => world.services.keys });
const received = async (key: string) => {
  const request = await lastRequest(key);
  return request === null ? null : { ...request, event: JSON.parse(request.body) };
};

describe("A-18 the app is told how it ended", () => {
  test("A-18 on success at once, signed for that URL and body, without any token", async () => {
    const webhook = hostile("/ok", { key: "told-success" });
    const { request } = await started(world.api, scene, { webhook });
    const user = browser(world.api, ORIGIN);
    await user.get((await atProvider(user, request)).back({ code: "secret-code" }));
    const told = await received("told-success");
    expect(told?.event).toEqual({
      type: "authorization.completed",
      request,
      status: "success",
      connector: { id: scene.connectorId, uid: scene.uid, type: "oauth" },
      subject: { type: "user", id: "ada" },
    });
    expect(told?.headers["webhook-id"]).toBe(request);
    expect(Number(told?.headers["webhook-timestamp"])).toBeGreaterThan(1e9);
    const token = told?.headers.authorization?.replace("Bearer ", "") ?? "";
    const jwks = (await world.api.get("/.well-known/jwks.json")).body;
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), {
      issuer: ORIGIN,
      audience: webhook,
      typ: "connect-authorization+jwt",
    });
    // Not the type of forwarded events, whose bodies a stranger at the provider may write.
    expect(protectedHeader).toMatchObject({ alg: "ES256", typ: "connect-authorization+jwt" });
    expect(payload).toMatchObject({ sub: `connector:${scene.connectorId}`, htm: "POST", htu: webhook });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(300);
    expect(payload.body_sha256).toBe(await sha256Base64url(told?.body ?? ""));
    expect(JSON.stringify([told, decodeJwt(token)])).not.toContain("secret-code");
    expect(await requestCount("told-success")).toBe(1);
    await upkeep();
    expect(await requestCount("told-success")).toBe(1);
  });

  test("A-18 on a refusal and an error, with our code", async () => {
    const endings: [string, (id: string) => Promise<unknown>, object][] = [
      [
        "told-canceled",
        (id) => browser(world.api, ORIGIN).decide(id, "cancel"),
        { status: "canceled", error: { code: "access_denied" } },
      ],
      [
        "told-error",
        async (id) => {
          const user = browser(world.api, ORIGIN);
          return user.get((await atProvider(user, id)).back({ error: "server_error" }));
        },
        { status: "error", error: { code: "upstream_rejected", vendor: { error: "server_error" } } },
      ],
    ];
    for (const [key, end, expected] of endings) {
      const { request } = await started(world.api, scene, { webhook: hostile("/ok", { key }) });
      await end(request);
      expect((await received(key))?.event).toMatchObject({ type: "authorization.failed", request, ...expected });
    }
  });

  test("A-18 on an expiry, by whoever cleans up, and its secrets go", async () => {
    const { request } = await started(world.api, scene, { webhook: hostile("/ok", { key: "told-expired" }) });
    await browser(world.api, ORIGIN).decide(request);
    expect(await nextUpkeepAtMs(world.services.db)).toBeGreaterThan(clock.now());
    clock.advance(11 * 60_000);
    await upkeep();
    expect((await received("told-expired"))?.event).toMatchObject({ type: "authorization.failed", status: "expired" });
    clock.reset();
  });

  test("A-18 an app that fails is told again, less and less often, and then no more", async () => {
    const { request } = await started(world.api, scene, { webhook: hostile("/status/500", { key: "told-again" }) });
    await browser(world.api, ORIGIN).decide(request, "cancel");
    expect(await requestCount("told-again")).toBe(1);
    for (let tries = 1; tries < MAX_TRIES; tries++) {
      clock.advance(retryAfterMs(tries) - 2000);
      await upkeep();
      expect(await requestCount("told-again")).toBe(tries);
      clock.advance(2001);
      await Promise.all([upkeep(), upkeep()]);
      expect(await requestCount("told-again")).toBe(tries + 1);
    }
    clock.advance(24 * 3_600_000);
    await upkeep();
    expect(await requestCount("told-again")).toBe(MAX_TRIES);
    expect(world.services.lines.join("\n")).toContain("authorization.webhook_given_up");
    clock.reset();
  });

  test("A-18 a redirect is not followed", async () => {
    const webhook = hostile("/redirect/307", { key: "told-redirect", to: hostile("/ok", { key: "elsewhere" }) });
    const { request } = await started(world.api, scene, { webhook });
    await browser(world.api, ORIGIN).decide(request, "cancel");
    expect([await requestCount("told-redirect"), await requestCount("elsewhere")]).toEqual([1, 0]);
  });
});

test("A-18 apps that keep us waiting hold up neither each other nor the work after them", async () => {
  const other = await userScene(world.api, "webhooks-other");
  const webhookOrigins = [new URL(hostile("/")).origin];
  const link = { environments: ["production"], webhookOrigins };
  await world.api.post(`/v1/connect/connectors/${other.connectorId}/projects/${other.projectId}`, link, other.owner);
  for (let count = 0; count < 12; count++) await started(world.api, scene, { webhook: hostile("/ok") });
  await started(world.api, other, { webhook: hostile("/ok", { key: "told-other" }) });
  clock.advance(11 * 60_000);
  let [waiting, most] = [0, 0];
  const fetch: typeof world.services.fetch = async (request) => {
    most = Math.max(most, ++waiting);
    await new Promise((resolve) => setTimeout(resolve, 50));
    waiting--;
    return world.services.fetch(request);
  };
  await keepUpRequests({ ...world.services, fetch, keys: async () => world.services.keys });
  expect(most).toBe(5);
  expect(await requestCount("told-other")).toBe(1);
  clock.reset();
});

test("a request is forgotten a week after its end", async () => {
  const { request, verifier } = await started(world.api, scene);
  await browser(world.api, ORIGIN).decide(request, "cancel");
  const status = async () => (await world.api.post("/v1/connect/result", { verifier }, scene.runtime)).status;
  clock.advance(7 * 24 * 3_600_000 - 60_000);
  await upkeep();
  expect(await status()).toBe(200);
  clock.advance(61_000);
  await upkeep();
  expect(await status()).toBe(404);
  clock.reset();
});
