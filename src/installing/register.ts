import { seeOther } from "../authorize/callback.ts";
import { endRequest, wayBack } from "../authorize/flow.ts";
import { openFlow, sealFlow } from "../authorize/flow-secrets.ts";
import type { Visit } from "../authorize/go-on.ts";
import { failurePage } from "../authorize/page-answer.ts";
import { createConnector } from "../connectors/create-connector.ts";
import { driverDeps } from "../connectors/driver-context.ts";
import { Secret } from "../crypto/secret.ts";
import { type Failure, fail, failureFrom, type Result, unwrap } from "../errors.ts";
import type { Answer } from "../http/endpoint.ts";
import { forgetTrigger } from "../triggers/ingress/trigger-memory.ts";
import { endAt, isPassing, triedPage, used } from "./conclude.ts";
import { basisOf, type InstallBasis } from "./install-basis.ts";
import type { InstallRequest, Registering } from "./install-row.ts";
import { findInstall, markRegistered, takeInstallStep } from "./install-store.ts";
import { setOut, targetOf } from "./legs.ts";

/**
 * The code of a registration becomes the connector that was asked for, and the browser goes on to install it. The
 * provider takes the code once, so what it answers is kept, sealed, before anything else: if the connector cannot be
 * stored, the same browser at the same address tries again, for as long as the request lasts.
 */
export async function register(
  request: InstallRequest,
  registering: Registering,
  code: string,
  visit: Visit,
): Promise<Answer> {
  const { services, requestId } = visit;
  const basis = unwrap(await basisOf(request, services));
  const brought = await broughtHome(request, registering, basis, code, visit);
  if ("answer" in brought) return brought.answer;
  if (!request.registered) {
    const failure = await stored(request, registering, brought.data, visit);
    if (failure !== null) return triedPage({ ...failure, code: "storage_unavailable" }, basis, requestId);
  }
  if (!registering.autoinstall || basis.driver.installations === null) {
    await endRequest(request, { from: "registering", to: "success", errorCode: null, providerError: null }, visit);
    return seeOther(wayBack(request, null, services));
  }
  const made = unwrap(await basisOf({ ...request, registered: true }, services));
  const leg = await setOut(request, made, { from: "registering", to: "installing" }, {}, services);
  const target = leg.ok ? await targetOf(request, "installing", made, leg.value, services) : leg;
  return target.ok ? seeOther(target.value.url) : failurePage(target.failure, requestId, { brand: made.brand });
}

/** What the code brings, or brought before. */
async function broughtHome(
  request: InstallRequest,
  { plan }: Registering,
  basis: InstallBasis,
  code: string,
  visit: Visit,
): Promise<{ data: unknown } | { answer: Answer }> {
  const { services, requestId } = visit;
  const { db, now, log } = services;
  const { teamId, driver } = basis;
  const kept = unwrap(await openFlow(services, teamId, request));
  if (request.registered) return { data: null };
  if (kept.registered !== undefined) return kept.registered;
  const step = { from: "registering", to: "completing" } as const;
  if (!(await takeInstallStep(db, request.id, step, now()))) return { answer: used(requestId) };
  const back = { from: "completing", to: "registering" } as const;
  const finished: Result<{ data: unknown; name: string }> =
    driver.registration === null
      ? fail("connector_changed")
      : await driver.registration.finish({ plan, code: Secret.of(code) }, driverDeps(services));
  if (!finished.ok) {
    const { failure } = finished;
    if (!isPassing(failure)) return { answer: await endAt(request, "completing", basis, failure, visit) };
    await takeInstallStep(db, request.id, back, now());
    return { answer: triedPage(failure, basis, requestId) };
  }
  const { value } = finished;
  try {
    const secrets = await sealFlow(services, teamId, request, { ...kept, registered: value });
    await takeInstallStep(db, request.id, { ...back, secrets }, now());
  } catch (thrown) {
    // The app is there and its keys are gone: somebody has to delete it at the provider.
    log.error("registration.lost", { installRequest: request.id, name: value.name });
    throw thrown;
  }
  return value;
}

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
    const now = await findInstall(services.db, request.id);
    if (now?.registered) return null;
    const failure = failureFrom(thrown);
    services.log.warn("registration.not_stored", { connectorId, reason: failure.reason ?? failure.code });
    return failure;
  }
}
