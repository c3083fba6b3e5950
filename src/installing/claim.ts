import { invalid } from "../authorize/callback-parameters.ts";
import { openFlow } from "../authorize/flow-secrets.ts";
import type { Visit } from "../authorize/go-on.ts";
import { failurePage } from "../authorize/page-answer.ts";
import { takeStep } from "../authorize/request-store.ts";
import type { FoundInstallation } from "../catalog/installations.ts";
import { redirectUriOf } from "../connectors/connector-wire.ts";
import { driverDeps } from "../connectors/driver-context.ts";
import { Secret } from "../crypto/secret.ts";
import { type Failure, fail, ok, type Result } from "../errors.ts";
import type { Answer } from "../http/endpoint.ts";
import { openInstallable } from "../installations/installable.ts";
import type { Services } from "../services.ts";
import { conclude } from "./conclude.ts";
import { endAt, triedPage, used } from "./endings.ts";
import type { InstallBasis } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";
import { type Next, sendOut } from "./legs.ts";

/** An id as providers make them. `invalid_callback`. */
export function externalIdOf(text: string | null): Result<string> {
  return text !== null && /^\w[\w.-]{0,99}$/.test(text) ? ok(text) : invalid("installation_id");
}

/** The id that a user pasted: by itself, or as the last part of an address. `invalid_callback`. */
export function pastedId(text: string): Result<string> {
  const [path = ""] = text.split(/[?#]/, 1);
  return externalIdOf(path.split("/").findLast(Boolean) ?? null);
}

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
): Promise<Next> {
  const { services, requestId } = visit;
  const found = await find(basis, externalId, services);
  // Nothing is spent: the same address asks again.
  if (!found.ok) return { answer: triedPage(found.failure, basis, requestId) };
  const end = async (code: Failure["code"]) => ({ answer: await endAt(request, "installing", basis, { code }, visit) });
  if (found.value === null) return end("installation_not_verified");
  if (found.value.state === "suspended") return end("installation_suspended");
  if (basis.installable?.installations.proof === null) {
    const step = { from: "installing", to: "completing", externalId } as const;
    if (!(await takeStep(services.db, request.id, step, services.now()))) return { answer: used(requestId) };
    return { answer: await conclude(request, basis, found.value, visit) };
  }
  const step = { from: "installing", to: "proving", externalId } as const;
  const onward = await sendOut(request, basis, step, { found: found.value }, services);
  if (onward.ok) return { onward: onward.value };
  return { answer: failurePage(onward.failure, requestId, basis.known) };
}

/** How long a provider may need until it knows everywhere what was installed a moment ago (ms). */
const SPREADS_WITHIN_MS = 1500;

/** The provider is asked twice before it is believed that there is none. */
async function find(
  { installable, teamId }: InstallBasis,
  externalId: string,
  services: Services,
): Promise<Result<FoundInstallation | null>> {
  if (installable === null) return fail("connector_changed", { reason: "not registered" });
  const opened = await openInstallable(installable, teamId, services);
  if (!opened.ok) return opened;
  const ask = () => installable.installations.find({ ...opened.value, externalId }, driverDeps(services));
  const found = await ask();
  if (!found.ok || found.value !== null) return found;
  await scheduler.wait(SPREADS_WITHIN_MS);
  return ask();
}

/** The installer's code: theirs must be the very installation that was named. */
export async function prove(request: InstallRequest, basis: InstallBasis, code: string, visit: Visit): Promise<Answer> {
  const { services, requestId } = visit;
  const step = { from: "proving", to: "completing" } as const;
  if (!(await takeStep(services.db, request.id, step, services.now()))) return used(requestId);
  const found = await proven(request, basis, code, services);
  return found.ok
    ? conclude(request, basis, found.value, visit)
    : endAt(request, "completing", basis, found.failure, visit);
}

async function proven(
  request: InstallRequest,
  { installable, teamId }: InstallBasis,
  code: string,
  services: Services,
): Promise<Result<FoundInstallation>> {
  const kept = await openFlow(services, teamId, request);
  if (!kept.ok) return kept;
  const { provider, found } = kept.value;
  const proof = installable?.installations.proof;
  if (installable === null || proof == null || provider === undefined || found === undefined) {
    return fail("internal_error", { reason: "nothing was kept" });
  }
  const opened = await openInstallable(installable, teamId, services);
  if (!opened.ok) return opened;
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
