import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { storedContentType, storedHeaders } from "../../../src/triggers/ingress/stored-headers.ts";
import { hmacHex, type Ingress, ingress, SECRET } from "./hooks.ts";

const BODY = '{"ref":"refs/heads/main"}';

let at: Ingress;
beforeEach(async () => {
  at = await ingress();
});

describe("W-09 what goes on to destinations", () => {
  test("is the provider's own headers only", async () => {
    const { ingressId } = await at.trigger();
    const smuggled = {
      authorization: "Bearer stolen",
      cookie: "session=1",
      connection: "x-github-hook-id, keep-alive",
      "x-github-hook-id": "7",
      "x-forwarded-for": "192.0.2.1",
      "x-vercel-id": "1",
      "x-trigger-signature": "forged",
      "cf-connecting-ip": "192.0.2.1",
      "webhook-signature": "v1,forged",
      "x-anything": "else",
      te: "trailers",
    };
    expect((await at.deliver(ingressId, BODY, { headers: smuggled, id: "guid" })).status).toBe(200);
    const { headers } = at.queue.last.event;
    for (const name of Object.keys(smuggled)) expect(headers, name).not.toHaveProperty(name);
    expect(headers).toMatchObject({ "x-github-event": "push", "x-github-delivery": "guid" });
  });

  test("is never a shared secret, even where a recipe's list names it", () => {
    const sent = new Headers({ "x-gitlab-token": "shared", "x-gitlab-event": "Push Hook" });
    const recipe = { forwardedHeaders: ["x-gitlab-event", "x-gitlab-token"], strippedHeaders: ["x-gitlab-token"] };
    expect(storedHeaders(sent, recipe)).toEqual({ "x-gitlab-event": "Push Hook" });
  });

  test("leaves out what no header can carry again, and what is too long", () => {
    const sent = new Headers({
      a: "x".repeat(4_097),
      b: "x".repeat(4_096),
      c: "tab\tis fine",
      "content-type": "x".repeat(300),
    });
    const strippedHeaders: string[] = [];
    expect(storedHeaders(sent, { forwardedHeaders: ["a", "b", "c"], strippedHeaders })).toEqual({
      b: "x".repeat(4_096),
      c: "tab\tis fine",
    });
    expect(storedContentType(sent)).toBeNull();
    const many = Array.from({ length: 10 }, (_, index) => `x-${index}`);
    const long = new Headers(many.map((name) => [name, "y".repeat(4_000)]));
    const kept = storedHeaders(long, { forwardedHeaders: many, strippedHeaders });
    expect(JSON.stringify(kept).length).toBeLessThan(17_000);
  });

  test("fault 29 does not depend on how a provider writes its headers", async () => {
    const { ingressId } = await at.trigger();
    const headers = {
      "X-GITHUB-EVENT": "push",
      "x-GitHub-Delivery": "guid-case",
      "X-HUB-SIGNATURE-256": `sha256=${await hmacHex(SECRET, BODY)}`,
    };
    expect((await at.call(ingressId, { body: BODY, headers })).status).toBe(200);
    expect(at.queue.last.event.headers["x-github-delivery"]).toBe("guid-case");
  });
});

describe("W-13 a payload", () => {
  const marker = "PLAINTEXT-OF-A-CUSTOMER";

  test("is nowhere in plain text: not in a queue's message, a bucket, KV, a database or a log", async () => {
    const plain = await at.trigger();
    const journaled = await at.trigger({ journal: true });
    for (const { ingressId } of [plain, journaled]) {
      for (const size of [10, 100_000]) {
        const body = JSON.stringify({ text: `${marker} ${SECRET}`, padding: "p".repeat(size) });
        expect((await at.deliver(ingressId, body)).status).toBe(200);
        await at.deliver(ingressId, body, { secret: "a guess" });
      }
    }
    const everything: string[] = [...at.services.lines, JSON.stringify(at.services.points)];
    for (const message of at.queue.sent) everything.push(textOf(message));
    for (const { key } of (await env.BLOBS.list()).objects) {
      everything.push(key, new TextDecoder("latin1").decode(await (await env.BLOBS.get(key))?.arrayBuffer()));
    }
    for (const { name } of (await env.LEASES.list()).keys) everything.push(name, (await env.LEASES.get(name)) ?? "");
    for (const db of [env.DB, env.EVENTS]) {
      const tables = await db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'")
        .all();
      for (const { name } of tables.results) {
        everything.push(JSON.stringify((await db.prepare(`SELECT * FROM ${name}`).all()).results));
      }
    }
    expect(at.queue.sent.length).toBe(4);
    for (const text of everything) {
      expect(text.includes(marker)).toBe(false);
      expect(text.includes(SECRET)).toBe(false);
    }
  });

  test("with a shared secret in it is kept with that blanked", async () => {
    const { ingressId } = await at.trigger({ provider: "figma", secrets: [{ value: "the passcode" }] });
    const body = JSON.stringify({
      event_type: "FILE_UPDATE",
      passcode: "the passcode",
      webhook_id: "22",
      timestamp: "2026-01-01T00:00:00Z",
    });
    const { status } = await at.call(ingressId, { body, headers: { "content-type": "application/json" } });
    expect(status).toBe(200);
    const kept = new TextDecoder().decode(await at.payloadOf(at.queue.last));
    expect(kept).not.toContain("the passcode");
    expect(JSON.parse(kept)).toMatchObject({ event_type: "FILE_UPDATE", webhook_id: "22" });
    expect(at.queue.last.event.size).toBe(kept.length);
  });
});

function textOf(message: { payload: { kind: string; sealed?: Uint8Array } }): string {
  const { sealed } = message.payload;
  return JSON.stringify(message) + (sealed === undefined ? "" : new TextDecoder("latin1").decode(sealed));
}
