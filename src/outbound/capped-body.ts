import { Pieces } from "../crypto/pieces.ts";
import type { Deadline } from "./deadline.ts";

/**
 * The whole body, or null as soon as it has more than `maxBytes`; the rest is then canceled, never read. Counts what
 * the platform has decompressed, so a small answer that inflates is caught. Rejects when the connection fails or
 * the deadline passes.
 */
export async function readCapped(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  deadline: Pick<Deadline, "race">,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (stream === null) return new Uint8Array();
  const reader = stream.getReader();
  const pieces = new Pieces();
  let complete = false;
  try {
    while (true) {
      const { done, value } = await deadline.race(reader.read());
      if (done) {
        complete = true;
        return pieces.joined();
      }
      pieces.add(value);
      if (pieces.size > maxBytes) return null;
    }
  } finally {
    // Not awaited: a peer that does not even let go must not hold the answer up.
    if (!complete) reader.cancel().catch(() => {});
  }
}

/**
 * The first bytes of the body, at most `maxBytes`, as far as they came before it broke off or the deadline passed; the
 * rest is canceled.
 */
export async function readFirst(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  deadline: Pick<Deadline, "race">,
): Promise<Uint8Array<ArrayBuffer>> {
  if (stream === null) return new Uint8Array();
  const reader = stream.getReader();
  const pieces = new Pieces();
  try {
    while (pieces.size < maxBytes) {
      const { done, value } = await deadline.race(reader.read());
      if (done) break;
      pieces.add(value.subarray(0, maxBytes - pieces.size));
    }
  } catch {
    // What came is what there is.
  }
  reader.cancel().catch(() => {});
  return pieces.joined();
}
