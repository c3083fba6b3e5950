import { nestingOf } from "../../../callers/unverified-token.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 64;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The body as a JSON object of at most 64 levels; null for anything else. */
export function jsonObject(body: Uint8Array): JsonObject | null {
  return asObject(jsonOf(body));
}

/** The body as a JSON array of objects, not empty; null for anything else. */
export function jsonObjects(body: Uint8Array): JsonObject[] | null {
  return asObjects(jsonOf(body));
}

function jsonOf(body: Uint8Array): unknown {
  try {
    const text = decoder.decode(body);
    return nestingOf(text) > MAX_DEPTH ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** A JSON array of objects, not empty; null for anything else. */
export function asObjects(value: unknown): JsonObject[] | null {
  return Array.isArray(value) && value.length > 0 && value.every(isObject) ? value : null;
}

/** A JSON object; null for anything else. */
export function asObject(value: unknown): JsonObject | null {
  return isObject(value) ? value : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text that is the object's own; null when there is none. */
export function textIn(object: JsonObject, name: string): string | null {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === "string" ? value : null;
}

/** An ISO 8601 time as milliseconds; null when there is none. */
export function timeIn(object: JsonObject, name: string): number | null {
  const timeMs = Date.parse(textIn(object, name) ?? "");
  return Number.isNaN(timeMs) ? null : timeMs;
}
