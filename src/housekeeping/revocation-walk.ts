import { messageOf } from "../errors.ts";
import type { GrantStub } from "../grants/directory.ts";
import { grantNames } from "../grants/index-row.ts";
import type { Services } from "../services.ts";
import { sql } from "../store/database.ts";

const GRANTS_AT_ONCE = 10;
const SHORTEST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 60 * 60_000;

export interface Walk {
  connectorId: string;
  revokedBeforeMs: number;
  afterName: string | null;
  missed: number;
  createdAtMs: number;
  region: string | null;
  deletedAtMs: number | null;
}

export interface WalkServices extends Pick<Services, "db" | "log" | "now"> {
  grants: { grant(name: string, region: string | null): Pick<GrantStub, "revoke"> };
}

/** Walks that are due, the longest due first, at most `limit`. One that waits does not keep others waiting. */
export async function owedWalks(db: Services["db"], nowMs: number, limit: number): Promise<Walk[]> {
  return db.all<Walk>(
    sql(
      `SELECT w.connector_id AS connectorId, w.revoked_before_ms AS revokedBeforeMs, w.after_name AS afterName,
         w.missed, w.created_at_ms AS createdAtMs, c.region, c.deleted_at_ms AS deletedAtMs
       FROM revocation_walks AS w JOIN connectors AS c ON c.id = w.connector_id
       WHERE w.due_at_ms <= ? ORDER BY w.due_at_ms, w.connector_id LIMIT ?`,
      nowMs,
      limit,
    ),
  );
}

/** When the next walk goes on (ms), or null if none is owed. */
export async function nextWalkAtMs(db: Services["db"]): Promise<number | null> {
  const row = await db.first<{ next: number | null }>(sql("SELECT min(due_at_ms) AS next FROM revocation_walks"));
  return row?.next ?? null;
}

/** How long a walk rests before it is repeated: about as long as it has been going on, within a minute and an hour. */
export function restMs(createdAtMs: number, nowMs: number): number {
  return Math.min(Math.max(nowMs - createdAtMs, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
}

/**
 * One step of a walk: tell the connector's next Grants, at most `limit`, about its revocation; returns how many were
 * told. A walk ends when every Grant was told and, for a deleted connector, needs its tombstone no longer; until then
 * it is repeated. A later revocation restarts it under a greater value, and then no step of this one counts.
 */
export async function stepWalk(walk: Walk, limit: number, services: WalkServices): Promise<number> {
  const { db, now } = services;
  const { connectorId, revokedBeforeMs } = walk;
  const names = await grantNames(db, connectorId, walk.afterName, limit);
  const outcomes: Outcome[] = [];
  for (let start = 0; start < names.length; start += GRANTS_AT_ONCE) {
    const told = names.slice(start, start + GRANTS_AT_ONCE).map((name) => tell(name, walk, services));
    outcomes.push(...(await Promise.all(told)));
  }
  if (walk.deletedAtMs !== null) {
    await forgetGrants(
      db,
      names.filter((_, index) => outcomes[index] === "told"),
    );
  }
  const missed = walk.missed + outcomes.filter((outcome) => outcome === "missed").length;
  if (names.length === limit) {
    await db.run(
      sql(
        // Due anew, behind the others: a long walk does not hold up short ones.
        `UPDATE revocation_walks SET after_name = ?, missed = ?, due_at_ms = ?
         WHERE connector_id = ? AND revoked_before_ms = ?`,
        names.at(-1) ?? null,
        missed,
        now(),
        connectorId,
        revokedBeforeMs,
      ),
    );
  } else if (missed > 0 || (walk.deletedAtMs !== null && (await grantNames(db, connectorId, null, 1)).length > 0)) {
    await db.run(
      sql(
        `UPDATE revocation_walks SET after_name = NULL, missed = 0, due_at_ms = ?
         WHERE connector_id = ? AND revoked_before_ms = ?`,
        now() + restMs(walk.createdAtMs, now()),
        connectorId,
        revokedBeforeMs,
      ),
    );
  } else {
    await endWalk(walk, db);
  }
  return names.length;
}

/** The end of a walk, and of the tombstone that was kept for it. */
async function endWalk({ connectorId, revokedBeforeMs }: Walk, db: Services["db"]): Promise<void> {
  await db.batch([
    sql("DELETE FROM revocation_walks WHERE connector_id = ? AND revoked_before_ms = ?", connectorId, revokedBeforeMs),
    sql(
      `DELETE FROM connectors WHERE id = ?1 AND deleted_at_ms IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM grants WHERE connector_id = ?1)
         AND NOT EXISTS (SELECT 1 FROM revocation_walks WHERE connector_id = ?1)`,
      connectorId,
    ),
  ]);
}

/** `told`: nothing is left to do there. `pending`: the provider has yet to confirm. `missed`: the Grant did not answer. */
type Outcome = "told" | "pending" | "missed";

async function tell(name: string, walk: Walk, { grants, log }: WalkServices): Promise<Outcome> {
  try {
    const reach = { revokedBeforeMs: walk.revokedBeforeMs, linkId: null };
    const { providerPending } = await grants.grant(name, walk.region).revoke(reach);
    return providerPending === 0 ? "told" : "pending";
  } catch (error) {
    log.warn("walk.grant_unreachable", { reason: messageOf(error) });
    return "missed";
  }
}

/** The rows of a deleted connector's Grants that have nothing left to tell the provider. */
async function forgetGrants(db: Services["db"], names: string[]): Promise<void> {
  if (names.length === 0) return;
  await db.run(sql("DELETE FROM grants WHERE name IN (SELECT value FROM json_each(?))", JSON.stringify(names)));
}
