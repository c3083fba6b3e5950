import { utf8 } from "../../crypto/bytes.ts";
import { type Captures, UNREAD } from "./json-captures.ts";
import type { Source, WebhookRequest } from "./recipe.ts";
import { scanJson } from "./scan-json.ts";

/** Stands for tenants that are there but could not be kept; no filter should name it. */
const UNREAD_TENANT = "(unread)";
const MAX_TEXT = 4096;

/** Where a recipe's sources are read, once the body is there. */
export interface Facts {
  headers: Headers;
  url: string;
  /** What a scan of a JSON body has found; null = it is none. */
  json: Pick<Captures, "at"> | null;
  /** The fields of a form body; null = it is none. */
  form: URLSearchParams | null;
}

/**
 * The facts of a request whose whole body is at hand. What a body is, is seen from itself: its content type is not
 * signed, and an event must not lose its id to whoever sends it again under another.
 */
export function factsOf({ headers, url, body }: WebhookRequest, sources: readonly Source[]): Facts {
  const isForm = mayBeForm(sources) && !looksLikeJson(body);
  const pointers = isForm ? [] : pointersOf(sources);
  return {
    headers,
    url,
    json: pointers.length === 0 ? null : scanJson(pointers, body),
    form: isForm ? new URLSearchParams(decoder.decode(body)) : null,
  };
}

/** Whether any source is a field of a form. */
export function mayBeForm(sources: readonly Source[]): boolean {
  return sources.some((source) => "form" in source);
}

/** The places in a JSON body that sources lead to. */
export function pointersOf(sources: readonly Source[]): string[] {
  const pointers = sources.flatMap((source) => ("pointer" in source && !("form" in source) ? [source.pointer] : []));
  return [...new Set(pointers)];
}

function looksLikeJson(body: Uint8Array): boolean {
  return JSON_STARTS.includes(body[0] ?? 0);
}

/** Of objects and lists, and of what may stand before them. */
const JSON_STARTS = [0x7b, 0x5b, 0x20, 0x09, 0x0a, 0x0d, 0xef];

/** The texts and numbers at a source, as texts; `UNREAD_TENANT` for one that was too long. Empty ones count as absent. */
export function textsAt(source: Source, facts: Facts): string[] {
  const values = valuesAt(source, facts);
  if ("as" in source && source.as !== undefined) return values.length === 0 ? [] : [source.as];
  return values.flatMap((value) => {
    if (value === UNREAD) return [UNREAD_TENANT];
    if (typeof value === "number") return [String(value)];
    return typeof value === "string" && value !== "" ? [value.length > MAX_TEXT ? UNREAD_TENANT : value] : [];
  });
}

/** The one text at a source; null when there is none, or several that differ, or it was too long. */
export function textAt(source: Source, facts: Facts): string | null {
  const [text, ...others] = new Set(textsAt(source, facts));
  return text === undefined || text === UNREAD_TENANT || others.length > 0 ? null : text;
}

function valuesAt(source: Source, facts: Facts) {
  if ("header" in source) return present(facts.headers.get(source.header));
  if ("query" in source) return present(new URL(facts.url).searchParams.get(source.query));
  if ("pointer" in source && !("form" in source)) return facts.json?.at(source.pointer) ?? [];
  const field = facts.form?.get(source.form) ?? null;
  if (field === null || source.pointer === undefined) return present(field);
  return scanJson([source.pointer], utf8(field))?.at(source.pointer) ?? [];
}

function present(value: string | null): string[] {
  return value === null ? [] : [value];
}

const decoder = new TextDecoder();
