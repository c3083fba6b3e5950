import { CALLER_LEASE_MS } from "../callers/caller-leases.ts";
import { type Database, type Statement, sql } from "../store/database.ts";
import { CLOCK_MARGIN_MS, effectiveByMs } from "../tokens/lease.ts";
import type { Environment } from "./environment-store.ts";

interface AffectedLease {
  leaseSeconds: number;
  previousLeaseSeconds: number;
  leaseChangedAtMs: number;
}

/** A destination that went with its environment. */
interface RemovedDestination {
  id: string;
  lanes: number;
  connectorId: string;
  region: string | null;
}

/** The links that have an environment enabled; ?1 = project, ?2 = environment. */
const AFFECTED = `project_id = ?1 AND EXISTS (SELECT 1 FROM json_each(links.environments) WHERE value = ?2)`;

/**
 * The statements of one transaction that removes a custom environment: it leaves every link, a link without any other
 * goes, and so do its destinations, and the identity rules and access tokens that stand for it. The first one answers the
 * leases in force, the second one the destinations.
 */
function environmentRemoval({ projectId, id }: Pick<Environment, "projectId" | "id">, nowMs: number): Statement[] {
  return [
    sql(
      `SELECT c.lease_seconds AS leaseSeconds, c.previous_lease_seconds AS previousLeaseSeconds,
         c.lease_changed_at_ms AS leaseChangedAtMs
       FROM links JOIN connectors AS c ON c.id = links.connector_id WHERE ${AFFECTED}`,
      projectId,
      id,
    ),
    sql(
      `SELECT d.id, d.lanes, d.connector_id AS connectorId, c.region FROM destinations AS d JOIN connectors AS c ON c.id = d.connector_id
       WHERE d.project_id = ? AND d.environment = ?`,
      projectId,
      id,
    ),
    // Nothing is revoked: the other environments keep their tokens, and their users what they authorized.
    sql(
      `UPDATE links SET
         environments = (SELECT json_group_array(value) FROM json_each(links.environments) WHERE value <> ?2),
         updated_at_ms = max(updated_at_ms + 1, ?3)
       WHERE ${AFFECTED}`,
      projectId,
      id,
      nowMs,
    ),
    sql("DELETE FROM links WHERE project_id = ? AND json_array_length(environments) = 0", projectId),
    // Never rerouted: what was meant for it is not sent anywhere else.
    sql("DELETE FROM destinations WHERE project_id = ? AND environment = ?", projectId, id),
    sql("DELETE FROM identities WHERE project_id = ? AND environment = ?", projectId, id),
    sql("DELETE FROM access_tokens WHERE project_id = ? AND environment = ?", projectId, id),
    sql("DELETE FROM environments WHERE project_id = ? AND id = ?", projectId, id),
  ];
}

/**
 * Removes a custom environment and all that stands on it. The moment (ms) after which nothing is issued for it any
 * more, and the destinations that went with it; null when the project has no such environment.
 */
export async function deleteEnvironment(
  db: Database,
  environment: Pick<Environment, "projectId" | "id">,
  nowMs: number,
): Promise<{ effectiveByMs: number; destinations: RemovedDestination[] } | null> {
  const results = await db.batch<[AffectedLease, RemovedDestination]>(environmentRemoval(environment, nowMs));
  const [affected, removed] = results;
  if (results.at(-1)?.changes !== 1) return null;
  const leases = affected.rows;
  // Callers of that environment are leased, too, for as long as any caller is.
  const callersGoneByMs = nowMs + CALLER_LEASE_MS + CLOCK_MARGIN_MS;
  const effectiveAtMs = Math.max(callersGoneByMs, ...leases.map((lease) => effectiveByMs(lease, nowMs)));
  return { effectiveByMs: effectiveAtMs, destinations: removed.rows };
}
