import { messageOf } from "../errors.ts";
import { type Database, sql } from "../store/database.ts";
import { FLOW_KINDS, FLOWS } from "./flow-table.ts";
import { sendWebhook, type WebhookDeps } from "./webhook.ts";
import { dueWebhooks } from "./webhook-store.ts";

const ROWS_PER_ROUND = 100;
/** An invocation has six connections at once. */
const WEBHOOKS_AT_ONCE = 5;
const WEBHOOK_BATCHES = 4;
/** No further batch begins after that: other work waits for this round. */
const WEBHOOKS_MS = 5_000;
const KEPT_MS = 7 * 24 * 60 * 60_000;

/**
 * What nobody's request does: ends what has expired, with which its secrets go; tells apps again; and forgets what ended
 * a week ago.
 */
export async function keepUpRequests(deps: WebhookDeps): Promise<void> {
  const { db, now, log } = deps;
  await expireRequests(db, now());
  const startedAtMs = now();
  for (let batch = 0; batch < WEBHOOK_BATCHES && now() - startedAtMs < WEBHOOKS_MS; batch++) {
    const due = await dueWebhooks(db, now(), WEBHOOKS_AT_ONCE);
    if (due.length === 0) break;
    // An app that keeps us waiting, or whose webhook cannot even be made, must not hold up others.
    await Promise.all(
      due.map((id) =>
        sendWebhook(id, deps).catch((error: unknown) =>
          log.warn("authorization.webhook_failed", { authorizationRequest: id, reason: messageOf(error) }),
        ),
      ),
    );
  }
  await purgeRequests(db, now() - KEPT_MS);
}

/** When there is something to do next (ms), or null. */
export async function nextUpkeepAtMs(db: Database): Promise<number | null> {
  const rows = await db.batch<{ next: number | null }[]>(
    FLOW_KINDS.flatMap((kind) => [
      sql(`SELECT min(expires_at_ms) AS next FROM ${FLOWS[kind].table} WHERE finished_at_ms IS NULL`),
      sql(`SELECT min(webhook_due_at_ms) AS next FROM ${FLOWS[kind].table} WHERE webhook_due_at_ms IS NOT NULL`),
    ]),
  );
  const due = rows.flatMap((result) => result.rows.flatMap(({ next }) => (next === null ? [] : [next])));
  return due.length === 0 ? null : Math.min(...due);
}

async function expireRequests(db: Database, nowMs: number): Promise<void> {
  await db.batch(
    FLOW_KINDS.map((kind) =>
      sql(
        `UPDATE ${FLOWS[kind].table} SET status = 'expired', error_code = 'flow_expired', finished_at_ms = ?1,
           secrets_sealed = NULL, secrets_kid = NULL${FLOWS[kind].ends},
           webhook_due_at_ms = CASE WHEN json_extract(request, '$.webhook') IS NULL THEN NULL ELSE ?1 END
         WHERE rowid IN (SELECT rowid FROM ${FLOWS[kind].table}
           WHERE expires_at_ms <= ?1 AND finished_at_ms IS NULL ORDER BY expires_at_ms LIMIT ?2)`,
        nowMs,
        ROWS_PER_ROUND,
      ),
    ),
  );
}

async function purgeRequests(db: Database, beforeMs: number): Promise<void> {
  await db.batch(
    FLOW_KINDS.map((kind) =>
      sql(
        `DELETE FROM ${FLOWS[kind].table} WHERE rowid IN (SELECT rowid FROM ${FLOWS[kind].table}
           WHERE finished_at_ms <= ?1 ORDER BY finished_at_ms LIMIT ?2)`,
        beforeMs,
        ROWS_PER_ROUND,
      ),
    ),
  );
}
