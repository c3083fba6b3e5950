import { concat, utf8 } from "../../crypto/bytes.ts";
import type { RefusalReason } from "./recipe.ts";
import type { RecipeSpec } from "./spec.ts";

/** The signed bytes around the body. */
export interface SignedContent {
  before: Uint8Array<ArrayBuffer>;
  after: Uint8Array<ArrayBuffer>;
}

/**
 * What is signed besides the body, by the spec's template. The values are those that were sent, byte for byte: where
 * one could hold the template's own punctuation, two requests would have one signed form, so those are refused.
 */
export function signedContent(
  spec: RecipeSpec,
  sent: { headers: Headers; url: string; timestamp: string | null },
): SignedContent | RefusalReason {
  const id = spec.idHeader === undefined ? null : sent.headers.get(spec.idHeader);
  if (spec.signed.includes("{id}") && !isSafeId(id)) return "id_malformed";
  const values: Readonly<Record<string, string | null>> = { "{ts}": sent.timestamp, "{id}": id, "{url}": sent.url };
  const fill = (template: string) =>
    concat(
      ...template
        .split(/(\{(?:ts|id|url)\})/)
        .map((part) => utf8(Object.hasOwn(values, part) ? (values[part] ?? "") : part)),
    );
  const [before = "", after = ""] = spec.signed.split("{body}");
  return { before: fill(before), after: fill(after) };
}

/** Visible ASCII without a dot, which stands between the id and the timestamp (Standard Webhooks, "Security"). */
function isSafeId(id: string | null): boolean {
  return id !== null && /^[\x21-\x2d\x2f-\x7e]{1,256}$/.test(id);
}
