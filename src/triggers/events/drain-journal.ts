import { JOURNAL_PREFIX } from "../ingress/journal.ts";
import { recordDeadLetter } from "./dead-letters.ts";
import type { EventDeps } from "./deps.ts";
import { type Outcome, summaryOf } from "./dispatch.ts";
import type { IngestMessage } from "./event.ts";
import { timeOfEventId } from "./event-id.ts";
import { fanOut, fanOutAlone } from "./fan-out.ts";
import { messageOfText } from "./message-codec.ts";

/** Long enough for the consumer that has the event now. */
export const SETTLING_MS = 60_000;

const KEYS_AT_ONCE = 50;
/** Each is a read of its own, and one alarm may make a limited number. */
const KEYS_PER_ROUND = 200;

/**
 * What only the journal has goes on from there, the oldest first; fan-out deletes the keys of what is done. Whether it
 * got on and there may be more.
 */
export async function drainJournal(deps: EventDeps): Promise<boolean> {
  const outcomes: Outcome[] = [];
  let after: string | null = null;
  let isLast = false;
  for (let seen = 0; !isLast && seen < KEYS_PER_ROUND; seen += KEYS_AT_ONCE) {
    const keys: string[] = await deps.blobs.list(JOURNAL_PREFIX, after, KEYS_AT_ONCE);
    const settled = keys.filter((key) => timeOfEventId(key.slice(JOURNAL_PREFIX.length)) < deps.now() - SETTLING_MS);
    const read = await Promise.all(settled.map((key) => readEntry(key, deps)));
    outcomes.push(
      ...(await fanOutEach(
        read.filter((message) => message !== null),
        deps,
      )),
    );
    after = keys.at(-1) ?? after;
    isLast = settled.length < KEYS_AT_ONCE;
  }
  if (outcomes.length > 0) deps.log.info("events.journal_resumed", summaryOf(outcomes));
  return !isLast && outcomes.includes(null);
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

/** Together; those for which that fails, one by one. */
async function fanOutEach(messages: readonly IngestMessage[], deps: EventDeps): Promise<Outcome[]> {
  const outcomes = await fanOut(messages, deps);
  const failed = messages.filter((_, index) => outcomes[index] !== null);
  return [...outcomes.filter((outcome) => outcome === null), ...(await fanOutAlone(failed, deps))];
}
