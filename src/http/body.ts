import { Pieces } from "../crypto/pieces.ts";
import { fail, ok, type Result } from "../errors.ts";

/** Bytes; larger bodies of API requests are refused while they are read. */
export const MAX_BODY_BYTES = 256 * 1024;
const MAX_JSON_DEPTH = 32;

/**
 * The text of a request's JSON body; empty when there is none. Failures: `payload_too_large`, `unsupported_media_type`.
 *
 * HTTP lets no body be longer than its Content-Length, so a short one is taken in one piece, which costs far less than
 * chunks. A Worker bound to this one can announce less than it sends: then all that bounds what is buffered, before it
 * is refused, is the platform's own limit.
 */
export async function readJsonText(request: Request): Promise<Result<string>> {
  const { headers } = request;
  const announced = Number(headers.get("content-length") ?? Number.NaN);
  const text = announced <= MAX_BODY_BYTES ? ok(await request.text()) : await readChunkedText(request);
  if (!text.ok || text.value === "") return text;
  if (text.value.length > announced) return fail("payload_too_large");
  return isJsonMediaType(headers.get("content-type")) ? text : fail("unsupported_media_type");
}

/** The value of a JSON text that is not too deep and hides no member. Failure: `bad_request`. */
export function parseJsonText(text: string): Result<unknown> {
  // What bytes that are no UTF-8 are read as; who means the character itself can write "\ufffd".
  if (text.includes("\ufffd")) return NOT_JSON;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return NOT_JSON;
  }
  return isTame(value, MAX_JSON_DEPTH)
    ? ok(value)
    : fail("bad_request", {
        message: `The body nests deeper than ${MAX_JSON_DEPTH} levels or uses a reserved member name.`,
      });
}

const NOT_JSON = fail("bad_request", { message: "The body is not valid JSON in UTF-8." });

/** The body's bytes. Failure: `payload_too_large` beyond `maxBytes`. */
export async function readCapped(request: Request, maxBytes: number): Promise<Result<Uint8Array<ArrayBuffer>>> {
  if (Number(request.headers.get("content-length")) > maxBytes) return fail("payload_too_large");
  const pieces = new Pieces();
  for await (const chunk of request.body ?? []) {
    pieces.add(chunk);
    if (pieces.size > maxBytes) return fail("payload_too_large");
  }
  return ok(pieces.joined());
}

async function readChunkedText(request: Request): Promise<Result<string>> {
  const bytes = await readCapped(request, MAX_BODY_BYTES);
  return bytes.ok ? ok(new TextDecoder().decode(bytes.value)) : bytes;
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
