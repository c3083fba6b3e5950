import { sealBytes } from "../../crypto/envelope.ts";
import type { Services } from "../../services.ts";
import type { EventRecord, IngestMessage, PayloadRef } from "../events/event.ts";
import { payloadContext, payloadKey } from "../events/payload-store.ts";

/** Longer payloads lie in a blob before their message is sent (bytes). */
export const MAX_INLINE_BYTES = 90_000;
/** A queue takes 128,000 bytes, about 100 of them for itself; the rest is room for an answer that a destination gave. */
const MAX_MESSAGE_BYTES = 117_000;

/** An event's payload sealed: in the message that tells of it, or, where that would be too long, in a blob. */
export async function sealPayload(
  event: EventRecord,
  bytes: Uint8Array<ArrayBuffer>,
  { keys, blobs, randomBytes }: Pick<Services, "keys" | "blobs" | "randomBytes">,
  teamId: string,
): Promise<PayloadRef> {
  const sealed = await sealBytes(keys, payloadContext(teamId, event.id), bytes, randomBytes);
  if (bytes.length <= MAX_INLINE_BYTES && sealed.length + cloneBytes(event) <= MAX_MESSAGE_BYTES) {
    return { kind: "inline", sealed };
  }
  const key = payloadKey(event.connectorId, event.id);
  await blobs.put(key, sealed);
  return { kind: "blob", key, kid: keys.primaryKid, segmentBytes: bytes.length };
}

/** At most so many bytes has a structured clone: a character takes one, or two if its text has any beyond Latin-1. */
export function cloneBytes(value: unknown): number {
  return 2 * JSON.stringify(value).length;
}

/** The message that tells of an event, as nobody has answered it yet. */
export function ingestMessage(event: EventRecord, payload: PayloadRef, journalKey: string | null): IngestMessage {
  return { v: 1, event, payload, journalKey, responded: null };
}
