import { JOURNAL_PREFIX } from "../ingress/journal.ts";
import { recordDeadLetter } from "./dead-letters.ts";
import type { EventDeps } from "./deps.ts";
import { type Outcome, summaryOf } from "./dispatch.ts";
import type { IngestMessage } from "./event.ts";
import { timeOfEventId } from "./event-id.ts";
import { fanOut, fanOutAlone } from "./fan-out.ts";
import { goThrough, type Marks } from "./go-through.ts";
import { messageOfText } from "./message-codec.ts";

/** Long enough for the consumer that has the event now. */
export const SETTLING_MS = 60_000;

/** Each is a read of its own, and one alarm may make a limited number. */
const KEYS_PER_ROUND = 200;

/**
 * What only the journal has goes on from there; fan-out deletes the keys of what is done. Whether it got on and there may
 * be more.
 */
export async function drainJournal(deps: EventDeps, marks: Marks): Promise<boolean> {
  const { outcomes, isGettingOn } = await goThrough(
    {
      name: "drainJournal",
      keysPerRound: KEYS_PER_ROUND,
      async list(after, limit) {
        const keys = await deps.blobs.list(JOURNAL_PREFIX, after || null, limit);
        return keys.filter((key) => timeOfEventId(key.slice(JOURNAL_PREFIX.length)) < deps.now() - SETTLING_MS);
      },
      async work(keys) {
        const read = await Promise.all(keys.map((key) => readEntry(key, deps)));
        return fanOutEach(
          read.filter((message) => message !== null),
          deps,
        );
      },
    },
    marks,
  );
  if (outcomes.length > 0) deps.log.info("events.journal_resumed", summaryOf(outcomes));
  return isGettingOn;
}

/** Null = its consumer was only slow and has done it by now, or nobody can read it: then it is put aside. */
async function readEntry(key: string, deps: EventDeps): Promise<IngestMessage | null> {
  const bytes = await deps.blobs.get(key);
  if (bytes === null) return null;
  const text = new TextDecoder().decode(bytes);
  const message = messageOfText(text);
  if (message !== null) return { ...message, journalKey: key };
  await recordDeadLetter({ id: key, body: text, reason: "unreadable" }, deps);
  await deps.blobs.delete([key]);
  return null;
}

/** Together; those for which that fails, one by one, from another one on each minute: three that fail end it. */
async function fanOutEach(messages: readonly IngestMessage[], deps: EventDeps): Promise<Outcome[]> {
  const outcomes = await fanOut(messages, deps);
  const failed = messages.filter((_, index) => outcomes[index] !== null);
  const first = Math.floor(deps.now() / 60_000) % failed.length;
  const inTurn = [...failed.slice(first), ...failed.slice(0, first)];
  return [...outcomes.filter((outcome) => outcome === null), ...(await fanOutAlone(inTurn, deps))];
}
