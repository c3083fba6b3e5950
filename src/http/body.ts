import { fail, ok, type Result } from "../errors.ts";

/** Bytes; larger bodies of API requests are refused while they are read. */
export const MAX_BODY_BYTES = 256 * 1024;
const MAX_JSON_DEPTH = 32;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/**
 * The JSON body of a request, or `undefined` when it has none. Failures: `payload_too_large`,
 * `unsupported_media_type`, `bad_request`.
 */
export async function readJsonBody(request: Request): Promise<Result<unknown>> {
  const bytes = await readCapped(request, MAX_BODY_BYTES);
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0) return ok(undefined);
  if (!isJsonMediaType(request.headers.get("content-type"))) return fail("unsupported_media_type");
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes.value));
  } catch {
    return fail("bad_request", { message: "The body is not valid JSON in UTF-8." });
  }
  return isTame(value, MAX_JSON_DEPTH)
    ? ok(value)
    : fail("bad_request", {
        message: `The body nests deeper than ${MAX_JSON_DEPTH} levels or uses a reserved member name.`,
      });
}

/** The body's bytes. Failure: `payload_too_large` beyond `maxBytes`. */
export async function readCapped(request: Request, maxBytes: number): Promise<Result<Uint8Array<ArrayBuffer>>> {
  const announced = Number(request.headers.get("content-length") ?? Number.NaN);
  if (announced > maxBytes) return fail("payload_too_large");
  if (request.body === null) return ok(new Uint8Array(0));
  return announced <= maxBytes ? readAnnounced(request.body, announced) : readCounted(request.body, maxBytes);
}

/** In one piece, which costs a tenth of reading by chunks. The room for one byte more catches a length that lies. */
async function readAnnounced(body: ReadableStream, announced: number): Promise<Result<Uint8Array<ArrayBuffer>>> {
  const reader = body.getReader({ mode: "byob" });
  const { value } = await reader.readAtLeast(announced + 1, new Uint8Array(announced + 1));
  const bytes = value ?? new Uint8Array(0);
  return bytes.length > announced ? fail("payload_too_large") : ok(bytes);
}

/** A chunked body announces no length. */
async function readCounted(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Result<Uint8Array<ArrayBuffer>>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) return fail("payload_too_large");
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return ok(whole);
}

function isJsonMediaType(contentType: string | null): boolean {
  if (contentType === "application/json") return true;
  return contentType !== null && /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(contentType.trim());
}

/**
 * Depth within the limit, and no `__proto__` member: schema libraries drop that name in silence, and a condition that
 * is dropped makes a rule wider than what its author wrote.
 */
function isTame(value: unknown, depthLeft: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depthLeft === 0 || Object.hasOwn(value, "__proto__")) return false;
  return Object.values(value).every((member) => isTame(member, depthLeft - 1));
}
