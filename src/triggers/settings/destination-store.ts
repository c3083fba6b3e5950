import type { Database, Statement } from "../../store/database.ts";
import { sql } from "../../store/database.ts";
import type { Destination, ForwardedConnector } from "./destination.ts";
import { DESTINATION_QUERY, type DestinationRow, destinationOfRow, type StoredDestination } from "./destination-row.ts";

/** All destinations of a connector, active and disabled, oldest first. */
export async function destinationsOf(db: Database, connectorId: string): Promise<StoredDestination[]> {
  const rows = await db.all<DestinationRow>(
    sql(`${DESTINATION_QUERY} WHERE d.connector_id = ? ORDER BY d.created_at_ms, d.id`, connectorId),
  );
  return rows.map(destinationOfRow);
}

interface ConnectorRow {
  id: string;
  uid: string;
  type: string;
  service: string;
  region: string | null;
}

/** A destination of a live connector, and what is said of that; null = there is none (any more). */
export async function findDestination(
  db: Database,
  id: string,
): Promise<{ destination: StoredDestination; connector: ForwardedConnector } | null> {
  const [found, from] = await db.batch<[DestinationRow, ConnectorRow]>([
    sql(`${DESTINATION_QUERY} WHERE d.id = ?`, id),
    sql(
      `SELECT c.id, c.uid, c.type, c.service, c.region FROM destinations AS d JOIN connectors AS c ON c.id = d.connector_id
       WHERE d.id = ? AND c.deleted_at_ms IS NULL`,
      id,
    ),
  ]);
  const row = found?.rows[0];
  const connector = from?.rows[0];
  return row === undefined || connector === undefined ? null : { destination: destinationOfRow(row), connector };
}

/** Stops sending to a destination, unless somebody has already. Its waiting deliveries stay. */
export async function disableDestination(
  db: Database,
  id: string,
  reason: "operator" | "gone",
  nowMs: number,
): Promise<void> {
  await db.run(
    sql(
      `UPDATE destinations SET disabled_reason = ?, revision = revision + 1, updated_at_ms = ?
       WHERE id = ? AND disabled_reason IS NULL`,
      reason,
      nowMs,
      id,
    ),
  );
}

/** The statement that stores a new destination of a live connector. */
export function insertDestination(destination: StoredDestination): Statement {
  return sql(
    `INSERT INTO destinations (id, url, project_id, environment, path, branch, audience, events, filter, ordered, lanes,
       retry_schedule, timeout_ms, max_in_flight, rate_per_second, responder, disabled_reason, secrets_sealed, secrets_kid,
       secrets_generation, revision, created_at_ms, updated_at_ms, connector_id)
     SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, id FROM connectors
     WHERE id = ? AND deleted_at_ms IS NULL`,
    destination.id,
    destination.givenUrl,
    destination.projectId,
    destination.environment,
    destination.path,
    destination.branch,
    destination.audience,
    ...changeable(destination),
    destination.secretsSealed,
    destination.secretsKid,
    destination.secretsGeneration,
    destination.revision,
    destination.createdAtMs,
    destination.updatedAtMs,
    destination.connectorId,
  );
}

/**
 * Stores `next` if the destination is still the `current` one, secrets included, else changes nothing and answers
 * false. Its connector, project, environment, branch and audience never change.
 */
export async function updateDestination(
  db: Database,
  next: StoredDestination,
  current: Pick<Destination, "revision" | "secretsGeneration">,
): Promise<boolean> {
  const changes = await db.run(
    sql(
      `UPDATE destinations SET url = ?, path = ?, events = ?, filter = ?, ordered = ?, lanes = ?, retry_schedule = ?,
         timeout_ms = ?, max_in_flight = ?, rate_per_second = ?, responder = ?, disabled_reason = ?, secrets_sealed = ?,
         secrets_kid = ?, secrets_generation = ?, revision = ?, updated_at_ms = ?
       WHERE id = ? AND revision = ? AND secrets_generation = ?`,
      next.givenUrl,
      next.path,
      ...changeable(next),
      next.secretsSealed,
      next.secretsKid,
      next.secretsGeneration,
      next.revision,
      next.updatedAtMs,
      next.id,
      current.revision,
      current.secretsGeneration,
    ),
  );
  return changes === 1;
}

/** Values of the columns from `events` to `disabled_reason`. */
function changeable(destination: StoredDestination) {
  return [
    destination.events && JSON.stringify(destination.events),
    destination.filter && JSON.stringify(destination.filter),
    destination.ordered ? 1 : 0,
    destination.lanes,
    JSON.stringify(destination.retrySchedule),
    destination.timeoutMs,
    destination.maxInFlight,
    destination.ratePerSecond,
    destination.responder ? 1 : 0,
    destination.storedReason,
  ];
}

export function deleteDestination(connectorId: string, id: string): Statement {
  return sql("DELETE FROM destinations WHERE id = ? AND connector_id = ?", id, connectorId);
}
