import type { Position } from "../../http/pagination.ts";
import { type Database, type Statement, sql } from "../../store/database.ts";
import type { Destination, ForwardedConnector } from "./destination.ts";
import { DESTINATION_QUERY, type DestinationRow, destinationOfRow, type StoredDestination } from "./destination-row.ts";

/** All destinations of a connector, active and disabled, oldest first. */
export async function destinationsOf(db: Database, connectorId: string): Promise<StoredDestination[]> {
  const rows = await db.all<DestinationRow>(
    sql(`${DESTINATION_QUERY} WHERE d.connector_id = ? ORDER BY d.created_at_ms, d.id`, connectorId),
  );
  return rows.map(destinationOfRow);
}

/** At most `limit` destinations of a connector, oldest first. */
export async function listDestinations(
  db: Database,
  connectorId: string,
  page: { after: Position<number> | null; limit: number },
): Promise<StoredDestination[]> {
  const rows = await db.all<DestinationRow>(
    sql(
      `${DESTINATION_QUERY} WHERE d.connector_id = ? AND (d.created_at_ms, d.id) > (?, ?)
       ORDER BY d.created_at_ms, d.id LIMIT ?`,
      connectorId,
      page.after?.key ?? -1,
      page.after?.id ?? "",
      page.limit,
    ),
  );
  return rows.map(destinationOfRow);
}

/** A destination of that connector; null = it has none such. */
export async function findDestinationOf(
  db: Database,
  connectorId: string,
  id: string,
): Promise<StoredDestination | null> {
  const row = await db.first<DestinationRow>(
    sql(`${DESTINATION_QUERY} WHERE d.id = ? AND d.connector_id = ?`, id, connectorId),
  );
  return row === null ? null : destinationOfRow(row);
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

/** The statement that stores a new destination of a live connector; nothing when its environment was just deleted. */
export function insertDestination(destination: StoredDestination): Statement {
  return sql(
    `INSERT INTO destinations (id, url, project_id, environment, path, branch, audience, events, filter, ordered, lanes,
       retry_schedule, timeout_ms, max_in_flight, rate_per_second, responder, disabled_reason, secrets_sealed, secrets_kid,
       secrets_generation, revision, created_at_ms, updated_at_ms, connector_id)
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, id
     FROM connectors WHERE id = ?24 AND deleted_at_ms IS NULL
       AND (?3 IS NULL OR EXISTS (SELECT 1 FROM environments AS e WHERE e.project_id = ?3 AND e.id = ?4))`,
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

/** The statement that removes destinations for good. */
export function deletionOf(ids: readonly string[]): Statement {
  return sql("DELETE FROM destinations WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
}

export async function removeDestinations(db: Database, ids: readonly string[]): Promise<void> {
  await db.run(deletionOf(ids));
}
