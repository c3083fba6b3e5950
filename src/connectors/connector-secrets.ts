import { kidOf, type SealContext } from "../crypto/envelope.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { openRecord, sealRecord } from "../crypto/sealed-record.ts";
import type { Secret } from "../crypto/secret.ts";
import { ok, type Result } from "../errors.ts";
import type { Services } from "../services.ts";
import type { Connector } from "./connector-row.ts";

type SealedSecrets = Pick<Connector, "secretsSealed" | "secretsKid" | "secretNames" | "secretsGeneration">;

/** The secrets of a connector as one envelope, which opens only in its row and for this generation. */
export async function sealSecrets(
  { keys, randomBytes }: Pick<Services, "keys" | "randomBytes">,
  place: { teamId: string; connectorId: string; generation: number },
  secrets: Record<string, string>,
): Promise<SealedSecrets> {
  const secretsGeneration = place.generation;
  const secretNames = Object.keys(secrets);
  if (secretNames.length === 0) return { secretsSealed: null, secretsKid: null, secretNames, secretsGeneration };
  const context = connectorSecretsContext(place.teamId, place.connectorId, secretsGeneration);
  const secretsSealed = await sealRecord({ keys, randomBytes }, context, secrets);
  return { secretsSealed, secretsKid: kidOf(secretsSealed), secretNames, secretsGeneration };
}

/** The secrets by field name. `key_missing` or `decryption_failed`. */
export async function openSecrets(
  keys: KeyRing,
  teamId: string,
  connector: { id: string } & Pick<SealedSecrets, "secretsSealed" | "secretsGeneration">,
): Promise<Result<Record<string, Secret>>> {
  if (connector.secretsSealed === null) return ok({});
  return openRecord(
    keys,
    connectorSecretsContext(teamId, connector.id, connector.secretsGeneration),
    connector.secretsSealed,
  );
}

/** Where a connector's envelope lies. */
export function connectorSecretsContext(team: string, rowId: string, generation: number): SealContext {
  return { team, table: "connectors", column: "secrets", rowId, generation };
}
