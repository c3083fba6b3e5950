import { ApiError } from "../../errors.ts";
import type { ProviderInput } from "../../http/endpoint.ts";
import type { IngestMessage } from "../events/event.ts";
import type { CheckedRecipe } from "../recipes/checked-recipe.ts";
import type { ProviderEvent, Verdict } from "../recipes/recipe.ts";
import type { TriggerConfig } from "./trigger-config.ts";

/** A connector that can judge what comes. */
export type ReadyTrigger = TriggerConfig & { recipe: CheckedRecipe };

/** One request of a provider, with what is fixed about it from the start. */
export interface Hook extends ProviderInput {
  ingressId: string;
  eventId: string;
  receivedAtMs: number;
  /** As the provider called it. */
  url: string;
}

/** A verdict, and the settings by which it was reached. */
export interface Judged {
  config: ReadyTrigger;
  verdict: Verdict;
  /** Stores the payload of an event that is wanted. */
  keep: (event: ProviderEvent) => Promise<Kept>;
  /** Forgets what was stored of the payload already. */
  discard: () => Promise<void>;
}

/** An event whose payload is stored or in its message. */
export interface Kept {
  message: IngestMessage;
  /** As destinations get it; null = too long to be held. */
  payload: Uint8Array<ArrayBuffer> | null;
}

/** The settings, if there is a recipe for this method. Throws `webhook_not_configured` or `method_not_allowed`. */
export function ready(config: TriggerConfig, method: string): ReadyTrigger {
  const { recipe } = config;
  if (recipe === null) throw notConfigured();
  if (!recipe.methods.some((allowed) => allowed === method)) throw new ApiError("method_not_allowed");
  return { ...config, recipe };
}

/** The least of what its operator and its recipe allow. */
export function maxBodyBytes({ maxBodyBytes: chosen, recipe }: ReadyTrigger): number {
  return Math.min(chosen, recipe.maxBodyBytes);
}

/** What is known of an event before its body: a part of `Received`. */
export function headOf({ eventId, receivedAtMs, request }: Hook, { connector, recipe }: ReadyTrigger) {
  return { id: eventId, connectorId: connector.id, recipe, headers: request.headers, receivedAtMs };
}

/** Nobody can be told apart from anybody: a provider is to send it again. */
export function notConfigured(): ApiError {
  return new ApiError("webhook_not_configured", { retryAfterMs: 60_000 });
}
