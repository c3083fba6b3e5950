import { failureFrom } from "../../errors.ts";
import type { Answer } from "../../http/endpoint.ts";
import { canBeSent } from "../../outbound/outbound-headers.ts";
import { deliveryId } from "../events/delivery-id.ts";
import type { IngestMessage } from "../events/event.ts";
import { filterPointers, matchesDestination } from "../events/matching.ts";
import { withInstallation } from "../events/told-installations.ts";
import { scanJson } from "../recipes/scan-json.ts";
import { makeAttempt } from "../sending/attempt.ts";
import type { Hook, Kept, ReadyTrigger } from "./hook.ts";

/** From the request's start to the end of its destination's answer: providers that wait for one give it three seconds. */
const BUDGET_MS = 2_200;
/** With less than this left, nobody is asked. */
const MIN_TIMEOUT_MS = 200;
/** Of an answer that is passed on (bytes). */
const MAX_ANSWER_BYTES = 64 * 1024;
/**
 * Nothing that a browser would run in the name of this host. Of several types, with a comma between, it takes the last;
 * and XML may have scripts, hence the sandbox.
 */
const PASSED_ON = /^(?:application\/json|text\/plain|(?:application|text)\/xml)\s*(?:;[^,]*)?$/i;
const SANDBOX = { "content-security-policy": "sandbox; default-src 'none'" };

/**
 * Has the connector's responder answer the provider, as the first attempt of that delivery. Null = nobody is to, or
 * there was no time; an answer of null = the attempt is over, and the provider gets the usual acknowledgement.
 */
export async function respond(
  hook: Hook,
  { responder, connector }: ReadyTrigger,
  { message, payload }: Kept,
): Promise<{ answer: Answer | null; responded: NonNullable<IngestMessage["responded"]> } | null> {
  const { services } = hook;
  const timeoutMs = Math.min(BUDGET_MS - (services.now() - hook.receivedAtMs), responder?.timeoutMs ?? 0);
  if (responder === null || payload === null || timeoutMs < MIN_TIMEOUT_MS) return null;
  const event = await withInstallation(message.event, services);
  const pointers = filterPointers([responder]);
  const body = pointers.size === 0 ? null : scanJson(pointers, payload);
  if (!matchesDestination(event, body, responder)) return null;
  const delivery = { id: await deliveryId(event.id, responder.id, 0), series: 0, attemptCount: 0 };
  const limits = { timeoutMs, keepBytes: MAX_ANSWER_BYTES + 1 };
  try {
    const made = await makeAttempt({ delivery, event, payload, destination: responder, connector }, services, limits);
    const { attempt, answer } = made;
    const isAnswer = attempt.outcome === "delivered" && answer !== null && answer.body.length <= MAX_ANSWER_BYTES;
    return {
      answer: isAnswer ? passedOn(answer) : null,
      responded: { destinationId: responder.id, attempt },
    };
  } catch (thrown) {
    // Nothing was sent, so its lane starts with the first attempt.
    const { code, reason } = failureFrom(thrown);
    services.log.warn("ingress.responder_failed", { destinationId: responder.id, errorCode: code, reason });
    return null;
  }
}

function passedOn({
  status,
  headers,
  body,
}: {
  status: number;
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
}): Answer | null {
  if (body.length === 0) return { status: status === 202 || status === 204 ? status : 200 };
  const type = headers.get("content-type");
  if (type === null || !PASSED_ON.test(type) || !canBeSent("content-type", type)) return null;
  return { status: status === 202 ? 202 : 200, raw: body, headers: { ...SANDBOX, "content-type": type } };
}
