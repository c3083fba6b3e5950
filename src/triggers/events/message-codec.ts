import * as z from "zod/mini";
import { base64url, fromBase64url } from "../../crypto/bytes.ts";
import { ATTEMPT_OUTCOMES, type IngestMessage } from "./event.ts";

const whole = z.int();
const sealed = z.union([
  z.pipe(
    z.instanceof(Uint8Array),
    z.transform((bytes) => new Uint8Array(bytes)),
  ),
  z.pipe(
    z.string(),
    z.transform((text, context) => {
      const bytes = fromBase64url(text);
      if (bytes !== null) return bytes;
      context.issues.push({ code: "custom", message: "not base64url", input: text });
      return z.NEVER;
    }),
  ),
]);

const Message = z.object({
  v: z.literal(1),
  event: z.object({
    id: z.string(),
    connectorId: z.string(),
    type: z.nullable(z.string()),
    tenants: z.array(z.string()),
    dedupKey: z.string(),
    dedupSigned: z.boolean(),
    receivedAtMs: whole,
    sentAtMs: z.nullable(whole),
    contentType: z.nullable(z.string()),
    headers: z.record(z.string(), z.string()),
    size: whole,
    bodySha256: z.string(),
  }),
  payload: z.union([
    z.object({ kind: z.literal("inline"), sealed }),
    z.object({ kind: z.literal("blob"), key: z.string(), kid: z.string(), segmentBytes: whole }),
    z.object({ kind: z.literal("gone") }),
  ]),
  journalKey: z.nullable(z.string()),
  responded: z.nullable(
    z.object({
      destinationId: z.string(),
      attempt: z.object({
        id: z.string(),
        startedAtMs: whole,
        durationMs: z.number(),
        status: z.nullable(whole),
        outcome: z.enum(ATTEMPT_OUTCOMES),
        response: z.nullable(z.string()),
      }),
    }),
  ),
  newsOnly: z.optional(z.literal(true)),
});

/** A message of this version, from a queue or from JSON; null = of another version, or none of ours. */
export function parseIngestMessage(value: unknown): IngestMessage | null {
  return Message.safeParse(value).data ?? null;
}

/** A message as JSON text, for what keeps no bytes; `parseIngestMessage` reads it. Anything else comes out as it can. */
export function messageText(message: unknown): string {
  return JSON.stringify(message, (_, value: unknown) => (value instanceof Uint8Array ? base64url(value) : value)) ?? "";
}

/** The message that such a text holds; null = none that this version reads. */
export function messageOfText(text: string): IngestMessage | null {
  try {
    return parseIngestMessage(JSON.parse(text));
  } catch {
    return null;
  }
}
