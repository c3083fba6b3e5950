import type { Position } from "../http/pagination.ts";
import { type Database, sql } from "../store/database.ts";
import type { AuthorizationState } from "./protocol.ts";

/** A grant as the index knows it. */
export interface IndexedGrant {
  name: string;
  subjectType: string;
  subjectNamespace: string | null;
  subjectIssuer: string | null;
  subjectId: string | null;
  partition: string;
  state: AuthorizationState | null;
  createdAtMs: number;
  seenAtMs: number;
}

const COLUMNS = `name, subject_type AS subjectType, subject_namespace AS subjectNamespace,
  subject_issuer AS subjectIssuer, subject_id AS subjectId, partition, authorization_state AS state,
  created_at_ms AS createdAtMs, seen_at_ms AS seenAtMs`;

/** Null = not filtered. */
export interface GrantFilter {
  user: { id: string; issuer: string | null } | null;
  partition: string | null;
}

/** Where a page that ends with this grant ends. */
export function grantPosition({ name, subjectIssuer }: IndexedGrant): Position<string> {
  return { key: subjectIssuer ?? "", id: name };
}

/** At most `limit` grants of a connector after a position: in the order of their names, one user's by issuer first. */
export async function listGrants(
  db: Database,
  connectorId: string,
  { user, partition }: GrantFilter,
  page: { after: Position<string> | null; limit: number },
): Promise<IndexedGrant[]> {
  const { key, id } = page.after ?? { key: "", id: "" };
  if (user === null) {
    return db.all<IndexedGrant>(
      sql(
        `SELECT ${COLUMNS} FROM grants
         WHERE connector_id = ?1 AND name > ?2 AND (?3 IS NULL OR partition = ?3) ORDER BY name LIMIT ?4`,
        connectorId,
        id,
        partition,
        page.limit,
      ),
    );
  }
  return db.all<IndexedGrant>(
    sql(
      `SELECT ${COLUMNS} FROM grants
       WHERE connector_id = ?1 AND subject_type = 'user' AND subject_id = ?2
         AND (?3 IS NULL OR subject_issuer = ?3) AND (?4 IS NULL OR partition = ?4)
         AND (ifnull(subject_issuer, ''), name) > (?5, ?6)
       ORDER BY subject_issuer, name LIMIT ?7`,
      connectorId,
      user.id,
      user.issuer,
      partition,
      key,
      id,
      page.limit,
    ),
  );
}

export async function findGrant(db: Database, connectorId: string, name: string): Promise<IndexedGrant | null> {
  return db.first<IndexedGrant>(
    sql(`SELECT ${COLUMNS} FROM grants WHERE name = ? AND connector_id = ?`, name, connectorId),
  );
}
