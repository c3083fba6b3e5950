import { type Statement, sql } from "./database.ts";

/** The rows that can be revoked as a whole. */
export type RevocableTable = "team" | "projects" | "connectors" | "links" | "installations";

/**
 * Advances the team's revocation clock to `nowMs`, or by one where the wall clock stands still or went back:
 * a later revocation always has the greater value. Belongs in the same batch as what takes the value.
 */
export function advanceRevocationClock(nowMs: number): Statement {
  return sql("UPDATE team SET revocation_clock_ms = max(revocation_clock_ms + 1, ?)", nowMs);
}

const REVOKE: Record<RevocableTable, string> = {
  team: "UPDATE team SET revoked_before_ms = revocation_clock_ms WHERE id = ?",
  projects: "UPDATE projects SET revoked_before_ms = (SELECT revocation_clock_ms FROM team) WHERE id = ?",
  connectors: "UPDATE connectors SET revoked_before_ms = (SELECT revocation_clock_ms FROM team) WHERE id = ?",
  links: "UPDATE links SET revoked_before_ms = (SELECT revocation_clock_ms FROM team) WHERE id = ?",
  installations: "UPDATE installations SET revoked_before_ms = (SELECT revocation_clock_ms FROM team) WHERE id = ?",
};

/** Statements, for one batch, after which every token obtained earlier through that row is dead. */
export function revokeRow(table: RevocableTable, id: string, nowMs: number): Statement[] {
  return [advanceRevocationClock(nowMs), sql(REVOKE[table], id)];
}

/**
 * Statements that make the Housekeeper tell every Grant of the connector about its current revocation value,
 * from the first one on. Belongs after `revokeRow` in the same batch.
 */
export function startRevocationWalk(connectorId: string, nowMs: number): Statement {
  return sql(
    `INSERT INTO revocation_walks (connector_id, revoked_before_ms, due_at_ms, created_at_ms)
     SELECT id, revoked_before_ms, ?2, ?2 FROM connectors WHERE id = ?1
     ON CONFLICT (connector_id) DO UPDATE SET
       revoked_before_ms = excluded.revoked_before_ms, after_name = NULL, missed = 0,
       due_at_ms = excluded.due_at_ms, created_at_ms = excluded.created_at_ms`,
    connectorId,
    nowMs,
  );
}
