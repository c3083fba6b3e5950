import type { RefusalReason } from "./recipe.ts";
import { type Facts, textAt } from "./sources.ts";
import type { TimestampRule } from "./spec.ts";

/** A time as a provider wrote it, in ms since the epoch; null unless it is strictly of that unit. */
export function parseTimestamp(text: string, unit: TimestampRule["unit"]): number | null {
  if (unit === "iso") {
    const timeMs = ISO.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(timeMs) ? null : timeMs;
  }
  return /^\d{1,13}$/.test(text) ? Number(text) * (unit === "s" ? 1000 : 1) : null;
}

/** RFC 3339 §5.6. */
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** When the request was sent (ms), judged against `nowMs`; null = it says nothing, and need not. */
export function judgeTimestamp(
  rule: TimestampRule | undefined,
  text: string | null,
  nowMs: number,
): { sentAtMs: number | null } | RefusalReason {
  if (rule === undefined) return { sentAtMs: null };
  if (text === null || text === "") return rule.required ? "timestamp_missing" : { sentAtMs: null };
  const sentAtMs = parseTimestamp(text, rule.unit);
  if (sentAtMs === null) return "timestamp_malformed";
  if (rule.toleranceSeconds === null) return { sentAtMs: null };
  return Math.abs(nowMs - sentAtMs) > rule.toleranceSeconds * 1000 ? "timestamp_out_of_range" : { sentAtMs };
}

/** The timestamp as the request has it: among the signature's fields, in a header, or in the body. */
export function timestampText(rule: TimestampRule | undefined, ofFields: string | null, facts: Facts): string | null {
  return rule?.source === undefined ? ofFields : textAt(rule.source, facts);
}
