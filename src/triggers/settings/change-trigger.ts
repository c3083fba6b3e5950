import * as z from "zod/mini";
import type { Connector } from "../../connectors/connector-row.ts";
import { hex } from "../../crypto/bytes.ts";
import { ApiError, unwrap } from "../../errors.ts";
import type { Services } from "../../services.ts";
import { bodyCap } from "../recipes/body-cap.ts";
import { type CheckedRecipe, LARGEST_BODY_BYTES, USUAL_BODY_BYTES } from "../recipes/checked-recipe.ts";
import { checkRecipe, parseStoredRecipe, providersForConnector, secretProblem } from "../recipes/stored-recipe.ts";
import { eventGlobs, graceSeconds, signingSecret } from "./fields.ts";
import { type DatedSecret, liveSecrets, MAX_SECRETS, newSecret, rotatedSecrets } from "./signing-secrets.ts";
import { openTriggerSecrets, sealTriggerSecrets } from "./trigger-secrets.ts";
import type { Trigger } from "./trigger-store.ts";

export const INGRESS_ID_BYTES = 16;
const MAX_PAYLOAD_DAYS = 30;

/** What is set of a connector's triggers; what is absent stays as it is. */
export const TriggerChange = z.strictObject({
  enabled: z.optional(z.boolean()),
  /** A provider that we know, or else a `recipe` of one's own. */
  provider: z.optional(z.string().check(z.minLength(1), z.maxLength(100))),
  recipe: z.optional(z.unknown()),
  settings: z.optional(z.unknown()),
  /** The current one first. Those of before that are not among them end `previousSecretSeconds` from now. */
  secrets: z.optional(z.array(signingSecret).check(z.maxLength(MAX_SECRETS))),
  previousSecretSeconds: graceSeconds,
  /** Events of other types are acknowledged, and not kept. Null = all are wanted. */
  events: z.optional(z.nullable(eventGlobs)),
  maxBodyBytes: z.optional(z.int().check(z.gte(1024), z.lte(LARGEST_BODY_BYTES))),
  journal: z.optional(z.boolean()),
  payloadDays: z.optional(z.int().check(z.gte(0), z.lte(MAX_PAYLOAD_DAYS))),
});
export type TriggerChange = z.output<typeof TriggerChange>;

/** The settings that a connector starts with: an ingress that answers nobody. */
export function newTrigger(connectorId: string, { now, randomBytes }: Pick<Services, "now" | "randomBytes">): Trigger {
  const nowMs = now();
  return {
    connectorId,
    ingressId: hex(randomBytes(INGRESS_ID_BYTES)),
    enabled: false,
    pendingVerification: true,
    recipe: null,
    events: null,
    maxBodyBytes: USUAL_BODY_BYTES,
    journal: false,
    payloadDays: 7,
    secretsSealed: null,
    secretsKid: null,
    secretsGeneration: 0,
    revision: 1,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

/** The settings after a change. Thrown: `bad_request`, `recipe_required`, and what keeps secrets from being opened. */
export async function changedTrigger(
  services: Pick<Services, "keys" | "now" | "randomBytes">,
  { connector, teamId }: { connector: Pick<Connector, "type" | "service">; teamId: string },
  current: Trigger,
  change: TriggerChange,
): Promise<Trigger> {
  const recipe = recipeAfter(current, connector, change);
  const isAnother = recipe !== current.recipe;
  const parsed = recipe === null ? null : parseStoredRecipe(recipe).recipe;
  if (parsed !== null) await checkSecrets(parsed, change.secrets ?? []);
  const secrets = change.secrets && (await secretsAfter(services, teamId, current, change.secrets, change));
  // To switch off what does not open any more, its secrets are not needed.
  const live =
    secrets ?? (change.maxBodyBytes === undefined ? [] : await liveTriggerSecrets(services, teamId, current));
  const cap = bodyCap(parsed, live);
  if (change.maxBodyBytes !== undefined && change.maxBodyBytes > cap) {
    throw new ApiError("bad_request", {
      message: `maxBodyBytes: it is at most ${cap} with this recipe and its secrets.`,
    });
  }
  return {
    ...current,
    ...(secrets && (await sealTriggerSecrets(services, teamId, current, secrets))),
    enabled: change.enabled ?? current.enabled,
    recipe,
    // Another provider has verified nothing yet, and neither has one whose secrets were taken back.
    pendingVerification: current.pendingVerification || isAnother || secrets?.length === 0,
    events: change.events === undefined ? current.events : change.events,
    maxBodyBytes: change.maxBodyBytes ?? Math.min(current.maxBodyBytes, cap),
    journal: change.journal ?? current.journal,
    payloadDays: change.payloadDays ?? current.payloadDays,
    revision: current.revision + 1,
    updatedAtMs: services.now(),
  };
}

/** As it is stored: checked, so that the ingress can rely on it. */
function recipeAfter(
  current: Trigger,
  connector: Pick<Connector, "type" | "service">,
  { enabled, provider, recipe, settings }: TriggerChange,
): string | null {
  if (provider !== undefined && recipe !== undefined) {
    throw new ApiError("bad_request", { message: "provider, recipe: send one of them." });
  }
  const given = settings === undefined ? {} : { settings };
  if (provider !== undefined) return stored({ provider, ...given });
  if (recipe !== undefined) return stored({ recipe, ...given });
  if (current.recipe !== null) {
    return settings === undefined ? current.recipe : stored({ ...JSON.parse(current.recipe), ...given });
  }
  return enabled === true || settings !== undefined ? stored({ provider: ownProvider(connector), ...given }) : null;
}

function stored(input: unknown): string {
  return JSON.stringify(unwrap(checkRecipe(input)));
}

/** The provider that goes without saying; `recipe_required` names those that there are to choose from. */
function ownProvider({ type, service }: Pick<Connector, "type" | "service">): string {
  const providers = providersForConnector(type, service);
  const [provider] = providers;
  if (provider !== undefined && providers.length === 1) return provider;
  const which = providers.length === 0 ? "" : ` It may be one of: ${providers.join(", ")}.`;
  throw new ApiError("recipe_required", {
    message: `triggers: it is not known how '${service}' signs its webhooks. Send a provider or a recipe with PUT …/triggers.${which}`,
  });
}

/** A secret that can verify nothing would only be noticed when the provider's first event is refused. */
async function checkSecrets(recipe: CheckedRecipe, secrets: string[]): Promise<void> {
  for (const secret of secrets) {
    const problem = await secretProblem(recipe, secret);
    if (problem !== null) throw new ApiError("bad_request", { message: `secrets: each must ${problem}.` });
  }
}

async function liveTriggerSecrets(
  { keys, now }: Pick<Services, "keys" | "now">,
  teamId: string,
  trigger: Trigger,
): Promise<DatedSecret[]> {
  return liveSecrets(unwrap(await openTriggerSecrets(keys, teamId, trigger)), now());
}

async function secretsAfter(
  services: Pick<Services, "keys" | "now" | "randomBytes">,
  teamId: string,
  current: Trigger,
  given: string[],
  { previousSecretSeconds }: TriggerChange,
): Promise<DatedSecret[]> {
  const nowMs = services.now();
  const before = await liveTriggerSecrets(services, teamId, current);
  const named = [...new Set(given)].map((value): DatedSecret => {
    const known = before.find((secret) => secret.value.expose() === value);
    return known === undefined ? newSecret(value, services) : { ...known, expiresAtMs: null };
  });
  return rotatedSecrets(before, named, { graceMs: previousSecretSeconds * 1000, nowMs });
}
