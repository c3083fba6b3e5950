import type { z } from "zod/mini";
import { LruMap } from "../store/lru.ts";

/** Longer bodies are rarely sent twice. */
const MAX_CHARACTERS = 2_000;
const MAX_ENTRIES = 10_000;
const MAX_TOGETHER = 4 * 1024 * 1024;

/** By schema, since one text may mean different things to different routes. */
const understood = new WeakMap<z.ZodMiniType, LruMap<string, unknown>>();

/** What a schema made of exactly this text before; undefined = not known. It is frozen, and shared between requests. */
export function recallBody<T>(schema: z.ZodMiniType<T>, text: string): T | undefined {
  // Only values of this very schema are under it.
  return understood.get(schema)?.get(text) as T | undefined;
}

/** Keep what a schema made of a text, which depends on nothing else. From here on nobody can change it. */
export function rememberBody<T>(schema: z.ZodMiniType<T>, text: string, body: T): void {
  if (text.length > MAX_CHARACTERS) return;
  const bodies =
    understood.get(schema) ??
    new LruMap<string, unknown>(MAX_ENTRIES, { max: MAX_TOGETHER, of: (text) => text.length });
  understood.set(schema, bodies);
  bodies.set(text, freeze(body));
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}
