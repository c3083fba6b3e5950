import { utf8 } from "../../crypto/bytes.ts";
import { hmac, hmacKey, startHmac } from "../../crypto/hmac.ts";
import type { Secret } from "../../crypto/secret.ts";

const PREFIX = "whsec_";
const HASH = "SHA-256";

/** What a Standard Webhooks signature covers. */
export interface SignedMessage {
  id: string;
  /** Seconds. */
  timestamp: number;
  body: Uint8Array | ReadableStream<Uint8Array>;
}

/**
 * The three headers of Standard Webhooks, with one `v1` signature for each secret, so that a destination may change from
 * one to the next at its leisure. A stream is read to its end. Throws a RangeError for a secret that is none.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export async function standardWebhooksHeaders(
  { id, timestamp, body }: SignedMessage,
  secrets: readonly Secret[],
): Promise<Record<string, string>> {
  const keys = secrets.map(keyOf);
  const head = utf8(`${id}.${timestamp}.`);
  const signatures =
    body instanceof Uint8Array
      ? await Promise.all(keys.map(async (key) => hmac(await hmacKey(key, HASH), [head, body])))
      : await signStream(keys, head, body);
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.map((signature) => `v1,${signature.toBase64()}`).join(" "),
  };
}

async function signStream(
  keys: readonly Uint8Array<ArrayBuffer>[],
  head: Uint8Array,
  body: ReadableStream<Uint8Array>,
) {
  const running = await Promise.all(keys.map((key) => startHmac(key, HASH)));
  const write = (bytes: Uint8Array) => Promise.all(running.map((each) => each.write(bytes)));
  await write(head);
  for await (const chunk of body) await write(chunk);
  return Promise.all(running.map((each) => each.finish()));
}

function keyOf(secret: Secret): Uint8Array<ArrayBuffer> {
  const text = secret.expose();
  if (!text.startsWith(PREFIX)) throw new RangeError("a signing secret does not start with whsec_");
  return Uint8Array.fromBase64(text.slice(PREFIX.length));
}
