import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { utf8 } from "../../../src/crypto/bytes.ts";
import { sealBytes, sealOverhead } from "../../../src/crypto/envelope.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import { ApiError } from "../../../src/errors.ts";
import type { PayloadRef } from "../../../src/triggers/events/event.ts";
import {
  deletePayload,
  type PayloadDeps,
  payloadContext,
  readPayload,
  SEGMENT_BYTES,
} from "../../../src/triggers/events/payload-store.ts";
import { startPayload } from "../../../src/triggers/ingress/payload-writer.ts";
import { type TestServices, testServices } from "../../support/services.ts";

const teamId = "team_payloads";
const connectorId = "scl_payloads";

let services: TestServices;
let deps: PayloadDeps;
beforeAll(async () => {
  services = await testServices();
  deps = { keys: services.keys, blobs: services.blobs, teamId };
});

/** Bytes that are nowhere the same for long. */
function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(index, 2_654_435_761) ^ length;
  return new Uint8Array(words.buffer, 0, length);
}

async function stored(eventId: string, payload: Uint8Array<ArrayBuffer>, chunk = 700_001): Promise<PayloadRef> {
  const writer = startPayload(services, { teamId, connectorId, eventId });
  for (let offset = 0; offset < payload.length; offset += chunk) {
    await writer.write(payload.subarray(offset, offset + chunk));
  }
  return writer.finish();
}

/** The payload, or the code of what went wrong, whether at once or on the way. */
async function read(ref: PayloadRef, event: { id: string; size: number }): Promise<Uint8Array | string> {
  const opened = await readPayload(ref, event, deps);
  if (!opened.ok) return opened.failure.code;
  try {
    return new Uint8Array(await new Response(opened.value).arrayBuffer());
  } catch (thrown) {
    return thrown instanceof ApiError ? thrown.failure.code : String(thrown);
  }
}

async function same(a: Uint8Array | string, b: Uint8Array): Promise<boolean> {
  return typeof a !== "string" && a.length === b.length && crypto.subtle.timingSafeEqual(a, b);
}

describe("a payload in segments", () => {
  test("comes back whole at every length around a segment's end", { timeout: 30_000 }, async () => {
    for (const length of [1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES]) {
      const payload = bytesOf(length);
      const id = `evt_length${length}`;
      const ref = await stored(id, payload);
      expect(await same(await read(ref, { id, size: length }), payload), `${length} bytes`).toBe(true);
    }
  });

  test("W-13 lies in the bucket sealed only", async () => {
    const marker = "PLAINTEXT-MARKER-OF-A-PAYLOAD";
    const ref = await stored("evt_marker", utf8(marker.repeat(50)));
    const raw = await env.BLOBS.get(ref.kind === "blob" ? ref.key : "");
    expect(await raw?.text()).not.toContain(marker);
  });

  test("does not open when segments are swapped, repeated or cut off, or belong to another event", {
    timeout: 30_000,
  }, async () => {
    const payload = bytesOf(2 * SEGMENT_BYTES + 10);
    const event = { id: "evt_tampered", size: payload.length };
    const ref = await stored(event.id, payload);
    if (ref.kind !== "blob") throw new Error("not a blob");
    const sealed = new Uint8Array(await new Response((await env.BLOBS.get(ref.key))?.body).arrayBuffer());
    const length = SEGMENT_BYTES + sealOverhead(ref.kid);
    const [first, second, last] = [sealed.slice(0, length), sealed.slice(length, 2 * length), sealed.slice(2 * length)];

    const put = (...parts: Uint8Array<ArrayBuffer>[]) => env.BLOBS.put(ref.key, new Blob(parts));
    await put(second, first, last);
    expect(await read(ref, event)).toBe("decryption_failed");
    await put(first, first, last);
    expect(await read(ref, event)).not.toBeInstanceOf(Uint8Array);
    await put(first, second);
    expect(await read(ref, event)).not.toBeInstanceOf(Uint8Array);
    // Cut at a segment's end, with a size in the event log that fits the cut.
    expect(await read(ref, { id: event.id, size: 2 * SEGMENT_BYTES })).not.toBeInstanceOf(Uint8Array);
    await put(first, second, last);
    expect(await read(ref, { id: "evt_other", size: payload.length })).toBe("decryption_failed");
    expect(await same(await read(ref, event), payload)).toBe(true);
  });

  test("fault 48 that is missing or corrupt is told apart, and nothing of it is handed out", async () => {
    const event = { id: "evt_corrupt", size: 4_000 };
    const ref = await stored(event.id, bytesOf(event.size));
    if (ref.kind !== "blob") throw new Error("not a blob");
    const sealed = new Uint8Array((await (await env.BLOBS.get(ref.key))?.arrayBuffer()) ?? new ArrayBuffer());
    sealed[sealed.length - 20] = (sealed.at(-20) ?? 0) ^ 1;
    await env.BLOBS.put(ref.key, sealed);
    expect(await read(ref, event)).toBe("decryption_failed");
    await deletePayload(ref, deps);
    expect(await read(ref, event)).toBe("gone");
    expect(await env.BLOBS.head(ref.key)).toBeNull();
  });

  test("leaves nothing when it is given up", async () => {
    const place = { teamId, connectorId, eventId: "evt_given_up" };
    const writer = startPayload(services, place);
    await writer.write(bytesOf(SEGMENT_BYTES + 5));
    await writer.abort();
    expect(await services.blobs.list(`events/${connectorId}/evt_given_up`, null, 10)).toEqual([]);
  });
});

test("an inline payload opens for its own event only", async () => {
  const payload = bytesOf(500);
  const sealed = await sealBytes(services.keys, payloadContext(teamId, "evt_inline"), payload, randomBytes);
  expect(await same(await read({ kind: "inline", sealed }, { id: "evt_inline", size: 500 }), payload)).toBe(true);
  expect(await read({ kind: "inline", sealed }, { id: "evt_elsewhere", size: 500 })).toBe("decryption_failed");
  expect(await read({ kind: "gone" }, { id: "evt_inline", size: 500 })).toBe("gone");
});
