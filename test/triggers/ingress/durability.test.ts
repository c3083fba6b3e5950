import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { ApiError } from "../../../src/errors.ts";
import { messageOfText } from "../../../src/triggers/events/message-codec.ts";
import { cloneBytes, MAX_INLINE_BYTES } from "../../../src/triggers/ingress/ingest-message.ts";
import { cloudflareIngestQueue } from "../../../src/triggers/ingress/ingest-queue.ts";
import { type Ingress, ingress } from "./hooks.ts";

const BODY = '{"ref":"refs/heads/main"}';

let at: Ingress;
beforeEach(async () => {
  at = await ingress();
});

async function blobKeys(): Promise<string[]> {
  return (await env.BLOBS.list()).objects.map(({ key }) => key);
}

describe("fault 47 a queue", () => {
  test("that refuses once is asked again, and the event is acknowledged", async () => {
    const { ingressId } = await at.trigger();
    at.queue.next = ["throw"];
    expect((await at.deliver(ingressId, BODY)).status).toBe(200);
    expect([at.queue.tries, at.queue.sent.length]).toEqual([2, 1]);
  });

  test("that refuses twice has the provider send it again, and that is no repeat to anybody", async () => {
    const { ingressId } = await at.trigger();
    at.queue.next = ["throw", "throw"];
    const answer = await at.deliver(ingressId, BODY, { id: "guid-retried" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(answer.headers.get("x-slack-no-retry")).toBeNull();
    expect(answer.text).not.toContain("Too Many Requests");
    const kept = await env.LEASES.list();
    expect(kept.keys).toEqual([]);
    expect((await at.deliver(ingressId, BODY, { id: "guid-retried" })).status).toBe(200);
    expect(at.queue.sent.map(({ event }) => event.dedupKey)).toEqual(["id:guid-retried"]);
  });

  test("that never answers is not waited for beyond what a provider would wait", async () => {
    const { ingressId } = await at.trigger();
    at.queue.next = ["hang", "hang"];
    const answer = await at.deliver(ingressId, BODY);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
  });

  test("is never acknowledged behind: its message is on disk first", async () => {
    const order: string[] = [];
    const ingest = {
      send: async () => {
        await scheduler.wait(30);
        order.push("stored");
      },
    };
    const watched = await ingress({ ingest });
    const { ingressId } = await watched.trigger();
    await watched.deliver(ingressId, BODY).then(() => order.push("answered"));
    expect(order).toEqual(["stored", "answered"]);
  });
});

describe("fault 48 a long payload", () => {
  test("is in the bucket before its message is sent", async () => {
    const body = "x".repeat(MAX_INLINE_BYTES + 1);
    const seen: string[][] = [];
    const ingest = { send: async () => void seen.push(await blobKeys()) };
    const watched = await ingress({ ingest });
    const { ingressId, connectorId } = await watched.trigger();
    expect((await watched.deliver(ingressId, body)).status).toBe(200);
    expect(seen[0]?.filter((key) => key.startsWith(`events/${connectorId}/evt_`)).length).toBe(1);
  });

  test("that is stored while its message is not leads to 503, and the repeat to an event of its own", async () => {
    const { ingressId } = await at.trigger();
    const body = "x".repeat(200_000);
    at.queue.next = ["throw", "throw"];
    expect((await at.deliver(ingressId, body)).status).toBe(503);
    expect((await at.deliver(ingressId, body)).status).toBe(200);
    expect((await at.payloadOf(at.queue.last)).length).toBe(200_000);
  });

  test("that cannot be stored is not acknowledged, and no message tells of it", async () => {
    const { ingressId } = await at.trigger();
    at.services.blobs.put = async () => {
      throw new ApiError("storage_unavailable");
    };
    expect((await at.deliver(ingressId, "x".repeat(200_000))).status).toBe(503);
    expect(at.queue.sent).toEqual([]);
  });
});

describe("fault 54 a message", () => {
  test("fits into the queue, whatever the size of its payload and of what else is kept", async () => {
    const real = cloudflareIngestQueue(env.INGEST);
    const sizes: number[] = [];
    const ingest = {
      send: async (message: Parameters<typeof real.send>[0]) => {
        sizes.push(message.payload.kind === "inline" ? message.payload.sealed.length : 0);
        await real.send(message);
      },
    };
    const watched = await ingress({ ingest });
    const { ingressId } = await watched.trigger();
    for (const size of [MAX_INLINE_BYTES - 1, MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1, 127_900, 128_000, 128_100]) {
      expect((await watched.deliver(ingressId, "x".repeat(size))).status, `${size} bytes`).toBe(200);
    }
    expect(sizes.filter((size) => size > 0).length).toBe(2);
    // The most that headers, tenants and type may add.
    const tenants = { installation: { id: "t".repeat(4_000) }, organization: { id: "o".repeat(4_000) } };
    const body = JSON.stringify({ ...tenants, padding: "" });
    const padded = JSON.stringify({ ...tenants, padding: "p".repeat(MAX_INLINE_BYTES - body.length) });
    const headers = { "user-agent": "u".repeat(4_000), "x-github-hook-id": "h".repeat(4_000) };
    expect((await watched.deliver(ingressId, padded, { headers })).status).toBe(200);
  });

  test("is never counted smaller than it is", () => {
    for (const text of ["", "plain", "ü".repeat(100), "\u{1f600}".repeat(100), "\0".repeat(50)]) {
      const value = { text, list: [text, text], at: 1, none: null };
      expect(cloneBytes(value)).toBeGreaterThanOrEqual(3 * text.length);
    }
  });
});

describe("with a journal", () => {
  test("an event is acknowledged once it is there, and goes on to the queue after that", async () => {
    const { ingressId } = await at.trigger({ journal: true });
    expect((await at.deliver(ingressId, BODY)).status).toBe(200);
    const { event, journalKey } = at.queue.last;
    expect(journalKey).toBe(`journal/${event.id}`);
    const kept = messageOfText((await (await env.BLOBS.get(`journal/${event.id}`))?.text()) ?? "");
    expect(kept).toEqual(at.queue.last);
    if (kept !== null) expect(new TextDecoder().decode(await at.payloadOf(kept))).toBe(BODY);
  });

  test("a queue that is down costs nothing: the journal has the event", async () => {
    const { ingressId } = await at.trigger({ journal: true });
    at.queue.next = ["throw"];
    expect((await at.deliver(ingressId, BODY)).status).toBe(200);
    expect(at.queue.sent).toEqual([]);
    expect((await blobKeys()).filter((key) => key.startsWith("journal/")).length).toBeGreaterThan(0);
    expect(at.services.lines.join()).toContain("deferred_work_failed");
  });

  test("a bucket that is down has the provider send it again", async () => {
    const { ingressId } = await at.trigger({ journal: true });
    at.services.blobs.put = async () => {
      throw new ApiError("storage_unavailable");
    };
    const answer = await at.deliver(ingressId, BODY);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(at.queue.sent).toEqual([]);
  });
});
