import { openBytes, type SealContext, sealOverhead } from "../../crypto/envelope.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import { ApiError, fail, ok, type Result } from "../../errors.ts";
import { type BlobStore, MIN_PART_BYTES } from "../../store/blob-store.ts";
import type { PayloadRef } from "./event.ts";

/** Longer payloads are not held in memory whole. */
export const MAX_WHOLE_BYTES = 1024 * 1024;
/** Of plaintext in each segment of a longer one but the last: sealed, it is a part of an upload. */
export const SEGMENT_BYTES = MIN_PART_BYTES;

/** Which piece of a payload an envelope holds. A payload that was not cut has one, the last. */
export interface Segment {
  index: number;
  last: boolean;
}

export const WHOLE: Segment = { index: 0, last: true };

/**
 * Where a segment of a payload lies. Its number and whether it is the last are bound in, so that segments that were
 * swapped, repeated, cut off or taken from another event do not open.
 */
export function payloadContext(team: string, eventId: string, { index, last }: Segment = WHOLE): SealContext {
  return { team, table: "events", column: last ? "payload.last" : "payload", rowId: eventId, generation: index };
}

/** The key of a payload's blob. */
export function payloadKey(connectorId: string, eventId: string): string {
  return `events/${connectorId}/${eventId}`;
}

export interface PayloadDeps {
  keys: KeyRing;
  blobs: BlobStore;
  teamId: string;
}

/**
 * The payload of an event: whole up to 1 MiB, else a stream of its segments, of which memory holds one at a time.
 * `gone` when it was purged or its blob is missing; `key_missing` and `decryption_failed` as of any envelope. A stream
 * breaks off with the same failures, as an `ApiError`. Throws `storage_unavailable`.
 */
export async function readPayload(
  ref: PayloadRef,
  event: { id: string; size: number },
  { keys, blobs, teamId }: PayloadDeps,
): Promise<Result<ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer>>> {
  if (ref.kind === "gone") return gone(event.id);
  if (ref.kind === "inline") return openBytes(keys, payloadContext(teamId, event.id), ref.sealed);

  const { key, kid, segmentBytes } = ref;
  const sealedBytes = segmentBytes + sealOverhead(kid);
  const count = Math.max(1, Math.ceil(event.size / segmentBytes));
  const segment = async (index: number): Promise<Result<Uint8Array<ArrayBuffer>>> => {
    const sealed = await blobs.range(key, index * sealedBytes, sealedBytes);
    if (sealed === null) return gone(event.id);
    return openBytes(keys, payloadContext(teamId, event.id, { index, last: index === count - 1 }), sealed);
  };
  const first = await segment(0);
  if (!first.ok || count === 1) return first;

  let next = 1;
  const rest = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
    const opened = await segment(next++);
    if (!opened.ok) throw ApiError.from(opened.failure);
    controller.enqueue(opened.value);
    if (next === count) controller.close();
  };
  return ok(
    new ReadableStream<Uint8Array<ArrayBuffer>>(
      { start: (controller) => controller.enqueue(first.value), pull: rest },
      // Nothing is read ahead.
      { highWaterMark: 0 },
    ),
  );
}

/** Removes what lies outside of the row or message that holds the reference. */
export async function deletePayload(ref: PayloadRef, { blobs }: Pick<PayloadDeps, "blobs">): Promise<void> {
  if (ref.kind === "blob") await blobs.delete([ref.key]);
}

function gone(eventId: string) {
  return fail("gone", { reason: `the payload of ${eventId} is not kept any more` });
}
