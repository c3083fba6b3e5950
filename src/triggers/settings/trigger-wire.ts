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
  const token = isAdmin && trigger.pendingVerification ? tokenToReturn(trigger, secrets) : undefined;
  return {
    enabled: trigger.enabled,
    ingressUrl: ingressUrlOf(trigger.ingressId, publicOrigin),
    // `provider` or `recipe`, and `settings`.
    ...(trigger.recipe !== null && (JSON.parse(trigger.recipe) as Record<string, unknown>)),
    secrets: liveSecrets(secrets, nowMs).map(secretToWire),
    pendingVerification: trigger.pendingVerification,
    ...(token && { verificationToken: token.value.expose() }),
    events: trigger.events,
    maxBodyBytes: trigger.maxBodyBytes,
    journal: trigger.journal,
    payloadDays: trigger.payloadDays,
    createdAt: trigger.createdAtMs,
    updatedAt: trigger.updatedAtMs,
    revision: trigger.revision,
  };
}

function tokenToReturn({ recipe }: Trigger, secrets: readonly DatedSecret[]): DatedSecret | undefined {
  if (recipe === null || parseStoredRecipe(recipe).recipe.returnsSecret !== true) return undefined;
  return secrets.find(({ learned }) => learned);
}
