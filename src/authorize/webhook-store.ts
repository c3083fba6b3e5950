import { type Database, sql } from "../store/database.ts";
import type { AuthorizationRequest } from "./request-row.ts";

/** Counts a try that is about to be made, and when the next one is due; false when somebody else makes it. */
export async function claimTry(
  db: Database,
  { id, webhookTries }: Pick<AuthorizationRequest, "id" | "webhookTries">,
  nextDueAtMs: number,
): Promise<boolean> {
  const changes = await db.run(
    sql(
      `UPDATE authorization_requests SET webhook_tries = webhook_tries + 1, webhook_due_at_ms = ?
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
  await db.run(sql("UPDATE authorization_requests SET webhook_due_at_ms = NULL WHERE id = ?", id));
}

/** Requests whose app is to be told again: of every link the longest due, and only then the next of each. */
export async function dueWebhooks(db: Database, nowMs: number, limit: number): Promise<string[]> {
  const rows = await db.all<{ id: string }>(
    sql(
      `SELECT id FROM authorization_requests WHERE webhook_due_at_ms <= ?
       ORDER BY row_number() OVER (PARTITION BY link_id ORDER BY webhook_due_at_ms), webhook_due_at_ms LIMIT ?`,
      nowMs,
      limit,
    ),
  );
  return rows.map(({ id }) => id);
}
