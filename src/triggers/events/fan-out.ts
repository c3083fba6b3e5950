import { kidOf } from "../../crypto/envelope.ts";
import { failureFrom, messageOf } from "../../errors.ts";
import type { NewDelivery } from "./delivery-store.ts";
import type { EventDeps } from "./deps.ts";
import { handOver, type Outcome, storeDeliveries } from "./dispatch.ts";
import type { EventRecord, IngestMessage, PayloadRef } from "./event.ts";
import { type Recorded, recordEvent, reopenEvent, retireHash } from "./event-store.ts";
import { deletePayload, MAX_WHOLE_BYTES, payloadKey } from "./payload-store.ts";
import { planDeliveries } from "./planning.ts";
import { resumeEvents } from "./resume.ts";
import { routesOf } from "./routes.ts";
import { placeEvents } from "./told-installations.ts";

/** Of an envelope: longer ones are not for the database. */
const MAX_ROW_BYTES = 4096;

/**
 * Records verified events and hands their deliveries to the lanes. Answers for each message, in order, whether that is
 * done (null), or why it must come again. May be repeated and interrupted anywhere: an event is recorded once, has one
 * delivery for each destination, and stays `recorded` until all its deliveries are with their lanes. Never throws.
 */
export async function fanOut(messages: readonly IngestMessage[], deps: EventDeps): Promise<Outcome[]> {
  const outcomes = new Map<IngestMessage, Outcome>();
  const prepared: Prepared[] = [];
  await readRoutes(messages, deps);
  const { installations, failures } = await placeEvents(messages, deps);
  await Promise.all(
    messages.map(async (message) => {
      const failure = failures.get(message);
      if (failure !== undefined) return void outcomes.set(message, failure);
      try {
        if (message.newsOnly) await deletePayload(message.payload, deps);
        else prepared.push(await prepare(message, installations.get(message.event.id) ?? null, deps));
      } catch (error) {
        outcomes.set(message, reasonOf(error));
      }
    }),
  );
  try {
    for (const [message, outcome] of await commit(prepared, deps)) outcomes.set(message, outcome);
  } catch (error) {
    for (const { message } of prepared) outcomes.set(message, reasonOf(error));
  }
  await forgetJournal(
    messages.filter((message) => outcomes.get(message) === null),
    deps,
  );
  return messages.map((message) => outcomes.get(message) ?? null);
}

/** So many that fail alone, one after the other, say that it is not the messages. */
const FAILURES_IN_A_ROW = 3;

/** The same one by one, so that each fails for itself only; the rest is not tried when the fault is another one's. */
export async function fanOutAlone(messages: readonly IngestMessage[], deps: EventDeps): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let failures = 0;
  for (const message of messages) {
    const outcome = failures === FAILURES_IN_A_ROW ? "not tried" : ((await fanOut([message], deps))[0] ?? null);
    if (failures < FAILURES_IN_A_ROW) failures = outcome === null ? 0 : failures + 1;
    outcomes.push(outcome);
  }
  return outcomes;
}

/** Reads the routes that these messages need, once for each connector: below, all of them want them at once. */
async function readRoutes(messages: readonly IngestMessage[], { db, now }: EventDeps): Promise<void> {
  const receivedAtMs = new Map<string, number>();
  for (const { event } of messages) {
    receivedAtMs.set(event.connectorId, Math.max(event.receivedAtMs, receivedAtMs.get(event.connectorId) ?? 0));
  }
  const reads = [...receivedAtMs].map(([connectorId, asOfMs]) => routesOf(db, connectorId, now(), asOfMs));
  // What fails here fails again below, for the messages that it concerns.
  await Promise.allSettled(reads);
}

interface Prepared {
  message: IngestMessage;
  event: EventRecord;
  payload: PayloadRef;
  payloadDays: number;
  deliveries: NewDelivery[];
}

async function prepare(message: IngestMessage, installationId: string | null, deps: EventDeps): Promise<Prepared> {
  const event = { ...message.event, installationId };
  const { destinations, payloadDays } = await routesOf(deps.db, event.connectorId, deps.now());
  const deliveries = await planDeliveries({ ...message, event, series: 0 }, destinations, deps);
  return { message, event, payload: await shelve(message, deps), payloadDays, deliveries };
}

/** What is too long for a row goes into a blob as it is: it is sealed for its event, wherever it lies. */
async function shelve({ event, payload }: IngestMessage, { blobs }: EventDeps): Promise<PayloadRef> {
  if (payload.kind !== "inline" || payload.sealed.length <= MAX_ROW_BYTES) return payload;
  const key = payloadKey(event.connectorId, event.id);
  await blobs.put(key, payload.sealed);
  return { kind: "blob", key, kid: kidOf(payload.sealed) ?? "", segmentBytes: MAX_WHOLE_BYTES };
}

async function commit(prepared: readonly Prepared[], deps: EventDeps): Promise<Map<IngestMessage, Outcome>> {
  const outcomes = new Map<IngestMessage, Outcome>();
  if (prepared.length === 0) return outcomes;
  const inserts = prepared.map(({ event, payload, payloadDays }) => recordEvent(event, payload, payloadDays));
  const retired = prepared.flatMap(({ message }) => retireHash(message.event) ?? []);
  const deliveries = prepared.flatMap((each) => each.deliveries);
  const ids = prepared.map(({ message }) => message.event.id);
  const { rows, pending } = await storeDeliveries([...retired, ...inserts], deliveries, ids, deps);

  const fresh: Recorded[] = [];
  const repeats: { repeat: Prepared; of: Recorded }[] = [];
  for (const [index, each] of prepared.entries()) {
    const met = rows[retired.length + index]?.[0] as Recorded;
    if (met.id !== each.message.event.id) repeats.push({ repeat: each, of: met });
    else if (met.state === "recorded") fresh.push(met);
  }
  const handed = await handOver(fresh, pending, deps);
  for (const { message } of prepared) outcomes.set(message, handed.get(message.event.id) ?? null);
  for (const { repeat, of } of repeats) outcomes.set(repeat.message, await settleRepeat(repeat, of, deps));
  return outcomes;
}

/**
 * A repeat of an event that is still on its way takes that over. Of one that nobody received it is a redelivery that
 * somebody asked for. Any other is dropped.
 */
async function settleRepeat({ payload }: Prepared, of: Recorded, deps: EventDeps): Promise<Outcome> {
  try {
    const isOpen = of.state === "recorded" || (await deps.events.first<Recorded>(reopenEvent(of.id))) !== null;
    const outcome = isOpen ? ((await resumeEvents([of.id], deps)).get(of.id) ?? null) : null;
    // What is sent is the payload of the first.
    if (outcome === null) await deletePayload(payload, deps);
    return outcome;
  } catch (error) {
    return reasonOf(error);
  }
}

async function forgetJournal(messages: readonly IngestMessage[], { blobs, log }: EventDeps): Promise<void> {
  const keys = messages.flatMap(({ journalKey }) => journalKey ?? []);
  if (keys.length === 0) return;
  try {
    await blobs.delete(keys);
  } catch (error) {
    // The Housekeeper finds them, and that they are done.
    log.warn("events.journal_not_forgotten", { reason: messageOf(error), keys: keys.length });
  }
}

function reasonOf(error: unknown): string {
  const { code, reason } = failureFrom(error);
  return reason ?? code;
}
