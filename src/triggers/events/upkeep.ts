import { messageOf } from "../../errors.ts";
import { sql } from "../../store/database.ts";
import { lookAgainAt, overdue } from "./delivery-store.ts";
import type { EventDeps } from "./deps.ts";
import { type Outcome, summaryOf, tellLanes } from "./dispatch.ts";
import { drainJournal, SETTLING_MS } from "./drain-journal.ts";
import { timeOfEventId } from "./event-id.ts";
import { goThrough, type Marks } from "./go-through.ts";
import { purgeEvents } from "./purge.ts";
import { stepReplays } from "./replays.ts";
import { resumeEvents } from "./resume.ts";

/** A lane says when the next attempt is due; so much later it must have forgotten. */
const OVERDUE_MS = 600_000;
/** While events come, rounds do: a local queue or a lost message may leave something any time. */
const BUSY_ROUND_MS = 60_000;
const QUIET_AFTER_MS = 3_600_000;
const SOON_MS = 1000;

const EVENTS_PER_ROUND = 500;
const DELIVERIES_PER_ROUND = 500;

/**
 * One round over the event log: what was left on its way goes on, what an operator wants replayed is, what is too old is
 * purged. Bounded, with `marks` of where that ended, and a step that fails keeps no other from its turn. Answers when the
 * next round is due (ms), or null if nothing has come for long. Never throws.
 */
export async function keepUpEvents(deps: EventDeps, marks: Marks): Promise<number | null> {
  const { log, now } = deps;
  const steps = { resumeOpen, drainJournal, reviveDeliveries, stepReplays, purgeEvents };
  let hasMore = false;
  for (const [step, run] of Object.entries(steps)) {
    try {
      if (await run(deps, marks)) hasMore = true;
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
async function resumeOpen(deps: EventDeps, marks: Marks): Promise<boolean> {
  const { outcomes, isGettingOn } = await goThrough(
    {
      name: "resumeOpen",
      keysPerRound: EVENTS_PER_ROUND,
      async list(after, limit) {
        const open = await deps.events.all<{ id: string }>(
          sql(
            "SELECT e.id FROM events AS e WHERE e.state = 'recorded' AND e.id > ? AND e.received_at_ms < ? ORDER BY e.id LIMIT ?",
            after,
            deps.now() - SETTLING_MS,
            limit,
          ),
        );
        return open.map(({ id }) => id);
      },
      work: async (ids) => [...(await resumeEach(ids, deps)).values()],
    },
    marks,
  );
  if (outcomes.length > 0) deps.log.info("events.resumed", summaryOf(outcomes));
  return isGettingOn;
}

/** Together; where that fails, one by one, so that one alone does not hold up the others. */
async function resumeEach(ids: readonly string[], deps: EventDeps): Promise<Map<string, Outcome>> {
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
