import { extractEvent } from "./extract.ts";
import type { Extraction, ProviderEvent, Source, WebhookRequest } from "./recipe.ts";
import { factsOf } from "./sources.ts";

/** What a verified request says of its event, where code has verified it; `idIsSigned` is for the caller to say. */
export function readEvent(event: Extraction, request: WebhookRequest): ProviderEvent {
  const sources: Source[] = [...event.type.flat(), ...event.id.flat(), ...event.tenant];
  return extractEvent(event, factsOf(request, sources), { isSigned: () => false, sentAtMs: null });
}
