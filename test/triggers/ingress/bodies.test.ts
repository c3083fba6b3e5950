import { beforeEach, describe, expect, test } from "vitest";
import { ApiError } from "../../../src/errors.ts";
import { MAX_WHOLE_BYTES, SEGMENT_BYTES } from "../../../src/triggers/events/payload-store.ts";
import { chunked, hmacHex, type Ingress, ingress, SECRET } from "./hooks.ts";

const MIB = 1024 * 1024;

let at: Ingress;
beforeEach(async () => {
  at = await ingress();
});

/** A JSON body of exactly so many bytes. */
function bodyOf(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size).fill(0x61);
  const [head, tail] = [new TextEncoder().encode('{"ref":"'), new TextEncoder().encode('"}')];
  bytes.set(head);
  bytes.set(tail, size - tail.length);
  return bytes;
}

async function signed(body: Uint8Array<ArrayBuffer>, secret = SECRET): Promise<Record<string, string>> {
  return {
    "content-type": "application/json",
    "x-github-event": "push",
    "x-github-delivery": crypto.randomUUID(),
    "x-hub-signature-256": `sha256=${await hmacHex(secret, body)}`,
  };
}

/** What becomes of the uploads that the ingress starts from here on. */
function watchedUploads(): string[] {
  const seen: string[] = [];
  const start = at.services.blobs.startUpload;
  at.services.blobs.startUpload = async (key) => {
    const upload = await start(key);
    seen.push("started");
    return {
      ...upload,
      complete: () => upload.complete().then(() => void seen.push("completed")),
      abort: () => upload.abort().then(() => void seen.push("aborted")),
    };
  };
  return seen;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && crypto.subtle.timingSafeEqual(a, b);
}

describe("a body", () => {
  test("fault 21 that is encoded is 415, even with a signature over the encoded bytes", async () => {
    const { ingressId } = await at.trigger();
    const stream = chunked(bodyOf(300)).pipeThrough(new CompressionStream("gzip"));
    const gzip = new Uint8Array(await new Response(stream).arrayBuffer());
    for (const encoding of ["gzip", "br", "deflate", "identity, gzip"]) {
      const headers = { ...(await signed(gzip)), "content-encoding": encoding };
      expect((await at.call(ingressId, { body: gzip, headers })).status, encoding).toBe(415);
    }
    const plain = bodyOf(300);
    const headers = { ...(await signed(plain)), "content-encoding": "identity" };
    expect((await at.call(ingressId, { body: plain, headers })).status).toBe(200);
  });

  test("W-14 is 413 beyond the connector's limit, announced or not, and no more than that is read", async () => {
    const { ingressId } = await at.trigger({ maxBodyBytes: 1_000 });
    const [fits, tooLong] = [bodyOf(1_000), bodyOf(1_001)];
    expect((await at.call(ingressId, { body: fits, headers: await signed(fits) })).status).toBe(200);
    expect((await at.call(ingressId, { body: tooLong, headers: await signed(tooLong) })).status).toBe(413);
    const stream = chunked(tooLong, 100);
    const answer = await at.call(ingressId, { body: stream, headers: await signed(tooLong) });
    expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([413, "payload_too_large"]);
    expect(at.queue.sent.length).toBe(1);
  });

  test("W-14 that comes byte by byte is judged as one that comes at once", async () => {
    const { ingressId } = await at.trigger({ events: ["issues"] });
    const body = bodyOf(150_000);
    for (const [secret, status] of [
      [SECRET, 200],
      ["a guess", 401],
    ] as const) {
      const headers = await signed(body, secret);
      expect((await at.call(ingressId, { body: chunked(body, 1), headers })).status).toBe(status);
    }
  });

  test("fault 22 W-14 in chunks without a length is stopped at the cap, not at its end", async () => {
    const { ingressId } = await at.trigger();
    let produced = 0;
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        produced += 65_536;
        if (produced > 20 * MIB) controller.close();
        else controller.enqueue(new Uint8Array(65_536));
      },
    });
    expect((await at.call(ingressId, { body: endless, headers: await signed(bodyOf(20)) })).status).toBe(413);
    expect(produced).toBeLessThan(2 * MIB);
    const small = bodyOf(5_000);
    expect((await at.call(ingressId, { body: chunked(small, 999), headers: await signed(small) })).status).toBe(200);
    expect(same(await at.payloadOf(at.queue.last), small)).toBe(true);
  });

  test("fault 23 whose Content-Length is another than its length is refused, not cut or awaited", async () => {
    const { ingressId } = await at.trigger();
    const body = bodyOf(500);
    for (const [length, expected] of [
      ["499", 400],
      ["501", 400],
      ["0", 400],
      ["1e3", 400],
      ["18446744073709551616", 413],
      // What is no length at all counts as none: then the bytes are all that is judged.
      ["-1", 200],
      ["nonsense", 200],
    ] as const) {
      const headers = { ...(await signed(body)), "content-length": length };
      const { status } = await at.call(ingressId, { body: chunked(body, 100), headers });
      expect(status, length).toBe(expected);
    }
    expect(at.queue.sent.map(({ event }) => event.size)).toEqual([500, 500]);
  });

  test("fault 24 W-14 of 64 MB is refused by its announcement, or after what a connector may accept at most", {
    timeout: 30_000,
  }, async () => {
    const { ingressId } = await at.trigger({ maxBodyBytes: 25 * MIB });
    const announced = { ...(await signed(bodyOf(20))), "content-length": String(64_000_000) };
    const untouched = new ReadableStream({
      pull() {
        throw new Error("the body was read");
      },
    });
    expect((await at.call(ingressId, { body: untouched, headers: announced })).status).toBe(413);
    let produced = 0;
    const long = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        produced += MIB;
        if (produced > 64 * MIB) controller.close();
        else controller.enqueue(new Uint8Array(MIB));
      },
    });
    expect((await at.call(ingressId, { body: long, headers: await signed(bodyOf(20)) })).status).toBe(413);
    expect(produced).toBeLessThan(28 * MIB);
    expect(await at.services.blobs.list("events/", null, 10)).toEqual([]);
  });

  test("that breaks off is 400 and nothing of it is kept", async () => {
    const { ingressId } = await at.trigger({ maxBodyBytes: 25 * MIB });
    for (const chunks of [2, 40]) {
      let left = chunks;
      const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          if (left-- === 0) controller.error(new Error("the connection was reset"));
          else controller.enqueue(new Uint8Array(65_536));
        },
      });
      expect((await at.call(ingressId, { body: broken, headers: await signed(bodyOf(20)) })).status).toBe(400);
    }
    expect(await at.services.blobs.list("events/", null, 10)).toEqual([]);
    expect(at.queue.sent).toEqual([]);
  });
});

