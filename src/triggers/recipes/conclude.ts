import { extractEvent } from "./extract.ts";
import { type Opened, refused } from "./opened.ts";
import type { RecipeContext, Source, Verdict } from "./recipe.ts";
import { CHALLENGE_REFUSED, replyBy, replyRule } from "./replies.ts";
import type { SigningKey } from "./signing-keys.ts";
import type { Facts } from "./sources.ts";
import type { RecipeSpec } from "./spec.ts";
import { judgeTimestamp, timestampText } from "./timestamp.ts";

/** The verdict on a request whose signature is good: is it recent, a handshake, or an event? */
export async function conclude(
  spec: RecipeSpec,
  opened: Opened,
  key: SigningKey,
  facts: Facts,
  context: RecipeContext,
): Promise<Verdict> {
  const stamp = timestampText(spec.timestamp, opened.timestamp, facts);
  const judged = judgeTimestamp(spec.timestamp, stamp, context.nowMs);
  if (typeof judged === "string") return refused(spec, judged);

  const rule = replyRule(spec, "POST", facts);
  const answer = rule && (await replyBy(rule, facts, key));
  if (rule !== null && answer === null) return CHALLENGE_REFUSED;
  if (answer !== null && rule?.event !== true) return { kind: "handshake", answer };
  const isSigned = (source: Source) => covers(spec, source);
  const read = extractEvent(spec.event, facts, { isSigned, sentAtMs: judged.sentAtMs });
  const event = spec.alwaysNew === undefined ? read : { ...read, alwaysNew: spec.alwaysNew };
  return { kind: "event", event, secretId: key.secretId, ...(answer && { answer }) };
}

/** Whether the signature covers what stands there. A shared secret covers nothing. */
function covers(spec: RecipeSpec, source: Source): boolean {
  if (spec.signature.algorithm === "equality") return false;
  return "header" in source ? source.header === spec.idHeader : !("query" in source);
}
