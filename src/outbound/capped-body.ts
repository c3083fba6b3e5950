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
  const chunks: Uint8Array[] = [];
  let length = 0;
  let complete = false;
  try {
    while (true) {
      const { done, value } = await deadline.race(reader.read());
      if (done) {
        complete = true;
        return concatenate(chunks, length);
      }
      length += value.byteLength;
      if (length > maxBytes) return null;
      chunks.push(value);
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
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (length < maxBytes) {
      const { done, value } = await deadline.race(reader.read());
      if (done) break;
      chunks.push(value.subarray(0, maxBytes - length));
      length = Math.min(maxBytes, length + value.byteLength);
    }
  } catch {
    // What came is what there is.
  }
  reader.cancel().catch(() => {});
  return concatenate(chunks, length);
}

function concatenate(chunks: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return body;
}
