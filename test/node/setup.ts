import { createHash, timingSafeEqual } from "node:crypto";
import { scheduler } from "node:timers/promises";
import { vi } from "vitest";

// Runs before every test file. Files follow each other in one process, but each gets modules and stores of its own.
vi.resetModules();

// What workerd has and Node 24 has not.

define(crypto.subtle, "timingSafeEqual", timingSafeEqual);

/** https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#constructors */
class DigestStream extends WritableStream<Uint8Array> {
  readonly digest: Promise<ArrayBuffer>;
  constructor(algorithm: string) {
    const hash = createHash(algorithm.replace("-", ""));
    const { promise, resolve } = Promise.withResolvers<ArrayBuffer>();
    super({ write: (bytes) => void hash.update(bytes), close: () => resolve(new Uint8Array(hash.digest()).buffer) });
    this.digest = promise;
  }
}
define(crypto, "DigestStream", DigestStream);
define(globalThis, "scheduler", scheduler);

interface Base64Options {
  alphabet?: "base64" | "base64url";
  omitPadding?: boolean;
  lastChunkHandling?: "loose" | "strict";
}

/** ECMAScript 2026, Uint8Array.prototype.toBase64. */
define(Uint8Array.prototype, "toBase64", function (this: Uint8Array, options: Base64Options = {}) {
  if (!["base64", "base64url"].includes(options.alphabet ?? "base64")) throw new TypeError("no such alphabet");
  const text = Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString("base64").replace(/=+$/, "");
  const padded = options.omitPadding ? text : text + "=".repeat((4 - (text.length % 4)) % 4);
  return options.alphabet === "base64url" ? padded.replaceAll("+", "-").replaceAll("/", "_") : padded;
});

/** ECMAScript 2026, Uint8Array.fromBase64. `Buffer` forgives everything, so what it read must encode to the same text. */
define(Uint8Array, "fromBase64", (text: string, options: Base64Options = {}) => {
  const { alphabet = "base64", lastChunkHandling = "loose" } = options;
  if (!["base64", "base64url"].includes(alphabet) || !["loose", "strict"].includes(lastChunkHandling)) {
    throw new TypeError("an option that does not exist");
  }
  const given = text.replace(/[\t\n\f\r ]/g, "");
  const bytes = Uint8Array.from(Buffer.from(given, alphabet));
  const canonical = bytes.toBase64({ alphabet });
  const isLoose = lastChunkHandling === "loose" && withoutLast(given) === withoutLast(canonical);
  if (given !== canonical && !isLoose) throw new SyntaxError("not base64");
  return bytes;
});

/** The text without its padding, and, where that is incomplete, without the character whose last bits are ignored. */
function withoutLast(text: string): string {
  const unpadded = text.replace(/={1,2}$/, "");
  return unpadded.length % 4 === 0 ? unpadded : `${unpadded.length} ${unpadded.slice(0, -1)}`;
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}
