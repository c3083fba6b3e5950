import { challengeOf, type FlowSecrets, type Leg, newLeg, openFlow, sealFlow } from "../authorize/flow-secrets.ts";
import { legEndMs } from "../authorize/provider-leg.ts";
import { type InstallStep, takeStep } from "../authorize/request-store.ts";
import { redirectUriOf } from "../connectors/connector-wire.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Answer } from "../http/endpoint.ts";
import { openInstallable } from "../installations/installable.ts";
import type { Services } from "../services.ts";
import { ingressUrlOf } from "../triggers/settings/trigger-wire.ts";
import type { InstallBasis } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";

const LEGS = ["registering", "installing", "proving"] as const;
/** For what a browser is away at the provider. */
export type LegStatus = (typeof LEGS)[number];

/** Null = nobody is on the way. */
export function legOf(status: string): LegStatus | null {
  return LEGS.find((leg) => leg === status) ?? null;
}

/** Where the browser goes; with `fields`, by posting them. */
export interface Target {
  url: string;
  fields?: Record<string, string>;
}

/** Where a browser goes on, or the page on which it stays. */
export type Next = { onward: Target } | { answer: Answer };

type StepOut = Omit<InstallStep, "stateHash" | "secrets" | "legExpiresAtMs"> & { to: LegStatus };

/** A step onto a leg of its own, with what is kept until its end; `flow_already_used` when somebody else took one. */
export async function setOut(
  request: InstallRequest,
  { teamId }: InstallBasis,
  step: StepOut,
  kept: FlowSecrets,
  services: Services,
): Promise<Result<Leg>> {
  const { db, now, randomBytes } = services;
  const leg = newLeg(randomBytes);
  const out = {
    ...step,
    stateHash: await sha256Base64url(leg.state),
    // Who registers or installs reads and decides, signs in, or asks others.
    legExpiresAtMs: step.to === "proving" ? legEndMs(request, now()) : request.expiresAtMs,
    secrets: await sealFlow(services, teamId, request, { ...kept, provider: leg }),
  };
  return (await takeStep(db, request.id, out, now())) ? ok(leg) : fail("flow_already_used");
}

/** The same, and where it leads. */
export async function sendOut(
  request: InstallRequest,
  basis: InstallBasis,
  step: StepOut,
  kept: FlowSecrets,
  services: Services,
): Promise<Result<Target>> {
  const leg = await setOut(request, basis, step, kept, services);
  return leg.ok ? targetOf(request, step.to, basis, leg.value, services) : leg;
}

/** Where the request's leg leads: the same one as long as it lasts, so that a form sent twice gives one `state`. */
export async function currentTarget(
  request: InstallRequest,
  status: LegStatus,
  basis: InstallBasis,
  services: Services,
): Promise<Result<Target>> {
  const secrets = await openFlow(services, basis.teamId, request);
  if (!secrets.ok) return secrets;
  const { provider } = secrets.value;
  return provider !== undefined && (request.legExpiresAtMs ?? 0) > services.now()
    ? targetOf(request, status, basis, provider, services)
    : sendOut(request, basis, { from: status, to: status }, secrets.value, services);
}

async function targetOf(
  { connectorId, asked: { registering, tenantId } }: InstallRequest,
  status: LegStatus,
  { driver, installable, teamId }: InstallBasis,
  leg: Leg,
  services: Services,
): Promise<Result<Target>> {
  const { publicOrigin } = services.settings;
  const { state, nonce } = leg;
  const redirectUri = redirectUriOf(connectorId, publicOrigin);
  if (status === "registering" && registering !== null && driver.registration !== null) {
    const { plan, body, ingressId } = registering;
    const webhook =
      body.triggers === true ? { url: ingressUrlOf(ingressId, publicOrigin), events: body.events ?? [] } : null;
    return ok(driver.registration.form({ plan, name: body.name ?? "", state, redirectUri, webhook, publicOrigin }));
  }
  if (installable === null) return fail("connector_changed", { reason: status });
  const { connector, installations } = installable;
  if (status === "installing") {
    return urlOnly(installations.installUrl({ config: connector.config, state, tenantId }));
  }
  const opened = await openInstallable(installable, teamId, services);
  if (!opened.ok) return opened;
  if (installations.proof === null) return fail("connector_changed", { reason: status });
  const codeChallenge = await challengeOf(leg);
  return urlOnly(installations.proof.authorizationUrl({ ...opened.value, redirectUri, state, codeChallenge, nonce }));
}

function urlOnly(url: Result<string>): Result<Target> {
  return url.ok ? ok({ url: url.value }) : url;
}
