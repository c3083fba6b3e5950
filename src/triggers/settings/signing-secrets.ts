import * as z from "zod/mini";
import { kidOf, open, type SealContext, type Sealed, seal } from "../../crypto/envelope.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import { Secret } from "../../crypto/secret.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Services } from "../../services.ts";
import { newId } from "../../store/ids.ts";

/** One signing secret, of a connector's provider or of a destination. */
export interface DatedSecret {
  /** `sec_…` */
  id: string;
  value: Secret;
  addedAtMs: number;
  /** Null = until it is replaced. */
  expiresAtMs: number | null;
  /** The provider set it by a handshake. */
  learned?: true | undefined;
}

/** The most that are kept at once: the current one, and two from rotations that overlap. */
export const MAX_SECRETS = 3;

const Stored = z.array(
  z.object({
    id: z.string(),
    value: z.string(),
    addedAtMs: z.number(),
    expiresAtMs: z.nullable(z.number()),
    learned: z.optional(z.literal(true)),
  }),
);

/** The secrets as one envelope, and the key that it needs. */
export async function sealSecretList(
  { keys, randomBytes }: Pick<Services, "keys" | "randomBytes">,
  context: SealContext,
  secrets: readonly DatedSecret[],
): Promise<{ secretsSealed: Sealed; secretsKid: string }> {
  const stored = secrets.map(({ value, ...facts }) => ({ ...facts, value: value.expose() }));
  const secretsSealed = await seal(keys, context, Secret.of(JSON.stringify(stored)), randomBytes);
  return { secretsSealed, secretsKid: kidOf(secretsSealed) ?? keys.primaryKid };
}

/** The secrets, newest first, those included that have expired. `key_missing` or `decryption_failed`. */
export async function openSecretList(
  keys: KeyRing,
  context: SealContext,
  sealed: string | null,
): Promise<Result<DatedSecret[]>> {
  if (sealed === null) return ok([]);
  const opened = await open(keys, context, sealed);
  if (!opened.ok) return opened;
  const stored = parsed(opened.value.expose());
  if (stored === null) return fail("decryption_failed", { reason: `secrets of ${context.rowId} do not parse` });
  return ok(stored.map((secret) => ({ ...secret, value: Secret.of(secret.value) })));
}

/** The parser's message would quote its input. */
function parsed(text: string): z.output<typeof Stored> | null {
  try {
    return Stored.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** Those that are valid now, newest first. */
export function liveSecrets(secrets: readonly DatedSecret[], nowMs: number): DatedSecret[] {
  return secrets.filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > nowMs);
}

/** A secret that holds until it is replaced. */
export function newSecret(value: string, { now, randomBytes }: Pick<Services, "now" | "randomBytes">): DatedSecret {
  return { id: newId("sec", randomBytes), value: Secret.of(value), addedAtMs: now(), expiresAtMs: null };
}

/**
 * The list after `current` ones were named, newest first: the others of before end after the grace at the latest, what has
 * expired goes, and never more than `MAX_SECRETS` stay.
 */
export function rotatedSecrets(
  before: readonly DatedSecret[],
  current: readonly DatedSecret[],
  { graceMs, nowMs }: { graceMs: number; nowMs: number },
): DatedSecret[] {
  const endsAtMs = nowMs + graceMs;
  const former = before
    .filter(({ value }) => !current.some((named) => named.value.expose() === value.expose()))
    .map((secret) => ({ ...secret, expiresAtMs: Math.min(secret.expiresAtMs ?? endsAtMs, endsAtMs) }));
  return liveSecrets([...current, ...former], nowMs).slice(0, MAX_SECRETS);
}

/** What may be told of a secret. */
export function secretToWire({ id, addedAtMs, expiresAtMs }: DatedSecret) {
  return { id, addedAt: addedAtMs, ...(expiresAtMs !== null && { expiresAt: expiresAtMs }) };
}
