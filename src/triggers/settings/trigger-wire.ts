import { bodyCap } from "../recipes/body-cap.ts";
import { parseStoredRecipe } from "../recipes/stored-recipe.ts";
import { type DatedSecret, liveSecrets, secretToWire } from "./signing-secrets.ts";
import type { Trigger } from "./trigger-store.ts";

/** Where the provider sends a connector's webhooks. */
export function ingressUrlOf(ingressId: string, publicOrigin: string): string {
  return `${publicOrigin}/hooks/${ingressId}`;
}

/**
 * A connector's trigger settings; of the secrets, that there are some. Only what a provider set by its handshake and wants
 * to be told is shown to admins, as `verificationToken`, until something was verified with it.
 */
export function triggerToWire(
  trigger: Trigger,
  secrets: readonly DatedSecret[],
  { publicOrigin, nowMs, isAdmin }: { publicOrigin: string; nowMs: number; isAdmin: boolean },
) {
  const live = liveSecrets(secrets, nowMs);
  const recipe = trigger.recipe === null ? null : parseStoredRecipe(trigger.recipe).recipe;
  const isTold = isAdmin && trigger.pendingVerification && recipe?.returnsSecret === true;
  const token = isTold ? secrets.find(({ learned }) => learned) : undefined;
  return {
    enabled: trigger.enabled,
    ingressUrl: ingressUrlOf(trigger.ingressId, publicOrigin),
    // `provider` or `recipe`, and `settings`.
    ...(trigger.recipe !== null && (JSON.parse(trigger.recipe) as Record<string, unknown>)),
    secrets: live.map(secretToWire),
    pendingVerification: trigger.pendingVerification,
    ...(token && { verificationToken: token.value.expose() }),
    events: trigger.events,
    maxBodyBytes: Math.min(trigger.maxBodyBytes, bodyCap(recipe, live)),
    journal: trigger.journal,
    payloadDays: trigger.payloadDays,
    createdAt: trigger.createdAtMs,
    updatedAt: trigger.updatedAtMs,
    revision: trigger.revision,
  };
}
