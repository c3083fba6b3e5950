import { TriggerError } from "./errors.ts";

/** The body of a fetch-style request. Throws `body_unreadable` or `body_too_large`. */
export async function bytesOf(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (request.bodyUsed) throw new TriggerError("body_unreadable", "Something has read it before verifyTrigger.");
  return collect(request.body === null ? [] : chunksOf(request.body), maxBytes);
}

/** Not every runtime can iterate over a stream. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** A request of Node's, and what a body parser may have left of it. */
export interface NodeBody extends AsyncIterable<Uint8Array> {
  body?: unknown;
  readableEnded?: boolean;
}

/** The same of a request of Node's. */
export async function bytesOfNode(request: NodeBody, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  // What express.raw() leaves is the bytes; what any other parser leaves is not.
  if (request.body instanceof Uint8Array) return collect([request.body], maxBytes);
  if (request.readableEnded === true) {
    throw new TriggerError("body_unreadable", "A body parser has read it. Put expressTrigger before express.json().");
  }
  return collect(request, maxBytes);
}

async function collect(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of chunks) {
      length += chunk.byteLength;
      if (length > maxBytes) throw new TriggerError("body_too_large");
      parts.push(chunk);
    }
  } catch (error) {
    throw error instanceof TriggerError ? error : new TriggerError("body_unreadable");
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    body.set(part, offset);
    offset += part.byteLength;
  }
  return body;
}
