import type { Position } from "../http/pagination.ts";
import { type Database, type SqlValue, type Statement, sql } from "../store/database.ts";
import { advanceRevocationClock } from "../store/revocation-clock.ts";
import { type LeaseSettings, selectLease } from "./lease-change.ts";
import { LINK_QUERY, type Link, type LinkRow, linkOfRow, type Narrowing } from "./link-row.ts";

/** A link to be stored. Narrowing that is absent stays as it is stored; null removes it. */
export interface LinkChange {
  /** The id if the link is new. */
  id: string;
  connectorId: string;
  projectId: string;
  environments: string[];
  narrowing: Partial<Narrowing>;
}

/** In the order of their columns in the conflict clause below. */
const NARROWING_FIELDS: (keyof Narrowing)[] = [
  "installations",
  "subjects",
  "subjectNamespace",
  "scopes",
  "authorizationDetails",
  "returnOrigins",
  "webhookOrigins",
];

/**
 * The statement that creates or replaces a link. It changes nothing when the connector was deleted, or the project or
 * one of the environments removed meanwhile. Belongs in one batch with `selectLink` where the result is wanted.
 */
export function upsertLink(change: LinkChange, nowMs: number): Statement {
  const { narrowing } = change;
  return sql(
    `INSERT INTO links (id, connector_id, project_id, environments, installations, subjects, subject_namespace, scopes,
       authorization_details, return_origins, webhook_origins, created_at_ms, updated_at_ms)
     SELECT ?, c.id, p.id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM connectors AS c, projects AS p
     WHERE c.id = ? AND c.deleted_at_ms IS NULL AND p.id = ?
       AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (
         SELECT 1 FROM environments AS e WHERE e.project_id = p.id AND e.id = json_each.value))
     ON CONFLICT (connector_id, project_id) DO UPDATE SET environments = excluded.environments,
       installations = iif(?, excluded.installations, links.installations),
       subjects = iif(?, excluded.subjects, links.subjects),
       subject_namespace = iif(?, excluded.subject_namespace, links.subject_namespace),
       scopes = iif(?, excluded.scopes, links.scopes),
       authorization_details = iif(?, excluded.authorization_details, links.authorization_details),
       return_origins = iif(?, excluded.return_origins, links.return_origins),
       webhook_origins = iif(?, excluded.webhook_origins, links.webhook_origins),
       updated_at_ms = max(links.updated_at_ms + 1, excluded.updated_at_ms)`,
    change.id,
    JSON.stringify(change.environments),
    jsonOrNull(narrowing.installations),
    jsonOrNull(narrowing.subjects),
    narrowing.subjectNamespace ?? null,
    jsonOrNull(narrowing.scopes),
    jsonOrNull(narrowing.authorizationDetails),
    jsonOrNull(narrowing.returnOrigins),
    jsonOrNull(narrowing.webhookOrigins),
    nowMs,
    nowMs,
    change.connectorId,
    change.projectId,
    JSON.stringify(change.environments),
    ...NARROWING_FIELDS.map((field) => (Object.hasOwn(narrowing, field) ? 1 : 0)),
  );
}

/**
 * The statement that adds an environment to a link, and makes the link where there is none. It changes nothing when the
 * connector was deleted, or the project or the environment removed meanwhile.
 */
export function enableEnvironment(
  link: { id: string; connectorId: string; projectId: string; environment: string },
  nowMs: number,
): Statement {
  return sql(
    `INSERT INTO links (id, connector_id, project_id, environments, created_at_ms, updated_at_ms)
     SELECT ?1, c.id, e.project_id, json_array(e.id), ?5, ?5 FROM connectors AS c, environments AS e
     WHERE c.id = ?2 AND c.deleted_at_ms IS NULL AND e.project_id = ?3 AND e.id = ?4
     ON CONFLICT (connector_id, project_id) DO UPDATE SET
       environments = json_insert(links.environments, '$[#]', ?4), updated_at_ms = max(links.updated_at_ms + 1, ?5)
     WHERE NOT EXISTS (SELECT 1 FROM json_each(links.environments) WHERE value = ?4)`,
    link.id,
    link.connectorId,
    link.projectId,
    link.environment,
    nowMs,
  );
}

function jsonOrNull(list: unknown[] | null | undefined): SqlValue {
  return list == null ? null : JSON.stringify(list);
}

function selectLink(connectorId: string, projectId: string): Statement {
  return sql(`${LINK_QUERY} WHERE l.connector_id = ? AND l.project_id = ?`, connectorId, projectId);
}

/** The link of a connector to a project, or null. */
export async function findLink(db: Database, connectorId: string, projectId: string): Promise<Link | null> {
  const row = await db.first<LinkRow>(selectLink(connectorId, projectId));
  return row === null ? null : linkOfRow(row);
}

/** Creates or replaces a link; null when its connector or project is gone. */
export async function putLink(db: Database, change: LinkChange, nowMs: number): Promise<Link | null> {
  const [, read] = await db.batch<[never, LinkRow]>([
    upsertLink(change, nowMs),
    selectLink(change.connectorId, change.projectId),
  ]);
  const row = read?.rows[0];
  return row === undefined ? null : linkOfRow(row);
}

/**
 * Removes a link with the destinations in its project, and advances the revocation clock. The connector's leases in force
 * then, and what was removed; null when there was no link.
 * A later link of the same two is
 * another row with another id, so nothing leased under this one carries over.
 */
export async function deleteLink(
  db: Database,
  connectorId: string,
  projectId: string,
  nowMs: number,
): Promise<{ lease: LeaseSettings; destinations: { id: string; lanes: number }[] } | null> {
  const [, removed, destinations, lease] = await db.batch<
    [unknown, unknown, { id: string; lanes: number }, LeaseSettings]
  >([
    advanceRevocationClock(nowMs),
    sql("DELETE FROM links WHERE connector_id = ? AND project_id = ?", connectorId, projectId),
    sql(
      "DELETE FROM destinations WHERE connector_id = ? AND project_id = ? RETURNING id, lanes",
      connectorId,
      projectId,
    ),
    selectLease(connectorId),
  ]);
  const left = lease?.rows[0];
  // Rows that go with it are counted, too.
  if ((removed?.changes ?? 0) === 0 || left === undefined) return null;
  return { lease: left, destinations: destinations?.rows ?? [] };
}

const OWNERS = { connector: "l.connector_id", project: "l.project_id" };

/** The query of `listLinks`. */
export function linkListStatement(
  owner: { of: "connector" | "project"; id: string },
  page: { after: Position<number> | null; limit: number },
): Statement {
  return sql(
    `${LINK_QUERY} WHERE ${OWNERS[owner.of]} = ? AND (l.created_at_ms, l.id) > (?, ?)
     ORDER BY l.created_at_ms, l.id LIMIT ?`,
    owner.id,
    page.after?.key ?? -1,
    page.after?.id ?? "",
    page.limit,
  );
}

/** At most `limit` links of a connector or of a project, oldest first. */
export async function listLinks(
  db: Database,
  owner: { of: "connector" | "project"; id: string },
  page: { after: Position<number> | null; limit: number },
): Promise<Link[]> {
  const rows = await db.all<LinkRow>(linkListStatement(owner, page));
  return rows.map(linkOfRow);
}
