import { constantTimeEqual, hex, utf8 } from "../../crypto/bytes.ts";
import { hmac } from "../../crypto/hmac.ts";
import type { ProviderAnswer, RecipeContext, Verdict, WebhookRequest } from "./recipe.ts";
import { settingTexts } from "./setting-texts.ts";
import { type SigningKey, signingKeys } from "./signing-keys.ts";
import { type Facts, textAt, textsAt } from "./sources.ts";
import type { Condition, RecipeSpec, ReplyRule } from "./spec.ts";

/** What is echoed as it came: nothing that a browser or a parser could take for more than a word. */
const ECHOED = /^[\w-]{1,256}$/;
/** What is only answered by its MAC. It must not be able to be a JSON event: its MAC would be that event's signature. */
const MACED = /^[\w.~+/=-]{1,256}$/;

/** The reply rule that a request meets; null = none, it is an event. */
export function replyRule(spec: RecipeSpec, method: string, facts: Facts): ReplyRule | null {
  return spec.replies.find((rule) => rule.method === method && rule.when.every((is) => holds(is, facts))) ?? null;
}

/** A rule's answer; null when the challenge is not one that we answer. */
export async function replyBy(rule: ReplyRule, facts: Facts, key: SigningKey | null): Promise<ProviderAnswer | null> {
  const answer: ProviderAnswer = {
    status: rule.status ?? 200,
    contentType: rule.contentType ?? null,
    body: rule.body,
    headers: { "x-content-type-options": "nosniff" },
  };
  if (rule.challenge === undefined) return answer;
  const challenge = textAt(rule.challenge, facts);
  if (challenge === null || !(rule.macEncoding === undefined ? ECHOED : MACED).test(challenge)) return null;
  const mac = rule.macEncoding === undefined || key === null ? "" : await macText(key, challenge, rule.macEncoding);
  return { ...answer, body: rule.body.replace("{challenge}", challenge).replace("{mac}", mac) };
}

/** The verdict on a GET request: those carry no signature, and are answered only as far as a provider's rule goes. */
export async function verifyGet(spec: RecipeSpec, request: WebhookRequest, context: RecipeContext): Promise<Verdict> {
  const facts = { headers: request.headers, url: request.url, json: null, form: null };
  const rule = replyRule(spec, "GET", facts);
  if (rule === null) return { kind: "refused", status: 400, reason: "not_a_webhook" };
  if (rule.token !== undefined && !hasToken(rule.token, facts, context)) return HANDSHAKE_REFUSED;
  const [key = null] = rule.macEncoding === undefined ? [] : await signingKeys(spec, context);
  if (rule.macEncoding !== undefined && key === null) return { kind: "misconfigured" };
  const answer = await replyBy(rule, facts, key);
  return answer === null ? CHALLENGE_REFUSED : { kind: "handshake", answer };
}

/** Whether anybody may have the MAC of a word of their choice. Then a word must never count as an event. */
export function givesMacs(spec: RecipeSpec): boolean {
  return spec.replies.some((rule) => rule.method === "GET" && rule.macEncoding !== undefined);
}

/** A challenge that is not echoed or signed. */
export const CHALLENGE_REFUSED: Verdict = { kind: "refused", status: 400, reason: "handshake_refused" };
const HANDSHAKE_REFUSED: Verdict = { kind: "refused", status: 401, reason: "handshake_refused" };

function holds(condition: Condition, facts: Facts): boolean {
  if (condition.absent === true) return textsAt(condition, facts).length === 0;
  return condition.equals === undefined
    ? textsAt(condition, facts).length > 0
    : textAt(condition, facts) === condition.equals;
}

function hasToken(rule: NonNullable<ReplyRule["token"]>, facts: Facts, { settings }: RecipeContext): boolean {
  const [expected = ""] = settingTexts(settings, rule.setting);
  const presented = textAt(rule.source, facts);
  return expected !== "" && presented !== null && constantTimeEqual(utf8(presented), utf8(expected));
}

async function macText({ key }: SigningKey, challenge: string, encoding: "hex" | "base64"): Promise<string> {
  if (key === null) return "";
  const mac = await hmac(key, [utf8(challenge)]);
  return encoding === "hex" ? hex(mac) : mac.toBase64();
}
