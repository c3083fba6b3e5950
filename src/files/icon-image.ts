import { fail, ok, type Result } from "../errors.ts";

export const MAX_ICON_BYTES = 5 * 1024 * 1024;
const MIN_SIDE_PX = 640;
/** A picture of a few kilobytes may unfold to gigabytes of pixels in whoever shows it. */
const MAX_SIDE_PX = 4096;

export type IconMediaType = "image/png" | "image/jpeg";

interface Dimensions {
  widthPx: number;
  heightPx: number;
}

/** Nothing of a document or a program belongs into a picture, whatever a lenient reader would make of it. */
const FOREIGN = /<(?:script|html|svg|!doctype|\?php)\b|%PDF-\d/i;

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const PNG_CHUNK_OVERHEAD = 12;

/**
 * What an icon is, by its bytes alone: a PNG (W3C PNG §5) or JPEG (ITU T.81 Annex B), whole and with nothing after its
 * end, square, 640 to 4096 pixels. Everything else is `invalid_icon`.
 */
export function checkIcon(bytes: Uint8Array): Result<IconMediaType> {
  if (bytes.length > MAX_ICON_BYTES) return invalid("It is larger than 5 MB.");
  const mediaType = iconMediaType(bytes);
  if (mediaType === null) return invalid("It is neither a PNG nor a JPEG.");
  const dimensions = mediaType === "image/png" ? pngDimensions(bytes) : jpegDimensions(bytes);
  if (dimensions === null || FOREIGN.test(new TextDecoder("latin1").decode(bytes))) {
    return invalid("It is damaged, or holds more than a picture.");
  }
  const { widthPx, heightPx } = dimensions;
  if (widthPx !== heightPx) return invalid(`It is ${widthPx} × ${heightPx} pixels, not square.`);
  if (widthPx < MIN_SIDE_PX || widthPx > MAX_SIDE_PX) {
    return invalid(`It is ${widthPx} × ${heightPx} pixels; ${MIN_SIDE_PX} to ${MAX_SIDE_PX} are accepted.`);
  }
  return ok(mediaType);
}

/** By the first bytes; null for anything else. */
export function iconMediaType(bytes: Uint8Array): IconMediaType | null {
  if (PNG_SIGNATURE.every((byte, index) => bytes[index] === byte)) return "image/png";
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff ? "image/jpeg" : null;
}

/** From IHDR, which comes first; null unless the chunks lead from there to an IEND at the very end. */
function pngDimensions(bytes: Uint8Array): Dimensions | null {
  const view = viewOf(bytes);
  let dimensions: Dimensions | null = null;
  let hasData = false;
  let offset = PNG_SIGNATURE.length;
  while (offset + PNG_CHUNK_OVERHEAD <= bytes.length) {
    const length = view.getUint32(offset);
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    const end = offset + PNG_CHUNK_OVERHEAD + length;
    if (end > bytes.length || (dimensions === null && !(type === "IHDR" && length === 13))) return null;
    if (type === "IHDR") dimensions = { widthPx: view.getUint32(offset + 8), heightPx: view.getUint32(offset + 12) };
    if (type === "IDAT") hasData = true;
    if (type === "IEND") return end === bytes.length && hasData ? dimensions : null;
    offset = end;
  }
  return null;
}

/** From the one frame header; null unless there is one before the first scan, and EOI at the very end. */
function jpegDimensions(bytes: Uint8Array): Dimensions | null {
  if (bytes.at(-2) !== 0xff || bytes.at(-1) !== 0xd9) return null;
  const view = viewOf(bytes);
  let dimensions: Dimensions | null = null;
  let offset = 2;
  while (offset + 4 <= bytes.length) {
    if (bytes[offset] !== 0xff) return null;
    const marker = bytes[offset + 1] ?? 0;
    // Any number of fill bytes may precede a marker.
    if (marker === 0xff) {
      offset += 1;
      continue;
    }
    const length = view.getUint16(offset + 2);
    if (length < 2 || offset + 2 + length > bytes.length) return null;
    if (marker === START_OF_SCAN) return dimensions;
    if (isFrameHeader(marker)) {
      if (length < 8 || dimensions !== null) return null;
      dimensions = { heightPx: view.getUint16(offset + 5), widthPx: view.getUint16(offset + 7) };
    }
    offset += 2 + length;
  }
  return null;
}

const START_OF_SCAN = 0xda;
/** SOF0 to SOF15 without DHT, JPG and DAC, which share the range. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function invalid(why: string): Result<never> {
  return fail("invalid_icon", { message: `The icon cannot be used. ${why}` });
}
