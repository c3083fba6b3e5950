import type { Services } from "../services.ts";
import { sql } from "../store/database.ts";
import { timeOfEventId } from "../triggers/events/event-id.ts";
import { JOURNAL_PREFIX } from "../triggers/ingress/journal.ts";
import type { ResealRun } from "./reseal-run.ts";

/** A message waits in the queue for four days at most, and as long again in that of dead letters. */
export const QUEUE_KEEPS_MS = 8 * 86_400_000;

/**
 * Until when (ms) a message may need another key than the primary; null = nobody knows, since the journal holds one, or
 * re-sealing under the primary has not begun.
 */
export interface UnderWay {
  until: number | null;
}

/**
 * Payloads on their way to the event log name their key in no index. But what was sealed since re-sealing under the
 * primary began needs the primary; what was sealed before is gone from the queue after its retention, and to be seen in
 * the journal. Null = none of them needs another key. Throws `storage_unavailable`.
 */
export async function findUnderWay(
  { keys, events, blobs, now }: Pick<Services, "keys" | "events" | "blobs" | "now">,
  run: Pick<ResealRun, "primaryKid" | "startedAtMs"> | null,
): Promise<UnderWay | null> {
  if (keys.kids.length === 1) return null;
  const sinceMs = run?.primaryKid === keys.primaryKid ? run.startedAtMs : null;
  const [oldest] = await blobs.list(JOURNAL_PREFIX, null, 1);
  if (oldest !== undefined && timeOfEventId(oldest.slice(JOURNAL_PREFIX.length)) < (sinceMs ?? now())) {
    return { until: null };
  }
  const received = await events.first<{ newest: string | null }>(sql("SELECT max(e.id) AS newest FROM events AS e"));
  if (!received?.newest) return null;
  const until = sinceMs && sinceMs + QUEUE_KEEPS_MS;
  return until !== null && now() >= until ? null : { until };
}
