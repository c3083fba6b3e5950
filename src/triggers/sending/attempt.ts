import type { KeyRing } from "../../crypto/key-ring.ts";
import { type ErrorCode, failureFrom, unwrap } from "../../errors.ts";
import type { OutboundResponse } from "../../outbound/guarded-fetch.ts";
import type { Services } from "../../services.ts";
import { newId } from "../../store/ids.ts";
import { findTeam } from "../../team/team-store.ts";
import type { Attempt, AttemptOutcome, Delivery, EventRecord, PayloadRef } from "../events/event.ts";
import { readPayload } from "../events/payload-store.ts";
import type { Destination, ForwardedConnector } from "../settings/destination.ts";
import { openDestinationSecrets } from "../settings/destination-secrets.ts";
import { type DatedSecret, liveSecrets } from "../settings/signing-secrets.ts";
import { forwardToken } from "./forward-token.ts";
import { forwardedHeaders, HOP_HEADER, nextHop } from "./forwarded-headers.ts";
import { outcomeOf, responseText } from "./outcome.ts";
import { sizedStream } from "./sized-stream.ts";
import { standardWebhooksHeaders } from "./standard-webhooks.ts";

/** Of an answer that is kept with the attempt, and handed back unless somebody wants more. */
const KEPT_ANSWER_BYTES = 4 * 1024;
/** A payload that cannot be read and never will be. */
const LOST: ErrorCode[] = ["gone", "decryption_failed"];

/** What sending takes. */
export interface SendingDeps extends Pick<Services, "db" | "blobs" | "fetch" | "now" | "randomBytes" | "settings"> {
  keys: KeyRing;
}

/** What is sent where. */
export interface Sending {
  delivery: Pick<Delivery, "id" | "series" | "attemptCount">;
  event: EventRecord;
  /** The bytes, or where they lie. */
  payload: Uint8Array<ArrayBuffer> | PayloadRef;
  destination: Destination;
  connector: ForwardedConnector;
}

/** One try, and what came back; null = nothing did. */
export interface MadeAttempt {
  attempt: Attempt;
  answer: OutboundResponse | null;
}

/**
 * Sends an event to a destination once, as attempt `delivery.attemptCount + 1`. A long payload is read twice, to sign and
 * to send it, and never held whole. What keeps the attempt from being made at
 * all (storage, a missing master key) is thrown: nothing was sent then.
 */
export async function makeAttempt(
  sending: Sending,
  deps: SendingDeps,
  { timeoutMs = sending.destination.timeoutMs, keepBytes = KEPT_ANSWER_BYTES } = {},
): Promise<MadeAttempt> {
  const { delivery, event, destination } = sending;
  const startedAtMs = deps.now();
  const id = newId("att", deps.randomBytes);
  const ended = (outcome: AttemptOutcome, answer: OutboundResponse | null = null): MadeAttempt => ({
    attempt: {
      id,
      startedAtMs,
      durationMs: deps.now() - startedAtMs,
      status: answer?.status ?? null,
      outcome,
      // Of use where it went wrong; and what a destination echoes would lie there in the clear.
      response:
        outcome === "delivered" || answer === null ? null : responseText(answer.body.subarray(0, KEPT_ANSWER_BYTES)),
    },
    answer,
  });

  const hop = nextHop(event);
  const url = destination.url === null ? null : (URL.parse(destination.url)?.href ?? destination.url);
  if (hop === null) return ended("too_many_hops");
  if (url === null) return ended("misconfigured");
  const teamId = (await findTeam(deps.db))?.id ?? "";
  const secrets = await secretsOf(destination, teamId, deps.keys);
  const message = { id: event.id, timestamp: Math.floor(startedAtMs / 1000) };
  const subject = { ...sending, attemptId: id, url, issuedAtMs: startedAtMs };

  const read = () => bytesOf(sending, { ...deps, teamId });
  let body: Awaited<ReturnType<typeof bytesOf>>;
  let signed: Record<string, string>;
  try {
    body = await read();
    signed = await standardWebhooksHeaders(
      { ...message, body },
      liveSecrets(secrets, startedAtMs).map(({ value }) => value),
    );
    // Signing has used a stream up. That it came to its end says that the next one will, too.
    if (!(body instanceof Uint8Array)) body = await read();
  } catch (error) {
    if (LOST.includes(failureFrom(error).code)) return ended("payload_gone");
    throw error;
  }

  const headers = {
    ...forwardedHeaders(event),
    ...signed,
    authorization: `Bearer ${await forwardToken(subject, deps)}`,
    "connect-delivery": delivery.id,
    "connect-attempt": String(delivery.attemptCount + 1),
    ...(delivery.series > 0 && { "connect-replay": String(delivery.series) }),
    [HOP_HEADER]: String(hop),
  };
  const sent = body instanceof Uint8Array ? { body, stop: () => {} } : sizedStream(body, event.size);
  const answer = await deps.fetch({ url, method: "POST", headers, body: sent.body, timeoutMs, keepBytes });
  sent.stop();
  return ended(outcomeOf(answer), answer.ok ? answer.value : null);
}

/** Opened once for each time that a destination is read. Values, never promises, which must not cross requests. */
const opened = new WeakMap<Destination, readonly DatedSecret[]>();

async function secretsOf(destination: Destination, teamId: string, keys: KeyRing): Promise<readonly DatedSecret[]> {
  const known = opened.get(destination);
  if (known !== undefined) return known;
  const secrets = unwrap(await openDestinationSecrets(keys, teamId, destination));
  opened.set(destination, secrets);
  return secrets;
}

async function bytesOf({ payload, event }: Sending, deps: SendingDeps & { teamId: string }) {
  return payload instanceof Uint8Array ? payload : unwrap(await readPayload(payload, event, deps));
}
