import { endHere, seeOther } from "../authorize/callback.ts";
import { endRequest, wayBack } from "../authorize/flow.ts";
import { openFlow } from "../authorize/flow-secrets.ts";
import type { Visit } from "../authorize/go-on.ts";
import { failurePage } from "../authorize/page-answer.ts";
import type { FoundInstallation } from "../catalog/installations.ts";
import { redirectUriOf } from "../connectors/connector-wire.ts";
import { driverDeps } from "../connectors/driver-context.ts";
import { Secret } from "../crypto/secret.ts";
import { describeError, type Failure, fail, failureFrom, ok, type Result } from "../errors.ts";
import type { Answer } from "../http/endpoint.ts";
import type { Installation } from "../installations/installation.ts";
import { findInstallation } from "../installations/installation-store.ts";
import { recordNews } from "../installations/record-news.ts";
import type { Services } from "../services.ts";
import type { InstallBasis } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";
import { takeInstallStep } from "./install-store.ts";
import { openedConnector, setOut, type Target, targetOf } from "./legs.ts";

/**
 * An installation that the browser named. It is only a claim: the provider must know it as this connector's, and where
 * anybody could have named it, the browser goes on to show whose it is. Where the browser goes next, or the page
 * that ends it.
 */
export async function claim(
  request: InstallRequest,
  basis: InstallBasis,
  externalId: string,
  visit: Visit,
): Promise<{ onward: Target } | { answer: Answer }> {
  const { services, requestId } = visit;
  const { db, now } = services;
  const opened = await openedConnector(basis, services);
  const found =
    opened.ok && basis.installed !== null
      ? await basis.installed.installations.find({ ...opened.value, externalId }, driverDeps(services))
      : fail("connector_changed");
  // Nothing is spent: the same address asks again.
  if (!found.ok) return { answer: triedPage(found.failure, basis, requestId) };
  const end = async (code: Failure["code"]) => ({ answer: await endAt(request, "installing", basis, { code }, visit) });
  if (found.value === null) return end("installation_not_verified");
  if (found.value.state === "suspended") return end("installation_suspended");
  if (basis.installed?.installations.proof === null) {
    const step = { from: "installing", to: "completing", externalId } as const;
    if (!(await takeInstallStep(db, request.id, step, now()))) return { answer: used(requestId) };
    return { answer: await conclude(request, basis, found.value, visit) };
  }
  const step = { from: "installing", to: "proving", externalId } as const;
  const leg = await setOut(request, basis, step, { found: found.value }, services);
  const onward = leg.ok ? await targetOf(request, "proving", basis, leg.value, services) : leg;
  return onward.ok ? { onward: onward.value } : { answer: failurePage(onward.failure, requestId) };
}

/** The installer's code: theirs must be the very installation that was named. */
export async function prove(request: InstallRequest, basis: InstallBasis, code: string, visit: Visit): Promise<Answer> {
  const { services, requestId } = visit;
  const step = { from: "proving", to: "completing" } as const;
  if (!(await takeInstallStep(services.db, request.id, step, services.now()))) return used(requestId);
  const found = await proven(request, basis, code, services);
  return found.ok
    ? conclude(request, basis, found.value, visit)
    : endAt(request, "completing", basis, found.failure, visit);
}

/** The end, on a page that knows of what; and where its browser goes on. */
export function endAt(
  request: InstallRequest,
  from: InstallRequest["status"],
  { brand }: InstallBasis,
  failure: Failure,
  visit: Visit,
): Promise<Answer> {
  const returnUrl = request.asked.returnUrl === null ? null : wayBack(request, null, visit.services);
  return endHere(request, from, failure, visit, { brand, returnUrl });
}

async function proven(
  request: InstallRequest,
  basis: InstallBasis,
  code: string,
  services: Services,
): Promise<Result<FoundInstallation>> {
  const [kept, opened] = await Promise.all([
    openFlow(services, basis.teamId, request),
    openedConnector(basis, services),
  ]);
  if (!kept.ok) return kept;
  if (!opened.ok) return opened;
  const { provider, found } = kept.value;
  const proof = basis.installed?.installations.proof;
  if (provider === undefined || found === undefined || proof == null) {
    return fail("internal_error", { reason: "nothing was kept" });
  }
  const has = await proof.has(
    {
      ...opened.value,
      code: Secret.of(code),
      codeVerifier: Secret.of(provider.codeVerifier),
      redirectUri: redirectUriOf(request.connectorId, services.settings.publicOrigin),
      externalId: found.externalId,
    },
    driverDeps(services),
  );
  if (!has.ok) return has;
  return has.value ? ok(found) : fail("installation_not_verified");
}

/** It is theirs: it is recorded, and the request, which is `completing`, ends. */
async function conclude(
  request: InstallRequest,
  basis: InstallBasis,
  found: FoundInstallation,
  visit: Visit,
): Promise<Answer> {
  const { services } = visit;
  const recorded = await record(request, basis, found, services);
  if (!recorded.ok) return endAt(request, "completing", basis, recorded.failure, visit);
  const step = { from: "completing", to: "completing", installationId: recorded.value.id } as const;
  await takeInstallStep(services.db, request.id, step, services.now());
  await endRequest(request, { from: "completing", to: "success", errorCode: null, providerError: null }, visit);
  return seeOther(wayBack(request, null, services));
}

async function record(
  { connectorId }: InstallRequest,
  { installed }: InstallBasis,
  found: FoundInstallation,
  services: Services,
): Promise<Result<Installation>> {
  try {
    const place = { connectorId, region: installed?.connector.region ?? null };
    const recorded =
      (await recordNews(services, place, found, { isOwn: true })) ??
      (await findInstallation(services.db, connectorId, found.externalId));
    // What an event told meanwhile is later than what we found.
    if (recorded === null || recorded.state === "removed") return fail("installation_not_verified");
    return recorded.state === "suspended" ? fail("installation_suspended") : ok(recorded);
  } catch (thrown) {
    return { ok: false, failure: failureFrom(thrown) };
  }
}

/** A failure after which the same address may be opened again, where that can help. */
export function triedPage(failure: Failure, { brand }: Pick<InstallBasis, "brand">, requestId: string): Answer {
  return failurePage(failure, requestId, isPassing(failure) ? { outcome: "try_again", brand } : { brand });
}

export function isPassing({ code }: Failure): boolean {
  return code === "upstream_unreachable" || [429, 503, 504].includes(describeError(code).status);
}

export function used(requestId: string): Answer {
  return failurePage({ code: "flow_already_used" }, requestId);
}
