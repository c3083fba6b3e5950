import { type Database, sql } from "../store/database.ts";
import { FLOW_KINDS, FLOWS, kindOf } from "./flow-table.ts";
import type { AuthorizationRequest } from "./request-row.ts";

/** Counts a try that is about to be made, and when the next one is due; false when somebody else makes it. */
export async function claimTry(
  db: Database,
  { id, webhookTries }: Pick<AuthorizationRequest, "id" | "webhookTries">,
  nextDueAtMs: number,
): Promise<boolean> {
  const kind = kindOf(id);
  const changes = await db.run(
    sql(
      `UPDATE ${FLOWS[kind].table} SET webhook_tries = webhook_tries + 1, webhook_due_at_ms = ?
       WHERE id = ? AND webhook_tries = ? AND webhook_due_at_ms IS NOT NULL`,
      nextDueAtMs,
      id,
      webhookTries,
    ),
  );
  return changes > 0;
}

/** Nothing more is to be sent. */
export async function settleWebhook(db: Database, id: string): Promise<void> {
  const kind = kindOf(id);
  await db.run(sql(`UPDATE ${FLOWS[kind].table} SET webhook_due_at_ms = NULL WHERE id = ?`, id));
}

/** So many of those that are due are looked at, so that one link with many does not go before all others. */
const MAX_LOOKED_AT = 1000;

/** Requests whose app is to be told: of every link the longest due, and only then the next of each. */
export async function dueWebhooks(db: Database, nowMs: number, limit: number): Promise<string[]> {
  const results = await db.batch<{ id: string; linkId: string }[]>(
    FLOW_KINDS.map((kind) =>
      sql(
        `SELECT id, link_id AS linkId FROM ${FLOWS[kind].table} WHERE webhook_due_at_ms <= ?
         ORDER BY webhook_due_at_ms LIMIT ?`,
        nowMs,
        MAX_LOOKED_AT,
      ),
    ),
  );
  const turns = new Map<string, number>();
  const placed = results
    .flatMap(({ rows }) => rows)
    .map(({ id, linkId }) => {
      const turn = turns.get(linkId) ?? 0;
      turns.set(linkId, turn + 1);
      return { id, turn };
    });
  // A stable sort: within a turn the longest due stays first.
  return placed
    .toSorted((a, b) => a.turn - b.turn)
    .slice(0, limit)
    .map(({ id }) => id);
}
