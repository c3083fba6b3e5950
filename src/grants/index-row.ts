import { type Database, sql } from "../store/database.ts";
import { needKey } from "./index-keys.ts";
import type { GrantIdentity } from "./protocol.ts";

/**
 * Make the Grant known to the index, with the master key that it seals under now, before it stores any token and again
 * at each refresh; false when its connector is gone.
 */
export async function assertIndexRow(
  db: Database,
  name: string,
  identity: GrantIdentity,
  kid: string,
  nowMs: number,
): Promise<boolean> {
  const { connectorId, installationId, subject, partition } = identity;
  const user = subject.type === "user" ? subject : { namespace: null, issuer: null, id: null };
  const [indexed] = await db.batch([
    sql(
      `INSERT INTO grants
         (name, connector_id, installation_id, subject_type, subject_namespace, subject_issuer, subject_id, partition, created_at_ms, seen_at_ms)
       SELECT ?, c.id, ?, ?, ?, ?, ?, ?, ?, ? FROM connectors AS c WHERE c.id = ? AND c.deleted_at_ms IS NULL
       ON CONFLICT (name) DO UPDATE SET seen_at_ms = excluded.seen_at_ms`,
      name,
      installationId,
      subject.type,
      user.namespace,
      user.issuer,
      user.id,
      partition,
      nowMs,
      nowMs,
      connectorId,
    ),
    needKey(name, kid),
  ]);
  return (indexed?.changes ?? 0) > 0;
}

/** At most `limit` names of a connector's Grants after a name, in order. */
export async function grantNames(
  db: Database,
  connectorId: string,
  afterName: string | null,
  limit: number,
): Promise<string[]> {
  const rows = await db.all<{ name: string }>(
    sql(
      "SELECT name FROM grants WHERE connector_id = ? AND name > ? ORDER BY name LIMIT ?",
      connectorId,
      afterName ?? "",
      limit,
    ),
  );
  return rows.map(({ name }) => name);
}

/** Whose grants: a subject or (null) anybody, in one namespace or any, in some partitions or all. */
export interface SubjectReach {
  subject:
    | { type: "app" }
    | { type: "user"; id: string; issuer: string | null }
    | { type: "other"; name: string }
    | null;
  /** Only those of one installation; null = of any. */
  installationId: string | null;
  namespace: "any" | { exactly: string | null };
  partitions: string[] | null;
}

/**
 * A page of the names of the grants that a connector has for a subject, or for anybody at an installation; one that was
 * never granted anything has none.
 */
export async function grantNamesOfSubject(
  db: Database,
  connectorId: string,
  reach: SubjectReach,
  page: { after: string | null; limit: number },
): Promise<string[]> {
  const { subject, installationId, namespace, partitions } = reach;
  if (subject === null) {
    const rows = await db.all<{ name: string }>(
      sql(
        "SELECT name FROM grants WHERE connector_id = ? AND installation_id = ? AND name > ? ORDER BY name LIMIT ?",
        connectorId,
        installationId,
        page.after ?? "",
        page.limit,
      ),
    );
    return rows.map(({ name }) => name);
  }
  if (subject.type === "other") return [];
  const user = subject.type === "user" ? subject : { id: null, issuer: null };
  const rows = await db.all<{ name: string }>(
    sql(
      `SELECT name FROM grants
       WHERE connector_id = ?1 AND subject_type = ?2 AND subject_id IS ?3 AND subject_issuer IS ?4
         AND (?5 = 'any' OR subject_namespace IS ?6 OR subject_type = 'app')
         AND (?7 IS NULL OR partition IN (SELECT value FROM json_each(?7)))
         AND (?10 IS NULL OR installation_id = ?10)
         AND name > ?8
       ORDER BY name LIMIT ?9`,
      connectorId,
      subject.type,
      user.id,
      user.issuer,
      namespace === "any" ? "any" : "exactly",
      namespace === "any" ? null : namespace.exactly,
      partitions === null ? null : JSON.stringify(partitions),
      page.after ?? "",
      page.limit,
      installationId,
    ),
  );
  return rows.map(({ name }) => name);
}
