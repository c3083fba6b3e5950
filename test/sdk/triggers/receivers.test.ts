import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/crypto/bytes.ts";
import { honoTrigger, type Trigger, triggerHandler } from "../../../src/sdk/triggers/index.ts";
import { BODY, options, request, token } from "./sender.ts";

describe("Hono", () => {
  const app = new Hono<{ Variables: { trigger: Trigger } }>();
  const handled: string[] = [];
  app.post("/github", honoTrigger(options), (c) => {
    handled.push(c.get("trigger").eventId);
    return c.json(c.get("trigger").json());
  });

  test("hands a verified event to the route, and nothing else", async () => {
    const answer = await app.request(request(await token()));
    expect([answer.status, await answer.text()]).toEqual([200, JSON.stringify(JSON.parse(BODY))]);
    const forged = await app.request(request(await token({ aud: "other" })));
    expect([forged.status, await forged.json()]).toEqual([401, { error: { code: "audience_mismatch" } }]);
    expect(forged.headers.get("cache-control")).toBe("no-store");
    expect(handled).toEqual(["evt_1"]);
  });
});

describe("a route handler as Next.js has them", () => {
  const POST = triggerHandler(options, async (trigger, _request, context: { params: Promise<{ team: string }> }) =>
    Response.json([trigger.deliveryId, (await context.params).team]),
  );
  const context = { params: Promise.resolve({ team: "a" }) };

  test("gets a verified event and the framework's own arguments", async () => {
    const answer = await POST(request(await token()), context);
    expect(await answer.json()).toEqual(["dlv_1", "a"]);
  });

  test("answers a refusal by itself: 413 for what is too long, 503 when it should be sent again", async () => {
    const small = triggerHandler({ ...options, maxBodyBytes: 1 }, () => new Response());
    expect((await small(request(await token()))).status).toBe(413);
    const { jwks: _, ...withoutKeys } = options;
    const offline = triggerHandler(
      { ...withoutKeys, fetch: () => Promise.reject(new TypeError()) },
      () => new Response(),
    );
    expect((await offline(request(await token()))).status).toBe(503);
  });

  test("fails aloud when the handler fails: that is no refusal", async () => {
    const broken = triggerHandler(options, () => {
      throw new Error("mine");
    });
    await expect(broken(request(await token()))).rejects.toThrow("mine");
  });
});

test("W-14 a body without a length is read up to the cap, and then let go", async () => {
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(utf8("x".repeat(1000)));
    },
  });
  const handle = triggerHandler({ ...options, maxBodyBytes: 5_000 }, () => new Response());
  expect((await handle(request(await token(), { body: endless }))).status).toBe(413);
  expect(pulled).toBeLessThan(20);
});