describe("a body of more than a mebibyte", () => {
  test("is verified while it comes, and stored in sealed segments", { timeout: 30_000 }, async () => {
    const { ingressId, connectorId } = await at.trigger({ maxBodyBytes: 25 * MIB });
    for (const size of [MAX_WHOLE_BYTES, MAX_WHOLE_BYTES + 1, SEGMENT_BYTES + 7, 12 * MIB]) {
      const body = bodyOf(size);
      expect((await at.call(ingressId, { body: chunked(body), headers: await signed(body) })).status).toBe(200);
      const { event, payload } = at.queue.last;
      expect([event.size, payload.kind]).toEqual([size, "blob"]);
      expect(payload.kind === "blob" && payload.key).toBe(`events/${connectorId}/${event.id}`);
      expect(same(await at.payloadOf(at.queue.last), body), `${size} bytes`).toBe(true);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
      expect(event.bodySha256).toBe(digest.toBase64({ alphabet: "base64url", omitPadding: true }));
    }
  });

  test("W-01 that does not verify leaves nothing behind", async () => {
    const uploads = watchedUploads();
    const { ingressId, connectorId } = await at.trigger({ maxBodyBytes: 25 * MIB });
    const body = bodyOf(6 * MIB);
    const headers = await signed(body);
    body[3 * MIB] = 0x62;
    expect((await at.call(ingressId, { body: chunked(body), headers })).status).toBe(401);
    expect(at.queue.sent).toEqual([]);
    expect(uploads).toEqual(["started", "aborted"]);
    expect(await at.services.blobs.list(`events/${connectorId}/`, null, 10)).toEqual([]);
  });

  test("that nobody wants leaves nothing behind", async () => {
    const uploads = watchedUploads();
    const { ingressId, connectorId } = await at.trigger({ maxBodyBytes: 25 * MIB, events: ["issues"] });
    const body = bodyOf(6 * MIB);
    expect((await at.call(ingressId, { body: chunked(body), headers: await signed(body) })).status).toBe(200);
    expect(at.queue.sent).toEqual([]);
    expect(uploads).toEqual(["started", "aborted"]);
    expect(await at.services.blobs.list(`events/${connectorId}/`, null, 10)).toEqual([]);
  });

  test("is verified by the secret of this moment, or by the last known one while the database is down", {
    timeout: 30_000,
  }, async () => {
    const { ingressId, connectorId } = await at.trigger({ maxBodyBytes: 25 * MIB });
    const body = bodyOf(2 * MIB);
    await at.call(ingressId, { method: "HEAD" });
    await at.rotate(connectorId, [{ value: "the new one" }]);
    expect((await at.call(ingressId, { body, headers: await signed(body, "the new one") })).status).toBe(200);
    expect((await at.call(ingressId, { body, headers: await signed(body) })).status).toBe(401);
    at.services.db.first = async () => {
      throw new ApiError("storage_unavailable");
    };
    expect((await at.call(ingressId, { body, headers: await signed(body, "the new one") })).status).toBe(200);
    const unknown = await at.call(ingressId, { body, headers: await signed(body, "perhaps the next one") });
    expect([unknown.status, JSON.parse(unknown.text).error.code]).toEqual([503, "storage_unavailable"]);
  });

  test("that is judged as a whole may have five of them", { timeout: 30_000 }, async () => {
    const { ingressId } = await at.trigger({ provider: "x", maxBodyBytes: 25 * MIB });
    for (const [size, status] of [
      [5 * MIB, 200],
      [5 * MIB + 1, 413],
    ] as const) {
      const body = bodyOf(size);
      const mac = Uint8Array.fromHex(await hmacHex(SECRET, body)).toBase64();
      const headers = { "x-twitter-webhooks-signature": `sha256=${mac}` };
      expect((await at.call(ingressId, { body, headers })).status).toBe(status);
    }
  });

  test("never asks for more memory than a few segments at once", { timeout: 30_000 }, async () => {
    const { ingressId } = await at.trigger({ maxBodyBytes: 25 * MIB });
    const { blobs } = at.services;
    let longest = 0;
    const start = blobs.startUpload;
    at.services.blobs.startUpload = async (key) => {
      const upload = await start(key);
      return {
        ...upload,
        write: (part) => {
          longest = Math.max(longest, part.length);
          return upload.write(part);
        },
      };
    };
    const body = bodyOf(25 * MIB);
    expect((await at.call(ingressId, { body: chunked(body), headers: await signed(body) })).status).toBe(200);
    expect(longest).toBeLessThan(SEGMENT_BYTES + 200);
    expect(at.queue.last.event.size).toBe(25 * MIB);
  });
});
