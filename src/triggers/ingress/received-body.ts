import { Pieces } from "../../crypto/pieces.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { MAX_WHOLE_BYTES } from "../events/payload-store.ts";

export type ReceivedBody =
  | { kind: "whole"; bytes: Uint8Array<ArrayBuffer> }
  /** Longer than what is held in memory without need. Whoever reads on counts, and stops at the limit. */
  | { kind: "long"; chunks: AsyncIterable<Result<Uint8Array>> };

const BROKEN_OFF = fail("bad_request", { message: "The body ended before it was complete.", reason: "body broke off" });
const ENCODED = fail("unsupported_media_type", { message: "Send the body without a Content-Encoding." });

/**
 * The body as it was sent: its bytes, or a stream of them beyond 1 MiB. Signatures are over these bytes, so an encoded
 * body is `unsupported_media_type`. Also `payload_too_large`, and `bad_request` for a body that breaks off.
 */
export async function receiveBody(
  request: Pick<Request, "headers" | "body" | "arrayBuffer">,
  maxBytes: number,
): Promise<Result<ReceivedBody>> {
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding.trim().toLowerCase() !== "identity") return ENCODED;
  if (request.body === null) return ok({ kind: "whole", bytes: new Uint8Array() });
  const announced = Number(request.headers.get("content-length") ?? Number.NaN);
  if (announced > maxBytes) return fail("payload_too_large", { reason: `announced=${announced}` });
  // HTTP lets no body be longer than it says, and one piece costs far less than chunks. Whoever is bound to this Worker
  // can announce less than it sends: that is refused once it is here.
  if (announced >= 0 && announced <= MAX_WHOLE_BYTES) {
    try {
      const bytes = new Uint8Array(await request.arrayBuffer());
      return bytes.length === announced ? ok({ kind: "whole", bytes }) : BROKEN_OFF;
    } catch {
      return BROKEN_OFF;
    }
  }
  const reader = request.body.getReader();
  const head = new Pieces();
  while (head.size <= Math.min(MAX_WHOLE_BYTES, maxBytes)) {
    const chunk = await next(reader);
    if (!chunk.ok) return chunk;
    if (chunk.value === null) return ok({ kind: "whole", bytes: head.joined() });
    head.add(chunk.value);
  }
  if (head.size > maxBytes) {
    await reader.cancel().catch(() => {});
    return fail("payload_too_large", { reason: `read=${head.size}` });
  }
  return ok({ kind: "long", chunks: remaining(head.joined(), reader) });
}

/** A long body in memory, for a recipe that cannot judge it piece by piece. */
export async function wholeBody(
  chunks: AsyncIterable<Result<Uint8Array>>,
  maxBytes: number,
): Promise<Result<Uint8Array<ArrayBuffer>>> {
  const pieces = new Pieces();
  for await (const chunk of chunks) {
    if (!chunk.ok) return chunk;
    pieces.add(chunk.value);
    if (pieces.size > maxBytes) return fail("payload_too_large", { reason: `read=${pieces.size}` });
  }
  return ok(pieces.joined());
}

async function* remaining(
  head: Uint8Array,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Result<Uint8Array>, void> {
  try {
    yield ok(head);
    for (;;) {
      const chunk = await next(reader);
      if (!chunk.ok) return yield chunk;
      if (chunk.value === null) return;
      yield ok(chunk.value);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Result<Uint8Array | null>> {
  try {
    const { done, value } = await reader.read();
    return ok(done ? null : value);
  } catch {
    return BROKEN_OFF;
  }
}
