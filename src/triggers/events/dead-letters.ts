import { kidOf } from "../../crypto/envelope.ts";
import { fail, messageOf, ok, type Result } from "../../errors.ts";
import { UNKNOWN_KID } from "../../keys/references.ts";
import { type Database, sql } from "../../store/database.ts";
import type { EventDeps } from "./deps.ts";
import type { IngestMessage } from "./event.ts";
import { fanOut } from "./fan-out.ts";
import { messageOfText, messageText, parseIngestMessage } from "./message-codec.ts";

/** Why a message could not be used: another version's or nobody's, or it failed time and again. */
export type DeadLetterReason = "unreadable" | "attempts_exhausted";

export interface DeadLetter {
  id: string;
  connectorId: string | null;
  eventId: string | null;
  reason: DeadLetterReason;
  createdAtMs: number;
}

/** The columns of a dead letter, of `dead_letters AS l`. */
export const DEAD_LETTER_COLUMNS = `l.id, l.connector_id AS connectorId, l.event_id AS eventId, l.reason,
  l.created_at_ms AS createdAtMs`;

const KEPT_MS = 30 * 86_400_000;
/** A row takes two megabytes; what is longer was never a message of a queue. */
const MAX_TEXT_LENGTH = 1_000_000;

/**
 * Keeps what fan-out could not use, payload and all (sealed), for an operator, and forgets its journal key: it would come
 * again for ever. Repeating it with the same id changes nothing. Throws `storage_unavailable`.
 */
export async function recordDeadLetter(
  { id, body, reason }: { id: string; body: unknown; reason: DeadLetterReason },
  { events, blobs, now, log }: Pick<EventDeps, "events" | "blobs" | "now" | "log">,
): Promise<void> {
  const message = parseIngestMessage(body);
  const text = textOf(body);
  await events.run(
    sql(
      `INSERT INTO dead_letters (id, connector_id, event_id, reason, message, body_kid, created_at_ms, expires_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
      id,
      message?.event.connectorId ?? null,
      message?.event.id ?? null,
      message === null ? "unreadable" : reason,
      text,
      message === null ? UNKNOWN_KID : kidOfPayload(message),
      now(),
      now() + KEPT_MS,
    ),
  );
  log.error("events.dead_letter", { deadLetterId: id, reason, eventId: message?.event.id ?? null });
  if (message?.journalKey) await blobs.delete([message.journalKey]);
}

/** The master key that its payload needs; null = none, for it has no payload any more. */
function kidOfPayload({ payload }: IngestMessage): string | null {
  if (payload.kind === "gone") return null;
  return payload.kind === "blob" ? payload.kid : (kidOf(payload.sealed) ?? UNKNOWN_KID);
}

function textOf(body: unknown): string {
  try {
    return messageText(body).slice(0, MAX_TEXT_LENGTH);
  } catch (error) {
    return messageText({ unreadable: messageOf(error) });
  }
}

/**
 * Sends a dead letter through fan-out once more, and forgets it when that succeeds. `not_found`; `conflict` where this
 * version cannot read it; `storage_unavailable` where it fails again, and stays.
 */
export async function resendDeadLetter(id: string, deps: EventDeps): Promise<Result<{ eventId: string }>> {
  const row = await deps.events.first<{ message: string }>(sql("SELECT message FROM dead_letters WHERE id = ?", id));
  if (row === null) return fail("not_found");
  const message = messageOfText(row.message);
  if (message === null) return fail("conflict", { message: "This version cannot read that message." });
  const [failure] = await fanOut([{ ...message, journalKey: null }], deps);
  if (failure) return fail("storage_unavailable", { reason: failure, retryAfterMs: 5000 });
  await deps.events.run(sql("DELETE FROM dead_letters WHERE id = ?", id));
  return ok({ eventId: message.event.id });
}

/** Deletes at most `limit` that nobody looked at in time; how many. */
export async function purgeDeadLetters(events: Database, nowMs: number, limit: number): Promise<number> {
  return events.run(
    sql(
      `DELETE FROM dead_letters WHERE id IN (
         SELECT id FROM dead_letters WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)`,
      nowMs,
      limit,
    ),
  );
}
