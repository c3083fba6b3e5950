import { driverOf } from "../../catalog/registry.ts";
import { ApiError, unwrap } from "../../errors.ts";
import type { Answer, ProviderInput } from "../../http/endpoint.ts";
import { clientKey } from "../../limits/client-address.ts";
import { newEventId } from "../events/event-id.ts";
import { matchesType } from "../events/matching.ts";
import type { CheckedRecipe } from "../recipes/checked-recipe.ts";
import type { ProviderAnswer, Verdict } from "../recipes/recipe.ts";
import { keepLearnedSecret } from "../settings/trigger-secrets.ts";
import { RETRY_AFTER_MS, writeDurably } from "./durable-write.ts";
import { type Hook, type Judged, maxBodyBytes, notConfigured, type ReadyTrigger, ready } from "./hook.ts";
import { judge } from "./judge.ts";
import { receiveLong } from "./receive-long.ts";
import { receiveBody } from "./received-body.ts";
import { respond } from "./responder.ts";
import { findTriggerConfig, noteVerified } from "./trigger-directory.ts";
import { forgetTrigger } from "./trigger-memory.ts";

/**
 * One request of a provider: which connector, the body, the verdict, one durable write, and only then the answer. Nothing
 * is limited before it is judged: an address over its limit may be the provider's own.
 */
export async function receive(input: ProviderInput): Promise<Answer> {
  const { services, request, params, note } = input;
  const ingressId = params.ingressId ?? "";
  const deps = { ...services, defer: input.defer };
  const config = await findTriggerConfig(ingressId, deps);
  if (config === null) throw await turnedAway(input, new ApiError("not_found"));
  const { connector } = config;
  note({ connectorId: connector.id, connectorUid: connector.uid, connectorType: connector.type });
  // Some providers look whether there is anything before they accept a URL.
  if (request.method === "HEAD") return { status: 200 };

  const receivedAtMs = services.now();
  const hook: Hook = {
    ...input,
    ingressId,
    eventId: newEventId(receivedAtMs, services.randomBytes),
    receivedAtMs,
    url: services.settings.publicOrigin + request.url.replace(/^[^:]+:\/\/[^/?#]*/, ""),
  };
  const trigger = ready(config, request.method);
  const body = unwrap(await receiveBody(request, maxBodyBytes(trigger)));
  const judged =
    body.kind === "long" ? await receiveLong(hook, trigger, body.chunks) : await judge(hook, trigger, body.bytes);
  return actOn(hook, judged);
}

/** What the verdict means for the provider. */
async function actOn(hook: Hook, judged: Judged): Promise<Answer> {
  const { note, defer } = hook;
  const { config, verdict } = judged;
  if (verdict.kind !== "event") defer(judged.discard());
  switch (verdict.kind) {
    case "event":
      return acceptEvent(hook, judged, verdict);
    case "handshake":
      note({ verdict: "handshake" });
      if (verdict.learned !== undefined && !(await learn(hook, config, verdict.learned))) {
        return refuse(hook, { kind: "refused", status: 401, reason: "handshake_refused" });
      }
      return answerOf(verdict.answer);
    case "misconfigured":
      note({ verdict: "misconfigured" });
      throw notConfigured();
    case "refused":
      note({ verdict: "refused" });
      return refuse(hook, verdict);
    default:
      return verdict satisfies never;
  }
}

async function acceptEvent(
  hook: Hook,
  { config, keep, discard }: Judged,
  { event, secretId, answer }: Verdict & { kind: "event" },
): Promise<Answer> {
  const { services, defer, note } = hook;
  note({ ...(secretId !== null && { matchedId: secretId }), ...(event.type !== null && { eventType: event.type }) });
  if (config.pendingVerification) noteVerified(hook.ingressId, config, { ...services, defer });
  const usual = () => (answer === undefined ? acknowledgement(config.recipe) : answerOf(answer));
  if (!matchesType(event.type, config.events)) {
    note({ verdict: "unwanted" });
    // Who wants no such events still wants to know who has uninstalled the app.
    const isNews = driverOf(config.connector.type)?.installations?.tells(event.type) === true;
    if (isNews) await writeDurably({ ...(await keep(event)).message, newsOnly: true }, { ...services, defer });
    else defer(discard());
    return usual();
  }
  const kept = await keep(event);
  note({ verdict: "event", eventId: kept.message.event.id, bytes: kept.message.event.size });
  const response = answer === undefined ? await respond(hook, config, kept) : null;
  const message = { ...kept.message, responded: response?.responded ?? null };
  await writeDurably(message, { ...services, defer });
  return response?.answer ?? usual();
}

/** Whether a secret that a handshake brought is kept. Only the first counts, whoever sends another is refused. */
async function learn(
  hook: Hook,
  config: ReadyTrigger,
  learned: NonNullable<(Verdict & { kind: "handshake" })["learned"]>,
): Promise<boolean> {
  const { services, ingressId } = hook;
  const kept = unwrap(await keepLearnedSecret(services, config.teamId, config.connector.id, learned));
  if (kept) forgetTrigger(services.triggerMemory, ingressId);
  return kept;
}

/** 401 has no body: Xero, for one, does not accept a URL that answers a forged request with any. */
async function refuse(hook: Hook, verdict: Verdict & { kind: "refused" }): Promise<Answer> {
  const error = await turnedAway(hook, refusal(verdict));
  if (error.failure.code !== "invalid_signature") throw error;
  return { status: 401, headers: { "www-authenticate": "Bearer" }, failure: error.failure };
}

function refusal({ status, reason }: Verdict & { kind: "refused" }): ApiError {
  if (status === 503) {
    return new ApiError("storage_unavailable", {
      message: "This cannot be verified now. Send it again.",
      reason,
      retryAfterMs: RETRY_AFTER_MS,
    });
  }
  // Whoever forges requests learns nothing from how they fail.
  return status === 400
    ? new ApiError("bad_request", { message: "The request is not this webhook's.", reason })
    : new ApiError("invalid_signature", { reason });
}

/** The failure, or 429 for an address that has caused too many of them. Our own troubles count against nobody. */
async function turnedAway({ services, request }: ProviderInput, error: ApiError): Promise<ApiError> {
  if (error.failure.code === "storage_unavailable") return error;
  const counted = await services.limits.take("ip", clientKey(request.headers));
  return counted.ok ? error : ApiError.from(counted.failure);
}

function acknowledgement({ acknowledgement: { status, contentType, body } }: CheckedRecipe): Answer {
  return answerOf({ status, contentType: contentType ?? null, body });
}

function answerOf(
  given: Omit<ProviderAnswer, "status" | "contentType"> & { status: 200 | 202 | 204; contentType: string | null },
): Answer {
  const { status, contentType, body, headers } = given;
  return {
    status,
    ...(body !== "" && { raw: body }),
    headers: { ...headers, ...(contentType !== null && { "content-type": contentType }) },
  };
}
