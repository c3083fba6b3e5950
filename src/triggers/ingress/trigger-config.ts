import type { ConnectorType } from "../../catalog/connector-types.ts";
import { ApiError, unwrap } from "../../errors.ts";
import type { Services } from "../../services.ts";
import { type Database, sql } from "../../store/database.ts";
import { findTeam } from "../../team/team-store.ts";
import type { CheckedRecipe } from "../recipes/checked-recipe.ts";
import type { RecipeContext } from "../recipes/recipe.ts";
import { parseStoredRecipe } from "../recipes/stored-recipe.ts";
import type { Destination, ForwardedConnector } from "../settings/destination.ts";
import { destinationsOf } from "../settings/destination-store.ts";
import { type DatedSecret, liveSecrets } from "../settings/signing-secrets.ts";
import { openTriggerSecrets } from "../settings/trigger-secrets.ts";
import { TRIGGER_COLUMNS, type Trigger, type TriggerRow, triggerOfRow } from "../settings/trigger-store.ts";

/** All that the ingress must know of one connector, its secrets opened. */
export interface TriggerConfig
  extends Pick<Trigger, "pendingVerification" | "events" | "maxBodyBytes" | "journal" | "revision"> {
  teamId: string;
  connector: ForwardedConnector & { type: ConnectorType };
  /** Null = none was chosen yet. */
  recipe: CheckedRecipe | null;
  settings: RecipeContext["settings"];
  /** Newest first, those included that have expired. */
  secrets: DatedSecret[];
  secretsGeneration: number;
  /** Answers the provider; null = nobody does, so it is acknowledged. */
  responder: Destination | null;
}

interface Row extends TriggerRow {
  uid: string;
  type: ConnectorType;
  service: string;
  region: string | null;
  hasResponder: number;
}

/**
 * The receiving side of a connector, a draft included, by the path that its provider calls; null = there is none, or it
 * is switched off or deleted. Throws `storage_unavailable`, and what `openTriggerSecrets` says of secrets that do not open.
 */
export async function loadTriggerByIngressId(
  db: Database,
  keys: Services["keys"],
  ingressId: string,
): Promise<TriggerConfig | null> {
  const [team, row] = await Promise.all([
    findTeam(db),
    db.first<Row>(
      sql(
        `SELECT ${TRIGGER_COLUMNS}, c.uid, c.type, c.service, c.region,
           EXISTS (SELECT 1 FROM destinations AS d WHERE d.connector_id = c.id AND d.responder = 1) AS hasResponder
         FROM triggers AS t JOIN connectors AS c ON c.id = t.connector_id
         WHERE t.ingress_id = ? AND t.enabled = 1 AND c.deleted_at_ms IS NULL`,
        ingressId,
      ),
    ),
  ]);
  if (row === null) return null;
  if (team === null) throw new ApiError("storage_unavailable", { reason: "a connector without a team" });
  const { uid, type, service, region, hasResponder, ...triggerRow } = row;
  const trigger = triggerOfRow(triggerRow);
  const secrets = unwrap(await openTriggerSecrets(keys, team.id, trigger));
  const stored = trigger.recipe === null ? null : parseStoredRecipe(trigger.recipe);
  return {
    teamId: team.id,
    connector: { id: trigger.connectorId, uid, type, service, region },
    recipe: stored?.recipe ?? null,
    settings: stored?.settings ?? {},
    secrets,
    secretsGeneration: trigger.secretsGeneration,
    responder: hasResponder === 1 ? await responderOf(db, trigger.connectorId) : null,
    pendingVerification: trigger.pendingVerification,
    events: trigger.events,
    maxBodyBytes: trigger.maxBodyBytes,
    journal: trigger.journal,
    revision: trigger.revision,
  };
}

async function responderOf(db: Database, connectorId: string): Promise<Destination | null> {
  const destinations = await destinationsOf(db, connectorId);
  return destinations.find(({ responder, disabledReason }) => responder && disabledReason === null) ?? null;
}

/** What a request is verified with at this moment. */
export function recipeContext(config: TriggerConfig, nowMs: number): RecipeContext {
  const { pendingVerification, settings } = config;
  return { secrets: liveSecrets(config.secrets, nowMs), pendingVerification, settings, nowMs };
}
