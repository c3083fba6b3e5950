import * as z from "zod/mini";
import { jsonOf } from "../../connectors/connector-row.ts";
import { ApiError } from "../../errors.ts";
import { type Database, type Statement, sql } from "../../store/database.ts";

/** What a connector receives from its provider, as it is stored; its secrets are still sealed. */
export interface Trigger {
  connectorId: string;
  /** 128 random bits in hex: the path that the provider calls. */
  ingressId: string;
  enabled: boolean;
  /** Nothing has been verified yet. */
  pendingVerification: boolean;
  /** What `parseStoredRecipe` reads; null = none was chosen yet. */
  recipe: string | null;
  /** Globs over event types; null = all. */
  events: string[] | null;
  maxBodyBytes: number;
  journal: boolean;
  payloadDays: number;
  secretsSealed: string | null;
  secretsKid: string | null;
  secretsGeneration: number;
  revision: number;
  createdAtMs: number;
  updatedAtMs: number;
}

/** The columns of trigger settings, of `triggers AS t`. */
export const TRIGGER_COLUMNS = `t.connector_id AS connectorId, t.ingress_id AS ingressId, t.enabled,
  t.pending_verification AS pendingVerification, t.recipe, t.events, t.max_body_bytes AS maxBodyBytes, t.journal,
  t.payload_days AS payloadDays, t.secrets_sealed AS secretsSealed, t.secrets_kid AS secretsKid,
  t.secrets_generation AS secretsGeneration, t.revision, t.created_at_ms AS createdAtMs, t.updated_at_ms AS updatedAtMs`;

/** A row as `TRIGGER_COLUMNS` selects it. */
export interface TriggerRow extends Omit<Trigger, "enabled" | "pendingVerification" | "events" | "journal"> {
  enabled: number;
  pendingVerification: number;
  events: string | null;
  journal: number;
}

const Events = z.nullable(jsonOf(z.array(z.string())));

/** The globs of a row; what does not parse was not written by this code → `decryption_failed`. */
export function eventsOfRow(row: Pick<TriggerRow, "connectorId" | "events">): string[] | null {
  const events = Events.safeParse(row.events);
  if (!events.success) throw new ApiError("decryption_failed", { reason: `trigger row ${row.connectorId}` });
  return events.data;
}

/** The typed trigger of a row. Throws as `eventsOfRow`. */
export function triggerOfRow(row: TriggerRow): Trigger {
  return {
    ...row,
    enabled: row.enabled === 1,
    pendingVerification: row.pendingVerification === 1,
    events: eventsOfRow(row),
    journal: row.journal === 1,
  };
}

/** The trigger settings of a connector; null = it was made by a version without any, and was never asked for some. */
export async function findTrigger(db: Database, connectorId: string): Promise<Trigger | null> {
  const row = await db.first<TriggerRow>(
    sql(`SELECT ${TRIGGER_COLUMNS} FROM triggers AS t WHERE t.connector_id = ?`, connectorId),
  );
  return row === null ? null : triggerOfRow(row);
}

/** Stores the settings of a connector that has none; whoever comes second changes nothing. */
export function insertTrigger(trigger: Trigger): Statement {
  return sql(
    `INSERT INTO triggers (connector_id, ingress_id, enabled, pending_verification, recipe, events, max_body_bytes, journal,
       payload_days, secrets_sealed, secrets_kid, secrets_generation, revision, created_at_ms, updated_at_ms)
     SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM connectors WHERE id = ? AND deleted_at_ms IS NULL
     ON CONFLICT (connector_id) DO NOTHING`,
    trigger.ingressId,
    ...changeable(trigger),
    trigger.createdAtMs,
    trigger.updatedAtMs,
    trigger.connectorId,
  );
}

/**
 * Stores `next` if the settings are still the `current` ones, secrets included, else changes nothing and answers
 * false. The ingress id never changes.
 */
export async function updateTrigger(
  db: Database,
  next: Trigger,
  current: Pick<Trigger, "revision" | "secretsGeneration">,
): Promise<boolean> {
  const changes = await db.run(
    sql(
      `UPDATE triggers SET enabled = ?, pending_verification = ?, recipe = ?, events = ?, max_body_bytes = ?, journal = ?,
         payload_days = ?, secrets_sealed = ?, secrets_kid = ?, secrets_generation = ?, revision = ?, updated_at_ms = ?
       WHERE connector_id = ? AND revision = ? AND secrets_generation = ?`,
      ...changeable(next),
      next.updatedAtMs,
      next.connectorId,
      current.revision,
      current.secretsGeneration,
    ),
  );
  return changes === 1;
}

/** Values of the columns from `enabled` to `revision`. */
function changeable(trigger: Trigger) {
  return [
    trigger.enabled ? 1 : 0,
    trigger.pendingVerification ? 1 : 0,
    trigger.recipe,
    trigger.events && JSON.stringify(trigger.events),
    trigger.maxBodyBytes,
    trigger.journal ? 1 : 0,
    trigger.payloadDays,
    trigger.secretsSealed,
    trigger.secretsKid,
    trigger.secretsGeneration,
    trigger.revision,
  ];
}

/**
 * Notes that something was verified: unsigned handshakes are refused from now on. Not if the settings have changed since,
 * for another provider has verified nothing. Idempotent.
 */
export async function markVerified(
  db: Database,
  { connectorId, revision }: Pick<Trigger, "connectorId" | "revision">,
): Promise<void> {
  await db.run(
    sql(
      `UPDATE triggers SET pending_verification = 0
       WHERE connector_id = ? AND revision = ? AND pending_verification = 1`,
      connectorId,
      revision,
    ),
  );
}
