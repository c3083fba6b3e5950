import * as z from "zod";
import { kidOf, open, type SealContext, seal } from "../crypto/envelope.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { Secret } from "../crypto/secret.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Services } from "../services.ts";
import { type Connector, jsonOf } from "./connector-row.ts";

type SealedSecrets = Pick<Connector, "secretsSealed" | "secretsKid" | "secretNames" | "secretsGeneration">;

const StoredSecrets = jsonOf(z.record(z.string(), z.string()));

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
  const secretsSealed = await seal(keys, context, Secret.of(JSON.stringify(secrets)), randomBytes);
  return { secretsSealed, secretsKid: kidOf(secretsSealed), secretNames, secretsGeneration };
}

/** The secrets by field name. `key_missing` or `decryption_failed`. */
export async function openSecrets(
  keys: KeyRing,
  teamId: string,
  connector: { id: string } & Pick<SealedSecrets, "secretsSealed" | "secretsGeneration">,
): Promise<Result<Record<string, Secret>>> {
  if (connector.secretsSealed === null) return ok({});
  const context = connectorSecretsContext(teamId, connector.id, connector.secretsGeneration);
  const opened = await open(keys, context, connector.secretsSealed);
  if (!opened.ok) return opened;
  const stored = StoredSecrets.safeParse(opened.value.expose());
  if (!stored.success) return fail("decryption_failed", { reason: `secrets of ${connector.id} do not parse` });
  return ok(Object.fromEntries(Object.entries(stored.data).map(([name, text]) => [name, Secret.of(text)])));
}

/** Where a connector's envelope lies. */
export function connectorSecretsContext(team: string, rowId: string, generation: number): SealContext {
  return { team, table: "connectors", column: "secrets", rowId, generation };
}
