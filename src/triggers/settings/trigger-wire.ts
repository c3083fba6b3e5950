import { type DatedSecret, liveSecrets, secretToWire } from "./signing-secrets.ts";
import type { Trigger } from "./trigger-store.ts";

/** Where the provider sends a connector's webhooks. */
export function ingressUrlOf(ingressId: string, publicOrigin: string): string {
  return `${publicOrigin}/hooks/${ingressId}`;
}

/** A connector's trigger settings; of the secrets, that there are some. */
export function triggerToWire(
  trigger: Trigger,
  secrets: readonly DatedSecret[],
  { publicOrigin, nowMs }: { publicOrigin: string; nowMs: number },
) {
  return {
    enabled: trigger.enabled,
    ingressUrl: ingressUrlOf(trigger.ingressId, publicOrigin),
    // `provider` or `recipe`, and `settings`.
    ...(trigger.recipe !== null && (JSON.parse(trigger.recipe) as Record<string, unknown>)),
    secrets: liveSecrets(secrets, nowMs).map(secretToWire),
    pendingVerification: trigger.pendingVerification,
    events: trigger.events,
    maxBodyBytes: trigger.maxBodyBytes,
    journal: trigger.journal,
    payloadDays: trigger.payloadDays,
    createdAt: trigger.createdAtMs,
    updatedAt: trigger.updatedAtMs,
    revision: trigger.revision,
  };
}
