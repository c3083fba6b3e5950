import type { Extraction, ProviderEvent, Source } from "./recipe.ts";
import { type Facts, textAt, textsAt } from "./sources.ts";

const MAX_TYPE = 200;

/** What a verified request says of its event. */
export function extractEvent(event: Extraction, facts: Facts, from: EventOrigin): ProviderEvent {
  const id = idOf(event.id, facts);
  return {
    type: typeOf(event.type, facts),
    tenants: tenantsOf(event.tenant, facts),
    id: id?.text ?? null,
    idIsSigned: id?.sources.every(from.isSigned) ?? false,
    sentAtMs: from.sentAtMs,
  };
}

/** What the verification knows of an event. */
export interface EventOrigin {
  /** Whether the signature covers what stands there. */
  isSigned: (source: Source) => boolean;
  sentAtMs: number | null;
}

function typeOf(parts: Extraction["type"], facts: Facts): string | null {
  const texts = parts.map((part) => first(listOf(part), (source) => textAt(source, facts)));
  const type = texts.filter((text) => text !== null).join(".");
  return type === "" || type.length > MAX_TYPE ? null : type;
}

function idOf(alternatives: Extraction["id"], facts: Facts): { text: string; sources: readonly Source[] } | null {
  return first(alternatives, (alternative) => {
    const sources = listOf(alternative);
    const texts = sources.map((source) => textAt(source, facts));
    return texts.includes(null) ? null : { text: texts.join("."), sources };
  });
}

function tenantsOf(sources: Extraction["tenant"], facts: Facts): string[] {
  const tenants = first(sources, (source) => {
    const texts = textsAt(source, facts);
    return texts.length === 0 ? null : texts;
  });
  return [...new Set(tenants)];
}

function listOf(part: Source | readonly Source[]): readonly Source[] {
  return "length" in part ? part : [part];
}

function first<T, R>(items: readonly T[], look: (item: T) => R | null): R | null {
  for (const item of items) {
    const found = look(item);
    if (found !== null) return found;
  }
  return null;
}
