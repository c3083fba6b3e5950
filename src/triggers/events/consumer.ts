import { messageOf } from "../../errors.ts";
import { type DeadLetterReason, recordDeadLetter } from "./dead-letters.ts";
import type { EventDeps } from "./deps.ts";
import type { Outcome } from "./dispatch.ts";
import type { IngestMessage } from "./event.ts";
import { fanOut, fanOutAlone } from "./fan-out.ts";
import { parseIngestMessage } from "./message-codec.ts";

/** From this try on a message is worked on alone, so that it fails for itself only. */
const ALONE_FROM_ATTEMPT = 4;
const LONGEST_DELAY_S = 600;

/** The part of a queue's message that consumers use. */
export type QueueMessage = Pick<Message<unknown>, "id" | "body" | "attempts" | "ack" | "retry">;

/**
 * Consumes verified events. Every message is acknowledged or retried by itself, whatever becomes of the others, and
 * nothing is thrown: a local queue would bring the acknowledged ones again. What this version cannot read is put aside.
 */
export async function consumeIngest(messages: readonly QueueMessage[], deps: EventDeps): Promise<void> {
  const [together, alone]: [Readable[], Readable[]] = [[], []];
  for (const message of messages) {
    const content = parseIngestMessage(message.body);
    if (content === null) await putAside(message, "unreadable", deps);
    else (message.attempts < ALONE_FROM_ATTEMPT ? together : alone).push({ message, content });
  }
  settle(together, await fanOut(contentsOf(together), deps), deps);
  settle(alone, await fanOutAlone(contentsOf(alone), deps), deps);
}

interface Readable {
  message: QueueMessage;
  content: IngestMessage;
}

const contentsOf = (readables: readonly Readable[]) => readables.map(({ content }) => content);

function settle(readables: readonly Readable[], outcomes: readonly Outcome[], { log }: EventDeps): void {
  for (const [index, { message, content }] of readables.entries()) {
    const reason = outcomes[index] ?? null;
    if (reason === null) {
      message.ack();
      continue;
    }
    log.warn("events.fan_out_failed", { eventId: content.event.id, attempts: message.attempts, reason });
    retryLater(message);
  }
}

/** Consumes what failed too often. Its own failure is tried again. */
export async function consumeDead(messages: readonly QueueMessage[], deps: EventDeps): Promise<void> {
  for (const message of messages) await putAside(message, "attempts_exhausted", deps);
}

async function putAside(message: QueueMessage, reason: DeadLetterReason, deps: EventDeps): Promise<void> {
  try {
    await recordDeadLetter({ id: message.id, body: message.body, reason }, deps);
    message.ack();
  } catch (error) {
    deps.log.warn("events.dead_letter_failed", { attempts: message.attempts, reason: messageOf(error) });
    retryLater(message);
  }
}

function retryLater(message: QueueMessage): void {
  message.retry({ delaySeconds: Math.min(2 ** message.attempts, LONGEST_DELAY_S) });
}
