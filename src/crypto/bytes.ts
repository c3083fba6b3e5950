const encoder = new TextEncoder();

/** The UTF-8 bytes of `text`; an unpaired surrogate becomes U+FFFD (WHATWG Encoding). */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(text));
}

/** The parts, one after the other. Not injective: for anything hashed or authenticated use `lengthPrefixed`. */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/**
 * Every part behind its length as a 4-byte big-endian number, so that different lists of parts never give the
 * same bytes. Throws a RangeError for text with an unpaired surrogate, which has no UTF-8 form of its own.
 */
export function lengthPrefixed(...parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  // Written in place, since every key, name and AAD is made of it: UTF-8 takes at most three bytes a code unit.
  const capacity = parts.reduce(
    (sum, part) => sum + LENGTH_BYTES + part.length * (typeof part === "string" ? 3 : 1),
    0,
  );
  const whole = new Uint8Array(capacity);
  const lengths = new DataView(whole.buffer);
  let offset = 0;
  for (const part of parts) {
    const start = offset + LENGTH_BYTES;
    const end = typeof part === "string" ? writeText(part, whole, start) : start + part.length;
    if (typeof part !== "string") whole.set(part, start);
    lengths.setUint32(offset, end - start);
    offset = end;
  }
  return whole.subarray(0, offset);
}

const LENGTH_BYTES = 4;

/** UTF-8 from `start` on; returns where it ends. Ids are short and ASCII: for those, a call of the encoder costs more. */
function writeText(text: string, target: Uint8Array, start: number): number {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) target[start + index] = unit;
    else {
      if (!text.isWellFormed()) throw new RangeError("text is not well-formed Unicode");
      return start + encoder.encodeInto(text, target.subarray(start)).written;
    }
  }
  return start + text.length;
}

/** Base64url without padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The bytes of canonical, unpadded base64url; null for anything else, non-zero trailing bits included (RFC 4648 §3.5). */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  const padded = text + "=".repeat((4 - (text.length % 4)) % 4);
  try {
    const bytes = Uint8Array.fromBase64(padded, { alphabet: "base64url", lastChunkHandling: "strict" });
    // The decoder skips white space, and padding may have come along: either way, there are fewer bytes than characters make.
    return bytes.length === Math.floor((text.length * 3) / 4) ? bytes : null;
  } catch {
    return null;
  }
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether both are the same bytes, in time that depends on their lengths only. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  // timingSafeEqual throws on unequal lengths; a length is no secret wherever fixed-size digests are compared.
  return a.length === b.length && crypto.subtle.timingSafeEqual(a, b);
}
