import { messageOf } from "../../errors.ts";
import { sql } from "../../store/database.ts";
import { JOURNAL_PREFIX } from "../ingress/journal.ts";
import { recordDeadLetter } from "./dead-letters.ts";
import { lookAgainAt, overdue } from "./delivery-store.ts";
import type { EventDeps } from "./deps.ts";
import { type Outcome, tellLanes } from "./dispatch.ts";
import { timeOfEventId } from "./event-id.ts";
import { fanOut, fanOutAlone } from "./fan-out.ts";
import { messageOfText } from "./message-codec.ts";
import { purgeEvents } from "./purge.ts";
import { stepReplays } from "./replays.ts";
import { resumeEvents } from "./resume.ts";

/** Long enough for the consumer that has the event now. */
const SETTLING_MS = 60_000;
/** A lane says when the next attempt is due; so much later it must have forgotten. */
const OVERDUE_MS = 600_000;
/** While events come, rounds do: a local queue or a lost message may leave something any time. */
const BUSY_ROUND_MS = 60_000;
const QUIET_AFTER_MS = 3_600_000;
const SOON_MS = 1000;

const EVENTS_AT_ONCE = 50;
const EVENTS_PER_ROUND = 500;
/** Each is a read of its own, and one alarm may make a limited number. */
const JOURNAL_PER_ROUND = 200;
const DELIVERIES_PER_ROUND = 500;

/**
 * One round over the event log: what was left on its way goes on, what an operator wants replayed is, what is too old is
 * purged. Bounded, and a step that fails keeps no other from its turn. Answers when the next round is due (ms), or null
 * if nothing has come for long. Never throws.
 */
export async function keepUpEvents(deps: EventDeps): Promise<number | null> {
  const { log, now } = deps;
  const steps = { resumeOpen, drainJournal, reviveDeliveries, stepReplays, purgeEvents };
  let hasMore = false;
  for (const [step, run] of Object.entries(steps)) {
    try {
      if (await run(deps)) hasMore = true;
    } catch (error) {
      log.warn("events.upkeep_failed", { step, reason: messageOf(error) });
    }
  }
  if (hasMore) return now() + SOON_MS;
  try {
    return (await isBusy(deps)) ? now() + BUSY_ROUND_MS : null;
  } catch {
    return now() + BUSY_ROUND_MS;
  }
}

async function isBusy({ events, now }: EventDeps): Promise<boolean> {
  const row = await events.first<{ newest: string | null; dueAtMs: number | null }>(
    sql(
      `SELECT (SELECT max(id) FROM events) AS newest,
         (SELECT min(d.next_attempt_at_ms) FROM deliveries AS d WHERE d.state = 'pending') AS dueAtMs`,
    ),
  );
  const newestAtMs = row?.newest ? timeOfEventId(row.newest) : 0;
  return newestAtMs > now() - QUIET_AFTER_MS || (row?.dueAtMs ?? null) !== null;
}

/** Events that are still `recorded` go on from their rows. */
async function resumeOpen(deps: EventDeps): Promise<boolean> {
  let after = "";
  for (let seen = 0; seen < EVENTS_PER_ROUND; seen += EVENTS_AT_ONCE) {
    const open = await deps.events.all<{ id: string }>(
      sql(
        "SELECT e.id FROM events AS e WHERE e.state = 'recorded' AND e.id > ? AND e.received_at_ms < ? ORDER BY e.id LIMIT ?",
        after,
        deps.now() - SETTLING_MS,
        EVENTS_AT_ONCE,
      ),
    );
    const ids = open.map(({ id }) => id);
    for (const [id, outcome] of await resumeEach(ids, deps)) {
      deps.log.info("events.resumed", { eventId: id, reason: outcome });
    }
    if (open.length < EVENTS_AT_ONCE) return false;
    after = ids.at(-1) ?? after;
  }
  return true;
}

/** Together; where that fails, one by one, so that one alone does not hold up the others. */
async function resumeEach(ids: readonly string[], deps: EventDeps): Promise<Map<string, Outcome>> {
  if (ids.length === 0) return new Map();
  try {
    return await resumeEvents(ids, deps);
  } catch (error) {
    const [id = "", ...others] = ids;
    if (others.length === 0) return new Map([[id, messageOf(error)]]);
  }
  const outcomes = new Map<string, Outcome>();
  for (const id of ids) for (const [key, outcome] of await resumeEach([id], deps)) outcomes.set(key, outcome);
  return outcomes;
}

/** What only the journal has goes on from there; fan-out deletes the keys of what is done. */
async function drainJournal(deps: EventDeps): Promise<boolean> {
  let after: string | null = null;
  for (let seen = 0; seen < JOURNAL_PER_ROUND; seen += EVENTS_AT_ONCE) {
    const keys: string[] = await deps.blobs.list(JOURNAL_PREFIX, after, EVENTS_AT_ONCE);
    const settled = keys.filter((key) => timeOfEventId(key.slice(JOURNAL_PREFIX.length)) < deps.now() - SETTLING_MS);
    const texts = await Promise.all(settled.map(async (key) => ({ key, bytes: await deps.blobs.get(key) })));
    const messages = [];
    for (const { key, bytes } of texts) {
      // Gone: its consumer was only slow.
      if (bytes === null) continue;
      const text = new TextDecoder().decode(bytes);
      const message = messageOfText(text);
      if (message !== null) messages.push({ ...message, journalKey: key });
      else await putAside(key, text, deps);
    }
    const together = await fanOut(messages, deps);
    const failed = messages.filter((_, index) => together[index] !== null);
    const failures = (await fanOutAlone(failed, deps)).filter((outcome) => outcome !== null);
    if (messages.length > 0) {
      deps.log.info("events.journal_resumed", {
        events: messages.length,
        failures: failures.length,
        reason: failures[0],
      });
    }
    if (settled.length < EVENTS_AT_ONCE) return false;
    after = keys.at(-1) ?? after;
  }
  return true;
}

async function putAside(key: string, text: string, deps: EventDeps): Promise<void> {
  await recordDeadLetter({ id: key, body: text, reason: "unreadable" }, deps);
  await deps.blobs.delete([key]);
}

/** Deliveries whose lane seems to have lost them are brought there again: a lane that still has them ignores that. */
async function reviveDeliveries(deps: EventDeps): Promise<boolean> {
  const nowMs = deps.now();
  const late = await overdue(deps.events, nowMs - OVERDUE_MS, DELIVERIES_PER_ROUND);
  if (late.length === 0) return false;
  const failures = await tellLanes(late, deps);
  deps.log.info("events.deliveries_revived", { deliveries: late.length, failures: failures.size });
  await deps.events.run(lookAgainAt(late, nowMs));
  return late.length === DELIVERIES_PER_ROUND;
}
