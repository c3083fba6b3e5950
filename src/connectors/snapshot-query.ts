import { type Database, type Statement, sql } from "../store/database.ts";
import { isConnectorId } from "./uid.ts";

/** What a token request reads of the control plane, as the database has it: sets and objects are JSON text. */
export interface ConnectorSnapshotRow {
  team_id: string;
  id: string;
  uid: string;
  type: string;
  name: string;
  service: string;
  draft: number;
  config: string;
  config_revision: number;
  revision: number;
  region: string | null;
  lease_seconds: number;
  link_id: string;
  link_updated_at_ms: number;
  environments: string;
  installations: string | null;
  subjects: string | null;
  subject_namespace: string | null;
  scopes: string | null;
  authorization_details: string | null;
  /** The latest revocation of team, project, connector and link, on the team's logical clock. */
  revoked_before_ms: number;
}

const SNAPSHOT = `SELECT t.id AS team_id, c.id, c.uid, c.type, c.name, c.service, c.draft, c.config, c.config_revision, c.revision,
    c.region, c.lease_seconds, l.id AS link_id, l.updated_at_ms AS link_updated_at_ms, l.environments, l.installations,
    l.subjects, l.subject_namespace, l.scopes, l.authorization_details,
    max(t.revoked_before_ms, p.revoked_before_ms, c.revoked_before_ms, l.revoked_before_ms) AS revoked_before_ms
  FROM connectors AS c
  JOIN links AS l ON l.connector_id = c.id AND l.project_id = ?2
  JOIN projects AS p ON p.id = l.project_id
  JOIN team AS t ON t.singleton = 1`;

/** The snapshot's one query; `ref` is a connector's id or uid. Every table is reached through an index. */
export function snapshotStatement({ ref, projectId }: { ref: string; projectId: string }): Statement {
  return isConnectorId(ref)
    ? sql(`${SNAPSHOT} WHERE c.id = ?1 AND c.deleted_at_ms IS NULL`, ref, projectId)
    : sql(`${SNAPSHOT} WHERE c.uid = ?1 AND c.deleted_at_ms IS NULL`, ref, projectId);
}

/** The connector as that project may see it; null when it is unknown, deleted, or not linked to the project. */
export function loadSnapshot(
  db: Database,
  address: { ref: string; projectId: string },
): Promise<ConnectorSnapshotRow | null> {
  return db.first<ConnectorSnapshotRow>(snapshotStatement(address));
}
