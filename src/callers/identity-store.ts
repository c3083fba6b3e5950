import type { Position } from "../http/pagination.ts";
import { type Database, sql } from "../store/database.ts";
import type { IdentityRule } from "./issuer-record.ts";

/** An identity rule with what the API shows beside it. */
export interface RegisteredIdentity extends IdentityRule {
  /** Exact `iss`. */
  issuer: string;
  createdAtMs: number;
}

/** Rules of one issuer with one selector value. More would make a single caller's look-up expensive. */
export const MAX_RULES_PER_SELECTOR = 100;

interface Row {
  id: string;
  issuer: string;
  project_id: string;
  environment: string;
  claims: string;
  created_at_ms: number;
}

/** The rules of an issuer that pin its selector claim to this value. */
export async function rulesOfSelector(db: Database, issuerId: string, selectorValue: string): Promise<IdentityRule[]> {
  const rows = await db.all<Omit<Row, "issuer" | "created_at_ms">>(
    sql(
      "SELECT id, project_id, environment, claims FROM identities WHERE issuer_id = ? AND selector_value = ?",
      issuerId,
      selectorValue,
    ),
  );
  return rows.map(ruleOf);
}

/**
 * Writes a rule, unless there is one of that issuer and selector value that is not among the `known`: of two
 * overlapping rules written at once, the second writes nothing. Returns whether it was written.
 */
export async function insertIdentity(
  db: Database,
  rule: IdentityRule & { issuerId: string; selectorValue: string; createdAtMs: number },
  known: IdentityRule[],
): Promise<boolean> {
  const changes = await db.run(
    sql(
      `INSERT INTO identities (id, issuer_id, selector_value, project_id, environment, claims, created_at_ms)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
       WHERE NOT EXISTS (SELECT 1 FROM identities WHERE issuer_id = ?2 AND selector_value = ?3
         AND id NOT IN (SELECT value FROM json_each(?8)))`,
      rule.id,
      rule.issuerId,
      rule.selectorValue,
      rule.projectId,
      rule.environment,
      JSON.stringify(rule.claims),
      rule.createdAtMs,
      JSON.stringify(known.map(({ id }) => id)),
    ),
  );
  return changes === 1;
}

/** Up to `limit` rules of a project after `position`, newest first. */
export async function listIdentities(
  db: Database,
  projectId: string,
  position: Position<number> | null,
  limit: number,
): Promise<RegisteredIdentity[]> {
  const rows = await db.all<Row>(
    sql(
      `SELECT identities.id, issuers.issuer, project_id, environment, claims, identities.created_at_ms
       FROM identities JOIN issuers ON issuers.id = identities.issuer_id
       WHERE project_id = ? AND (identities.created_at_ms, identities.id) < (?, ?)
       ORDER BY identities.created_at_ms DESC, identities.id DESC LIMIT ?`,
      projectId,
      position?.key ?? Number.MAX_SAFE_INTEGER,
      position?.id ?? "",
      limit,
    ),
  );
  return rows.map((row) => ({ ...ruleOf(row), issuer: row.issuer, createdAtMs: row.created_at_ms }));
}

/** Deletes a rule of that project. Returns whether it existed. */
export async function deleteIdentity(db: Database, projectId: string, id: string): Promise<boolean> {
  return (await db.run(sql("DELETE FROM identities WHERE id = ? AND project_id = ?", id, projectId))) > 0;
}

function ruleOf(row: Omit<Row, "issuer" | "created_at_ms">): IdentityRule {
  const claims: IdentityRule["claims"] = JSON.parse(row.claims);
  return { id: row.id, projectId: row.project_id, environment: row.environment, claims };
}
