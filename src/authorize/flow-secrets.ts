import * as z from "zod/mini";
import type { FoundInstallation } from "../catalog/installations.ts";
import { jsonOf } from "../connectors/connector-row.ts";
import { base64url } from "../crypto/bytes.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { kidOf, open, type SealContext, seal } from "../crypto/envelope.ts";
import { Secret } from "../crypto/secret.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Services } from "../services.ts";
import { FLOWS, kindOf } from "./flow-table.ts";

/** What one trip of the browser to an authorization server and back is bound by. */
const Leg = z.object({ state: z.string(), codeVerifier: z.string(), nonce: z.string() });
export type Leg = z.output<typeof Leg>;

/** What a request keeps sealed from its claim to its end. */
const FlowSecrets = z.object({
  provider: z.optional(Leg),
  login: z.optional(Leg),
  /** The provider's authorization code, until the app completes. */
  code: z.optional(z.string()),
  /** The key that the user pasted. */
  key: z.optional(z.string()),
  /** What the app completes with, so that a page that is loaded again says the same. */
  connectCode: z.optional(z.string()),
  /** The code of a registration was sent, and the provider did not answer. */
  isSent: z.optional(z.boolean()),
  /** What a registration brought, until the connector is stored. */
  registered: z.optional(z.object({ data: z.unknown(), name: z.string() })),
  /** The installation that the browser named, as the provider has it, until it is proven. */
  found: z.optional(z.custom<FoundInstallation>((value) => typeof value === "object")),
});
export type FlowSecrets = z.output<typeof FlowSecrets>;

const stored = jsonOf(FlowSecrets);

export interface SealedFlowSecrets {
  sealed: string;
  kid: string | null;
  generation: number;
}

type Place = { id: string; secretsGeneration: number };

/** 256 random bits as 43 characters of base64url. */
export function randomText(randomBytes: Services["randomBytes"]): string {
  return base64url(randomBytes(32));
}

/** Whether a text could be one of those. */
export function isRandomText(text: string): boolean {
  return /^[\w-]{43}$/.test(text);
}

export function newLeg(randomBytes: Services["randomBytes"]): Leg {
  return { state: randomText(randomBytes), codeVerifier: randomText(randomBytes), nonce: randomText(randomBytes) };
}

/** S256 (RFC 7636 §4.2). */
export function challengeOf({ codeVerifier }: Leg): Promise<string> {
  return sha256Base64url(codeVerifier);
}

/** The secrets of a request as they are to be stored next. */
export async function sealFlow(
  { keys, randomBytes }: Pick<Services, "keys" | "randomBytes">,
  teamId: string,
  place: Place,
  secrets: FlowSecrets,
): Promise<SealedFlowSecrets> {
  const generation = place.secretsGeneration + 1;
  const context = flowSecretsContext(teamId, place.id, generation);
  const sealed = await seal(keys, context, Secret.of(JSON.stringify(secrets)), randomBytes);
  return { sealed, kid: kidOf(sealed), generation };
}

/** The secrets of a request; none while nobody has claimed it. `key_missing` or `decryption_failed`. */
export async function openFlow(
  { keys }: Pick<Services, "keys">,
  teamId: string,
  request: Place & { secretsSealed: string | null },
): Promise<Result<FlowSecrets>> {
  if (request.secretsSealed === null) return ok({});
  const context = flowSecretsContext(teamId, request.id, request.secretsGeneration);
  const opened = await open(keys, context, request.secretsSealed);
  if (!opened.ok) return opened;
  const parsed = stored.safeParse(opened.value.expose());
  return parsed.success ? ok(parsed.data) : fail("decryption_failed", { reason: `secrets of ${request.id}` });
}

/** Where a request's envelope lies. */
export function flowSecretsContext(team: string, rowId: string, generation: number): SealContext {
  return { team, table: FLOWS[kindOf(rowId)].table, column: "secrets", rowId, generation };
}
