import { createHash } from "node:crypto";
import type { AddressInfo } from "node:net";
import express from "express";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expressTrigger, type Trigger, type VerifyTriggerOptions } from "../../src/sdk/triggers/index.ts";

const ISSUER = "https://connect.example.com";
const AUDIENCE = "https://app.example.com/hooks";
const BODY = '{"b":1,  "a":2}';

describe("Express", () => {
  let server: ReturnType<ReturnType<typeof express>["listen"]>;
  let origin: string;
  let privateKey: Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];
  const seen: Trigger[] = [];

  beforeAll(async () => {
    const pair = await generateKeyPair("ES256", { extractable: true });
    privateKey = pair.privateKey;
    const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), alg: "ES256" }] };
    const options: VerifyTriggerOptions = { issuer: ISSUER, audience: AUDIENCE, jwks };
    const app = express();
    const keep: express.RequestHandler = (request, response) => {
      const { trigger } = request as { trigger?: Trigger };
      if (trigger !== undefined) seen.push(trigger);
      response.sendStatus(204);
    };
    app.post("/hooks", expressTrigger(options), keep);
    app.post("/raw", express.raw({ type: () => true }), expressTrigger(options), keep);
    app.post("/parsed", express.json(), expressTrigger(options), keep);
    app.post("/small", expressTrigger({ ...options, maxBodyBytes: 3 }), keep);
    server = app.listen(0, "127.0.0.1");
    await new Promise((settle) => server.once("listening", settle));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => {
    server.close();
  });

  async function send(path: string, claims: Record<string, unknown> = {}) {
    const now = Math.floor(Date.now() / 1000);
    const token = await new SignJWT({
      iss: ISSUER,
      aud: AUDIENCE,
      sub: "connector:scl_1",
      jti: "att_1",
      iat: now,
      exp: now + 300,
      htm: "POST",
      htu: origin + path,
      body_sha256: createHash("sha256").update(BODY).digest("base64url"),
      event_id: "evt_1",
      delivery_id: "dlv_1",
      trigger: { id: "scl_1", uid: "x/y", type: "oauth", service: "x" },
      ...claims,
    })
      .setProtectedHeader({ alg: "ES256", typ: "connect-webhook+jwt" })
      .sign(privateKey);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(origin + path, { method: "POST", headers, body: BODY });
    return { status: answer.status, text: await answer.text() };
  }

  test.for(["/hooks", "/raw"])("the bytes are those that were sent, at %s", async (path) => {
    expect((await send(path)).status).toBe(204);
    expect(seen.pop()?.text()).toBe(BODY);
  });

  test("a forged event does not reach the route", async () => {
    expect(await send("/hooks", { aud: "other" })).toEqual({
      status: 401,
      text: '{"error":{"code":"audience_mismatch"}}',
    });
    expect(await send("/hooks", { body_sha256: "x" })).toMatchObject({ status: 401 });
    expect(seen).toEqual([]);
  });

  test("a body that a parser has taken apart is refused, since its bytes are gone", async () => {
    expect(await send("/parsed")).toEqual({ status: 400, text: '{"error":{"code":"body_unreadable"}}' });
  });

  test("W-14 a body above the cap is refused", async () => {
    expect((await send("/small")).status).toBe(413);
  });
});
