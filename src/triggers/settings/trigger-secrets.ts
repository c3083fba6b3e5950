import type { SealContext } from "../../crypto/envelope.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import type { Secret } from "../../crypto/secret.ts";
import { ok, type Result } from "../../errors.ts";
import type { Services } from "../../services.ts";
import { type DatedSecret, newSecret, openSecretList, sealSecretList } from "./signing-secrets.ts";
import { findTrigger, type Trigger, updateTrigger } from "./trigger-store.ts";

const LEARN_TRIES = 3;

/** Where the envelope of a connector's signing secrets lies. */
export function triggerSecretsContext(team: string, connectorId: string, generation: number): SealContext {
  return { team, table: "triggers", column: "secrets", rowId: connectorId, generation };
}

/** The signing secrets, newest first, those included that have expired. `key_missing` or `decryption_failed`. */
export function openTriggerSecrets(
  keys: KeyRing,
  team: string,
  trigger: Pick<Trigger, "connectorId" | "secretsSealed" | "secretsGeneration">,
): Promise<Result<DatedSecret[]>> {
  const context = triggerSecretsContext(team, trigger.connectorId, trigger.secretsGeneration);
  return openSecretList(keys, context, trigger.secretsSealed);
}

/** The columns that hold these secrets from the next write on. */
export async function sealTriggerSecrets(
  services: Pick<Services, "keys" | "randomBytes">,
  team: string,
  trigger: Pick<Trigger, "connectorId" | "secretsGeneration">,
  secrets: readonly DatedSecret[],
): Promise<Pick<Trigger, "secretsSealed" | "secretsKid" | "secretsGeneration">> {
  const secretsGeneration = trigger.secretsGeneration + 1;
  if (secrets.length === 0) return { secretsSealed: null, secretsKid: null, secretsGeneration };
  const context = triggerSecretsContext(team, trigger.connectorId, secretsGeneration);
  return { ...(await sealSecretList(services, context, secrets)), secretsGeneration };
}

/**
 * Keeps a secret that the provider set by a handshake, once: only while nothing has been verified and no secret is
 * there. False = it was not kept, and the handshake must not be answered.
 */
export async function keepLearnedSecret(
  services: Pick<Services, "db" | "keys" | "randomBytes" | "now">,
  team: string,
  connectorId: string,
  learned: Secret,
): Promise<Result<boolean>> {
  for (let attempt = 1; attempt <= LEARN_TRIES; attempt++) {
    const trigger = await findTrigger(services.db, connectorId);
    if (trigger === null || !trigger.pendingVerification || trigger.secretsSealed !== null) return ok(false);
    const secret: DatedSecret = { ...newSecret(learned.expose(), services), learned: true };
    const sealed = await sealTriggerSecrets(services, team, trigger, [secret]);
    const next = { ...trigger, ...sealed, revision: trigger.revision + 1, updatedAtMs: services.now() };
    if (await updateTrigger(services.db, next, trigger)) return ok(true);
  }
  return ok(false);
}
