import { sql } from "../../store/database.ts";
import { purgeDeadLetters } from "./dead-letters.ts";
import type { EventDeps } from "./deps.ts";

/** Rows of one statement, and keys of one call, of which R2 takes a thousand. */
const CHUNK = 500;
const CHUNKS_PER_ROUND = 4;
/** How much longer a payload is kept that is still being delivered. */
const GRACE_MS = 86_400_000;

interface Expired {
  id: string;
  blob: string | null;
}

/** Purges payloads, events with their deliveries, and dead letters whose time has come; whether there may be more. */
export async function purgeEvents(deps: EventDeps): Promise<boolean> {
  for (let chunk = 0; chunk < CHUNKS_PER_ROUND; chunk++) {
    const purged = Math.max(
      await purgePayloads(deps),
      await purgeRows(deps),
      await purgeDeadLetters(deps.events, deps.now(), CHUNK),
    );
    if (purged < CHUNK) return false;
  }
  return true;
}

/** The blob first: a row without its blob says that it is gone, a blob without its row says nothing to anybody. */
async function purgePayloads(deps: EventDeps): Promise<number> {
  const { events, now } = deps;
  const expired = await events.all<Expired & { pending: number }>(
    sql(
      `SELECT e.id, e.body_blob AS blob,
         EXISTS (SELECT 1 FROM deliveries AS d WHERE d.event_id = e.id AND d.state = 'pending') AS pending
       FROM events AS e WHERE e.body_expires_at_ms <= ? ORDER BY e.body_expires_at_ms LIMIT ?`,
      now(),
      CHUNK,
    ),
  );
  if (expired.length === 0) return 0;
  const over = expired.filter(({ pending }) => pending === 0);
  await deleteBlobs(over, deps);
  const idsOf = (rows: readonly Expired[]) => JSON.stringify(rows.map(({ id }) => id));
  await events.batch([
    sql(
      `UPDATE events SET body_sealed = NULL, body_blob = NULL, body_segment_bytes = NULL, body_kid = NULL,
         body_expires_at_ms = NULL
       WHERE id IN (SELECT value FROM json_each(?))`,
      idsOf(over),
    ),
    sql(
      "UPDATE events SET body_expires_at_ms = ? WHERE id IN (SELECT value FROM json_each(?))",
      now() + GRACE_MS,
      idsOf(expired.filter(({ pending }) => pending === 1)),
    ),
  ]);
  return expired.length;
}

async function purgeRows(deps: EventDeps): Promise<number> {
  const { events, now } = deps;
  const expired = await events.all<Expired>(
    sql(
      `SELECT e.id, e.body_blob AS blob FROM events AS e
       WHERE e.expires_at_ms <= ? ORDER BY e.expires_at_ms LIMIT ?`,
      now(),
      CHUNK,
    ),
  );
  if (expired.length === 0) return 0;
  await deleteBlobs(expired, deps);
  const ids = JSON.stringify(expired.map(({ id }) => id));
  await events.run(sql("DELETE FROM events WHERE id IN (SELECT value FROM json_each(?))", ids));
  return expired.length;
}

async function deleteBlobs(expired: readonly Expired[], { blobs }: EventDeps): Promise<void> {
  await blobs.delete(expired.flatMap(({ blob }) => blob ?? []));
}
