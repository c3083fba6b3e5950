import { utf8 } from "../../crypto/bytes.ts";
import { ApiError, messageOf } from "../../errors.ts";
import { startDeadline } from "../../outbound/deadline.ts";
import type { Services } from "../../services.ts";
import type { IngestMessage } from "../events/event.ts";
import { messageText } from "../events/message-codec.ts";

/** The tightest provider waits a second, most wait three or more: two tries must be over by then. */
const TRY_MS = 1_400;
const PAUSE_MS = 50;
/** When a provider that listens to it should send the event again. */
export const RETRY_AFTER_MS = 5_000;

type Deps = Pick<Services, "ingest" | "blobs" | "log"> & { defer: (work: Promise<unknown>) => void };

/**
 * The one write after which an event is acknowledged: into the queue, or into the journal, from where it goes on to the
 * queue after the answer. It is tried twice: a write that was only slow makes the same event twice, which the fan-out
 * sees by its id. Throws `storage_unavailable`, and then the provider is to send it again.
 */
export async function writeDurably(message: IngestMessage, deps: Deps): Promise<void> {
  const { journalKey: key } = message;
  if (key === null) return twice(() => deps.ingest.send(message), message, deps);
  const bytes = utf8(messageText(message));
  await twice(() => deps.blobs.put(key, bytes), message, deps);
  // What does not get there is found in the journal later.
  deps.defer(deps.ingest.send(message));
}

async function twice(write: () => Promise<void>, { event }: IngestMessage, { log }: Deps): Promise<void> {
  try {
    await inTime(write());
  } catch (first) {
    log.warn("ingress.write_repeated", { eventId: event.id, connectorId: event.connectorId, reason: messageOf(first) });
    await scheduler.wait(PAUSE_MS);
    try {
      await inTime(write());
    } catch (second) {
      throw new ApiError("storage_unavailable", {
        reason: `event not stored: ${messageOf(second).slice(0, 200)}`,
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
  }
}

async function inTime(write: Promise<void>): Promise<void> {
  const deadline = startDeadline(TRY_MS);
  try {
    await deadline.race(write);
  } finally {
    deadline.end();
  }
}
