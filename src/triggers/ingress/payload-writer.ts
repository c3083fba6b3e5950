import { sealBytes } from "../../crypto/envelope.ts";
import type { Services } from "../../services.ts";
import type { BlobUpload } from "../../store/blob-store.ts";
import type { PayloadRef } from "../events/event.ts";
import { payloadContext, payloadKey, SEGMENT_BYTES } from "../events/payload-store.ts";

/** A payload on its way into a blob. */
export interface PayloadWriter {
  write(bytes: Uint8Array): Promise<void>;
  /** The payload is stored. */
  finish(): Promise<PayloadRef>;
  /** Nothing of it stays; what could not be removed is left to the bucket's rule for unfinished uploads. */
  abort(): Promise<void>;
}

/** Stores a payload of unknown length as sealed segments, with one of them in memory. Throws `storage_unavailable`. */
export function startPayload(
  { keys, blobs, randomBytes }: Pick<Services, "keys" | "blobs" | "randomBytes">,
  place: { teamId: string; connectorId: string; eventId: string },
): PayloadWriter {
  const key = payloadKey(place.connectorId, place.eventId);
  const kid = keys.primaryKid;
  const segment = new Uint8Array(SEGMENT_BYTES);
  let filled = 0;
  let index = 0;
  let upload: BlobUpload | null = null;

  /** Only what follows shows that a segment was not the last. */
  async function flush(last: boolean): Promise<void> {
    upload ??= await blobs.startUpload(key);
    const context = payloadContext(place.teamId, place.eventId, { index, last });
    await upload.write(await sealBytes(keys, context, segment.subarray(0, filled), randomBytes));
    index += 1;
    filled = 0;
  }

  return {
    async write(bytes) {
      for (let offset = 0; offset < bytes.length; ) {
        if (filled === SEGMENT_BYTES) await flush(false);
        const piece = bytes.subarray(offset, offset + SEGMENT_BYTES - filled);
        segment.set(piece, filled);
        filled += piece.length;
        offset += piece.length;
      }
    },
    async finish() {
      await flush(true);
      await upload?.complete();
      return { kind: "blob", key, kid, segmentBytes: SEGMENT_BYTES };
    },
    async abort() {
      await upload?.abort();
      upload = null;
    },
  };
}
