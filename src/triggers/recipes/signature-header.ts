import { utf8 } from "../../crypto/bytes.ts";
import { decodeSignature } from "./decoding.ts";
import type { RefusalReason } from "./recipe.ts";
import type { Algorithm, SignatureRule } from "./spec.ts";

/** Longer signature headers are refused (characters). */
const MAX_HEADER = 4096;
/** More signatures in one request are refused: each costs work, and no provider has so many keys. */
const MAX_CANDIDATES = 8;

/** A signature that a request presents, decoded. */
export interface Candidate {
  algorithm: Algorithm;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What the headers of a request present. */
export interface Presented {
  candidates: Candidate[];
  /** The timestamp among the header's fields; null = the rule has none there. */
  timestamp: string | null;
}

/** The signatures in the request's headers, by the rule. What is malformed counts as absent while another is not. */
export function presentedSignatures(rule: SignatureRule, headers: Headers): Presented | RefusalReason {
  const names = typeof rule.header === "string" ? [rule.header] : (rule.header ?? []);
  const values = names.map((name) => headers.get(name) ?? "").filter((value) => value !== "");
  if (values.length === 0) return "signature_missing";
  if (values.some((value) => value.length > MAX_HEADER)) return "signature_malformed";

  const items = values.flatMap((value) => itemsOf(rule, value));
  const texts = items.filter(
    ({ key }) => key === rule.fields?.key || (key !== undefined && key === rule.asymmetric?.key),
  );
  const stamps = rule.fields?.timestamp === undefined ? [] : items.filter(({ key }) => key === rule.fields?.timestamp);
  if (texts.length > MAX_CANDIDATES || stamps.length > 1) return "signature_malformed";
  const candidates = texts.flatMap(({ key, text }) => {
    const algorithm = (key === rule.asymmetric?.key && rule.asymmetric?.algorithm) || rule.algorithm;
    const bytes = decodeSignature(text, algorithm, rule.encoding);
    return bytes === null ? [] : [{ algorithm, bytes }];
  });
  if (candidates.length === 0) return "signature_malformed";
  return { candidates, timestamp: stamps[0]?.text ?? null };
}

interface Item {
  key: string | undefined;
  text: string;
}

function itemsOf({ fields, prefix = "" }: SignatureRule, value: string): Item[] {
  if (fields === undefined)
    return value.startsWith(prefix) ? [{ key: undefined, text: value.slice(prefix.length) }] : [];
  return value.split(fields.separator, MAX_ITEMS).flatMap((item) => {
    const at = item.indexOf(fields.pair);
    return at < 0 ? [] : [{ key: item.slice(0, at).trimStart(), text: item.slice(at + fields.pair.length) }];
  });
}

/** Enough for `MAX_CANDIDATES` and what a provider may put beside them; the rest is not looked at. */
const MAX_ITEMS = 64;

/** A shared secret as it stands in a request, for `equality`. */
export function presentedSecret(text: string): Candidate {
  return { algorithm: "equality", bytes: utf8(text) };
}
