import { seeOther } from "../authorize/callback.ts";
import { endRequest, wayBack } from "../authorize/flow.ts";
import { type FlowSecrets, openFlow, sealFlow } from "../authorize/flow-secrets.ts";
import type { Visit } from "../authorize/go-on.ts";
import { failurePage } from "../authorize/page-answer.ts";
import { takeStep } from "../authorize/request-store.ts";
import { createConnector } from "../connectors/create-connector.ts";
import { driverDeps } from "../connectors/driver-context.ts";
import { Secret } from "../crypto/secret.ts";
import { ApiError, type Failure, fail, failureFrom, type Result, unwrap } from "../errors.ts";
import type { Answer } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { forgetTrigger } from "../triggers/ingress/trigger-memory.ts";
import { endAt, isPassing, triedPage, used } from "./endings.ts";
import { basisOf, type InstallBasis } from "./install-basis.ts";
import type { InstallRequest, Registering } from "./install-row.ts";
import { findInstall, markRegistered } from "./install-store.ts";
import { type Next, sendOut } from "./legs.ts";

/**
 * The code of a registration becomes the connector that was asked for, and the browser goes on to install it. The
 * provider takes the code once, so what it answers is kept, sealed, before anything else: if the connector cannot be
 * stored, the same browser tries again, for as long as the request lasts.
 */
export async function register(
  request: InstallRequest,
  basis: InstallBasis,
  code: string,
  visit: Visit,
): Promise<Next> {
  const { services, requestId } = visit;
  const { registering } = request.asked;
  if (registering === null) throw new ApiError("internal_error", { reason: "nothing to register" });
  if (!request.registered) {
    const brought = await broughtHome(request, registering, basis, code, visit);
    if ("answer" in brought) return brought;
    const failure = await stored(request, registering, brought.data, visit);
    if (failure !== null) {
      const shown = { ...failure, code: "storage_unavailable" } as const;
      if (brought.isKept) return { answer: triedPage(shown, basis, requestId) };
      lost(request, brought.name, failure, services);
      return { answer: failurePage(shown, requestId, basis.known) };
    }
  }
  if (!registering.autoinstall || basis.driver.installations === null) {
    await endRequest(request, { from: "registering", to: "success", errorCode: null, providerError: null }, visit);
    return { answer: seeOther(wayBack(request, null, services)) };
  }
  const made = unwrap(await basisOf({ ...request, registered: true }, services));
  const onward = await sendOut(request, made, { from: "registering", to: "installing" }, {}, services);
  if (onward.ok) return { onward: onward.value };
  return { answer: failurePage(onward.failure, requestId, made.known) };
}

/** Whether the provider has registered it already, and nothing but storing it is left: a second app would be too many. */
export async function isBrought(
  request: InstallRequest,
  { teamId }: InstallBasis,
  services: Services,
): Promise<boolean> {
  return request.registered || unwrap(await openFlow(services, teamId, request)).registered !== undefined;
}

type Registered = NonNullable<FlowSecrets["registered"]>;
const BACK = { from: "completing", to: "registering" } as const;

/** What the code brings, or brought before. */
async function broughtHome(
  request: InstallRequest,
  { plan, body }: Registering,
  basis: InstallBasis,
  code: string,
  visit: Visit,
): Promise<(Registered & { isKept: boolean }) | { answer: Answer }> {
  const { services, requestId } = visit;
  const { db, now } = services;
  const { teamId, driver } = basis;
  const kept = unwrap(await openFlow(services, teamId, request));
  if (kept.registered !== undefined) return { ...kept.registered, isKept: true };
  const step = { from: "registering", to: "completing" } as const;
  if (!(await takeStep(db, request.id, step, now()))) return { answer: used(requestId) };
  const finished: Result<Registered> =
    driver.registration === null
      ? fail("connector_changed")
      : await driver.registration.finish({ plan, code: Secret.of(code) }, driverDeps(services));
  if (finished.ok) {
    const isKept = await keep(request, teamId, { ...kept, registered: finished.value }, services);
    return { ...finished.value, isKept };
  }
  const { failure } = finished;
  if (isPassing(failure)) {
    // It may have been taken all the same, and the answer lost.
    const secrets = await sealFlow(services, teamId, request, { ...kept, isSent: true });
    await takeStep(db, request.id, { ...BACK, secrets }, now());
    return { answer: triedPage(failure, basis, requestId) };
  }
  // A code that was refused at once was none.
  if (failure.code !== "upstream_rejected" || kept.isSent) lost(request, body.name, failure, services);
  return { answer: await endAt(request, "completing", basis, failure, visit) };
}

/** The app may be there, and nobody has its keys: somebody has to delete it at the provider. */
function lost(
  { id }: InstallRequest,
  name: string | undefined,
  { code, reason = code }: Failure,
  { log }: Services,
): void {
  log.error("registration.lost", { installRequest: id, name, reason });
}

/** A registration that its operator has ended, with what it may have brought. */
export async function dropRegistration(
  request: InstallRequest,
  { teamId }: InstallBasis,
  services: Services,
): Promise<void> {
  const { registering } = request.asked;
  if (request.status !== "registering" || request.registered) return;
  const kept = await openFlow(services, teamId, request);
  const { registered = null, isSent = false } = kept.ok ? kept.value : {};
  if (registered === null && !isSent) return;
  lost(request, (registered ?? registering?.body)?.name, { code: "access_denied" }, services);
}

/**
 * Once only the provider says it, so it is sealed first. Whether it could be: late is no matter as long as the connector
 * can be made of it at once.
 */
async function keep(
  request: InstallRequest,
  teamId: string,
  secrets: FlowSecrets & { registered: Registered },
  services: Services,
): Promise<boolean> {
  try {
    const sealed = await sealFlow(services, teamId, request, secrets);
    return await takeStep(services.db, request.id, { ...BACK, secrets: sealed }, services.now());
  } catch (thrown) {
    lost(request, secrets.registered.name, failureFrom(thrown), services);
    throw thrown;
  }
}

/** Makes the connector; null = it is there, perhaps by another tab. Whatever failed may pass: what was brought is kept. */
async function stored(
  request: InstallRequest,
  { body, actor, ingressId }: Registering,
  data: unknown,
  { services }: Visit,
): Promise<Failure | null> {
  const { connectorId } = request;
  try {
    const promised = { id: connectorId, ingressId, also: [markRegistered(request)] };
    await createConnector(services, actor, { ...body, data }, promised);
    // The provider's first event came before there was who receives it.
    forgetTrigger(services.triggerMemory, ingressId);
    return null;
  } catch (thrown) {
    // The database that did not store it may not tell either.
    const after = await findInstall(services.db, request.id).catch(() => null);
    if (after?.registered) return null;
    const failure = failureFrom(thrown);
    services.log.warn("registration.not_stored", { connectorId, reason: failure.reason ?? failure.code });
    return failure;
  }
}
