import type { SealContext } from "../../crypto/envelope.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import type { Result } from "../../errors.ts";
import type { Services } from "../../services.ts";
import type { Destination } from "./destination.ts";
import { type DatedSecret, newSecret, openSecretList, sealSecretList } from "./signing-secrets.ts";

const SECRET_BYTES = 32;

/** Where the envelope of a destination's Standard Webhooks secrets lies. */
export function destinationSecretsContext(team: string, destinationId: string, generation: number): SealContext {
  return { team, table: "destinations", column: "secrets", rowId: destinationId, generation };
}

/**
 * The Standard Webhooks secrets (`whsec_…`), newest first, those included that have expired (see `liveSecrets`).
 * `key_missing` or `decryption_failed`.
 */
export function openDestinationSecrets(
  keys: KeyRing,
  team: string,
  destination: Pick<Destination, "id" | "secretsSealed" | "secretsGeneration">,
): Promise<Result<DatedSecret[]>> {
  const context = destinationSecretsContext(team, destination.id, destination.secretsGeneration);
  return openSecretList(keys, context, destination.secretsSealed);
}

/** The columns that hold these secrets as that generation. */
export async function sealDestinationSecrets(
  services: Pick<Services, "keys" | "randomBytes">,
  team: string,
  { id, secretsGeneration }: Pick<Destination, "id" | "secretsGeneration">,
  secrets: readonly DatedSecret[],
) {
  const context = destinationSecretsContext(team, id, secretsGeneration);
  return { ...(await sealSecretList(services, context, secrets)), secretsGeneration };
}

/** A new signing secret as the Standard Webhooks specification has it: `whsec_` and base64 of 32 random bytes. */
export function newDestinationSecret(services: Pick<Services, "now" | "randomBytes">): DatedSecret {
  return newSecret(`whsec_${services.randomBytes(SECRET_BYTES).toBase64()}`, services);
}
