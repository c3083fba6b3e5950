import { concat } from "../../crypto/bytes.ts";
import { anyEquals, hmac } from "../../crypto/hmac.ts";
import { verifySignature } from "../../crypto/webhook-public-key.ts";
import type { RecipeContext, RefusalReason, Verdict, WebhookRequest } from "./recipe.ts";
import { settingTexts } from "./setting-texts.ts";
import { type Candidate, presentedSignatures } from "./signature-header.ts";
import { type SignedContent, signedContent } from "./signed-content.ts";
import { type SigningKey, signingKeys } from "./signing-keys.ts";
import type { RecipeSpec } from "./spec.ts";
import { parseTimestamp, timestampText } from "./timestamp.ts";

/** What is known of a request before its body. */
export interface Opened {
  keys: SigningKey[];
  candidates: Candidate[];
  /** The timestamp among the signature's fields, or in its header. */
  timestamp: string | null;
  content: SignedContent;
}

/** All that the head of a request decides, or the verdict that it leads to already. */
export async function openRequest(
  spec: RecipeSpec,
  head: Omit<WebhookRequest, "body">,
  context: RecipeContext,
): Promise<Opened | Verdict> {
  const keys = await signingKeys(spec, context);
  if (keys.length === 0) return { kind: "misconfigured" };
  const presented =
    spec.signature.pointer === undefined
      ? presentedSignatures(spec.signature, head.headers)
      : { candidates: [], timestamp: null };
  if (typeof presented === "string") return refused(spec, presented);

  const timestamp = timestampText(spec.timestamp, presented.timestamp, { ...head, json: null, form: null });
  const isInHead = spec.timestamp !== undefined && !("pointer" in (spec.timestamp.source ?? {}));
  if (isInHead && spec.timestamp !== undefined) {
    if (timestamp === null && spec.timestamp.required) return refused(spec, "timestamp_missing");
    if (timestamp !== null && parseTimestamp(timestamp, spec.timestamp.unit) === null) {
      return refused(spec, "timestamp_malformed");
    }
  }
  const content = signedContent(spec, { ...head, url: signedUrl(head, context), timestamp });
  if (typeof content === "string") return refused(spec, content);
  return { keys, candidates: presented.candidates, timestamp, content };
}

/** The key that signed the body, or null. */
export async function signerOf(opened: Opened, body: Uint8Array<ArrayBuffer>): Promise<SigningKey | null> {
  const { before, after } = opened.content;
  for (const key of opened.keys) {
    const candidates = candidatesFor(opened, key);
    if (candidates.length === 0) continue;
    if (key.key === null) {
      if (anyEquals(key.bytes, candidates)) return key;
    } else if (key.hash !== null) {
      if (anyEquals(await hmac(key.key, [before, body, after]), candidates)) return key;
    } else {
      const data = concat(before, body, after);
      for (const candidate of candidates) if (await verifySignature(key.key, candidate, data)) return key;
    }
  }
  return null;
}

/** The signatures that a key could have made. */
export function candidatesFor({ candidates }: Opened, { algorithm }: SigningKey): Uint8Array<ArrayBuffer>[] {
  return candidates.filter((candidate) => candidate.algorithm === algorithm).map((candidate) => candidate.bytes);
}

/** A refusal with the status that the provider takes for one. */
export function refused(spec: RecipeSpec, reason: RefusalReason): Verdict {
  return { kind: "refused", status: spec.refusedStatus ?? 401, reason };
}

/** Whether the head of a request has decided already. */
export function isVerdict(opened: Opened | Verdict): opened is Verdict {
  return "kind" in opened;
}

/** The URL that the provider signs is the one registered there: ours, unless something stands between. */
function signedUrl(head: Omit<WebhookRequest, "body">, { settings }: RecipeContext): string {
  return settingTexts(settings, "notificationUrl")[0] ?? head.url;
}
