import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { openTriggerSecrets } from "../../../src/triggers/settings/trigger-secrets.ts";
import { findTrigger } from "../../../src/triggers/settings/trigger-store.ts";
import { hmacHex, type Ingress, ingress, SECRET } from "./hooks.ts";

let at: Ingress;
beforeEach(async () => {
  at = await ingress();
});

async function secretsOf(connectorId: string): Promise<string[]> {
  const trigger = await findTrigger(at.services.db, connectorId);
  if (trigger === null) throw new Error("there is no such trigger");
  const opened = await openTriggerSecrets(at.services.keys, at.teamId, trigger);
  return opened.ok ? opened.value.map(({ value }) => value.expose()) : [opened.failure.code];
}

describe("a provider's own questions", () => {
  test("fault 34 are answered when they are signed, and nothing of an unsigned one comes back", async () => {
    const { ingressId } = await at.trigger({ provider: "slack" });
    const body = JSON.stringify({ type: "url_verification", challenge: "abc123", token: "x" });
    const seconds = String(Math.floor(at.clock.nowMs / 1000));
    const headers = {
      "content-type": "application/json",
      "x-slack-request-timestamp": seconds,
      "x-slack-signature": `v0=${await hmacHex(SECRET, `v0:${seconds}:${body}`)}`,
    };
    const answer = await at.call(ingressId, { body, headers });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain("abc123");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    const { "x-slack-signature": _, ...unsigned } = headers;
    for (const forged of [{ ...headers, "x-slack-signature": "v0=00" }, unsigned]) {
      const refused = await at.call(ingressId, { body, headers: forged });
      expect([refused.status, refused.text.includes("abc123")]).toEqual([401, false]);
    }
    expect(at.queue.sent).toEqual([]);
    expect(at.services.points.map((point) => "verdict" in point && point.verdict)).toContain("handshake");
  });

  test("fault 34 that come by GET are answered as plain text, never as a page", async () => {
    const { ingressId } = await at.trigger({ provider: "dropbox" });
    const url = `/hooks/${ingressId}?challenge=${encodeURIComponent("<script>alert(1)</script>")}`;
    const hostile = await at.call(ingressId, { method: "GET", url });
    expect([hostile.status, hostile.text.includes("script")]).toEqual([400, false]);
    const plain = await at.call(ingressId, { method: "GET", url: `/hooks/${ingressId}?challenge=abc123` });
    expect([plain.status, plain.text]).toEqual([200, "abc123"]);
    expect(plain.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    for (const { headers } of [hostile, plain]) expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(at.queue.sent).toEqual([]);
  });
});

describe("a secret that a handshake brings", () => {
  const shake = (ingressId: string, secret: string) =>
    at.call(ingressId, { body: "", headers: { "x-hook-secret": secret } });
  const event = async (ingressId: string, secret: string) => {
    const body = '{"events":[{"action":"added","resource":{"gid":"1"}}]}';
    return at.call(ingressId, { body, headers: { "x-hook-signature": await hmacHex(secret, body) } });
  };
  const first = "a".repeat(32);
  const second = "b".repeat(32);

  test("is kept sealed, answered with itself, and verifies from the next request on", async () => {
    const { ingressId, connectorId } = await at.trigger({ provider: "asana", secrets: [], pendingVerification: true });
    const answer = await shake(ingressId, first);
    expect([answer.status, answer.headers.get("x-hook-secret")]).toEqual([200, first]);
    expect(await secretsOf(connectorId)).toEqual([first]);
    const row = await env.DB.prepare("SELECT * FROM triggers WHERE connector_id = ?").bind(connectorId).first();
    expect(JSON.stringify(row)).not.toContain(first);
    expect((await event(ingressId, first)).status).toBe(200);
    expect(at.queue.sent.length).toBe(1);
  });

  test("fault 35 is not replaced by a second one, neither before the first event nor after", async () => {
    const { ingressId, connectorId } = await at.trigger({ provider: "asana", secrets: [], pendingVerification: true });
    await shake(ingressId, first);
    for (let times = 0; times < 2; times++) {
      const takeover = await shake(ingressId, second);
      expect([takeover.status, takeover.headers.get("x-hook-secret")]).toEqual([401, null]);
      expect(await secretsOf(connectorId)).toEqual([first]);
      expect((await event(ingressId, second)).status).toBe(401);
      expect((await event(ingressId, first)).status).toBe(200);
    }
  });

  test("fault 35 is not taken by an isolate whose settings are from before the first one", async () => {
    const { ingressId, connectorId } = await at.trigger({ provider: "asana", secrets: [], pendingVerification: true });
    const stale = await ingress();
    await stale.call(ingressId, { method: "HEAD" });
    await shake(ingressId, first);
    const takeover = await stale.call(ingressId, { body: "", headers: { "x-hook-secret": second } });
    expect(takeover.status).toBe(401);
    expect(await secretsOf(connectorId)).toEqual([first]);
    // It finds the first one by itself.
    const body = '{"events":[{"action":"added"}]}';
    const headers = { "x-hook-signature": await hmacHex(first, body) };
    expect((await stale.call(ingressId, { body, headers })).status).toBe(200);
  });
});
