import { grantNames } from "../grants/index-row.ts";
import type { Services } from "../services.ts";
import { sql } from "../store/database.ts";

/** Grants told in one step; a step is one alarm's share of one connector. */
const GRANTS_PER_STEP = 100;
const GRANTS_AT_ONCE = 10;

export interface Walk {
  connectorId: string;
  revokedBeforeMs: number;
  afterName: string | null;
  region: string | null;
  deletedAtMs: number | null;
}

type WalkServices = Pick<Services, "db" | "grants" | "log">;

/** Walks that are owed, at most `limit`. */
export async function owedWalks(db: Services["db"], limit: number): Promise<Walk[]> {
  return db.all<Walk>(
    sql(
      `SELECT w.connector_id AS connectorId, w.revoked_before_ms AS revokedBeforeMs, w.after_name AS afterName,
         c.region, c.deleted_at_ms AS deletedAtMs
       FROM revocation_walks AS w JOIN connectors AS c ON c.id = w.connector_id
       ORDER BY w.connector_id LIMIT ?`,
      limit,
    ),
  );
}

/**
 * One step of a walk: tell the next Grants of the connector about its revocation. "more" while the walk goes on,
 * "done" at its end, "wait" when a deleted connector's tombstone is still needed for upstream revocations.
 */
export async function stepWalk(walk: Walk, services: WalkServices): Promise<"more" | "done" | "wait"> {
  const { db } = services;
  const { connectorId, revokedBeforeMs, afterName } = walk;
  const names = await grantNames(db, connectorId, afterName, GRANTS_PER_STEP);
  for (let start = 0; start < names.length; start += GRANTS_AT_ONCE) {
    await Promise.all(names.slice(start, start + GRANTS_AT_ONCE).map((name) => tell(name, walk, services)));
  }
  const last = names.at(-1);
  if (last !== undefined && names.length === GRANTS_PER_STEP) {
    await db.run(
      sql(
        "UPDATE revocation_walks SET after_name = ? WHERE connector_id = ? AND revoked_before_ms = ?",
        last,
        connectorId,
        revokedBeforeMs,
      ),
    );
    return "more";
  }
  if (walk.deletedAtMs !== null && (await grantNames(db, connectorId, null, 1)).length > 0) {
    await db.run(sql("UPDATE revocation_walks SET after_name = NULL WHERE connector_id = ?", connectorId));
    return "wait";
  }
  await db.batch([
    // A later revocation restarts the walk under a greater value; then this end is not its end.
    sql("DELETE FROM revocation_walks WHERE connector_id = ? AND revoked_before_ms = ?", connectorId, revokedBeforeMs),
    sql(
      `DELETE FROM connectors WHERE id = ?1 AND deleted_at_ms IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM grants WHERE connector_id = ?1)
         AND NOT EXISTS (SELECT 1 FROM revocation_walks WHERE connector_id = ?1)`,
      connectorId,
    ),
  ]);
  return "done";
}

async function tell(name: string, walk: Walk, { db, grants, log }: WalkServices): Promise<void> {
  try {
    const told = await grants.grant(name, walk.region).revoke(walk.revokedBeforeMs);
    if (walk.deletedAtMs !== null && told.providerPending === 0) {
      await db.run(sql("DELETE FROM grants WHERE name = ?", name));
    }
  } catch (error) {
    // A deleted connector's row stays and is walked again; a live one's Grant learns of it with its next request.
    log.warn("walk.grant_unreachable", { reason: error instanceof Error ? error.message : "unknown" });
  }
}
