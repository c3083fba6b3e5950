import { challengeOf, type FlowSecrets, type Leg, newLeg, openFlow, sealFlow } from "../authorize/flow-secrets.ts";
import { legEndMs } from "../authorize/provider-leg.ts";
import type { Asserting } from "../catalog/driver.ts";
import { openSecrets } from "../connectors/connector-secrets.ts";
import { redirectUriOf } from "../connectors/connector-wire.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { fail, ok, type Result } from "../errors.ts";
import { assertionSource } from "../grants/assertion.ts";
import type { Services } from "../services.ts";
import { ingressUrlOf } from "../triggers/settings/trigger-wire.ts";
import type { InstallBasis } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";
import { type InstallStep, takeInstallStep } from "./install-store.ts";

/** Where the browser goes; with `fields`, by posting them. */
export interface Target {
  url: string;
  fields?: Record<string, string>;
}

export type LegStatus = "registering" | "installing" | "proving";

/** A step onto a leg of its own, with what is kept until its end; `flow_already_used` when somebody else took one. */
export async function setOut(
  request: InstallRequest,
  { teamId }: InstallBasis,
  step: Omit<InstallStep, "stateHash" | "secrets" | "legExpiresAtMs"> & { to: LegStatus },
  kept: FlowSecrets,
  services: Services,
): Promise<Result<Leg>> {
  const { db, now, randomBytes } = services;
  const leg = newLeg(randomBytes);
  const taken = await takeInstallStep(
    db,
    request.id,
    {
      ...step,
      stateHash: await sha256Base64url(leg.state),
      // Who registers or installs reads and decides, signs in, or asks others.
      legExpiresAtMs: step.to === "proving" ? legEndMs(request, now()) : request.expiresAtMs,
      secrets: await sealFlow(services, teamId, request, { ...kept, provider: leg }),
    },
    now(),
  );
  return taken ? ok(leg) : fail("flow_already_used");
}

/** The leg that the request is on, as long as it lasts, so that a form sent twice gives one `state`; then a new one. */
export async function currentLeg(
  request: InstallRequest & { status: LegStatus },
  basis: InstallBasis,
  services: Services,
): Promise<Result<Leg>> {
  const secrets = await openFlow(services, basis.teamId, request);
  if (!secrets.ok) return secrets;
  const { provider } = secrets.value;
  if (provider !== undefined && (request.legExpiresAtMs ?? 0) > services.now()) return ok(provider);
  return setOut(request, basis, { from: request.status, to: request.status }, secrets.value, services);
}

/** Where a leg leads. */
export async function targetOf(
  request: Pick<InstallRequest, "connectorId" | "asked">,
  status: LegStatus,
  { driver, installed, teamId }: InstallBasis,
  leg: Leg,
  services: Services,
): Promise<Result<Target>> {
  const { publicOrigin } = services.settings;
  const { state, nonce } = leg;
  const { registering, tenantId } = request.asked;
  const redirectUri = redirectUriOf(request.connectorId, publicOrigin);
  if (status === "registering" && registering !== null && driver.registration !== null) {
    const { plan, body, ingressId } = registering;
    const webhook =
      body.triggers === true ? { url: ingressUrlOf(ingressId, publicOrigin), events: body.events ?? [] } : null;
    return ok(driver.registration.form({ plan, name: body.name ?? "", state, redirectUri, webhook, publicOrigin }));
  }
  if (installed === null) return fail("connector_changed", { reason: status });
  const { connector, installations } = installed;
  const { config } = connector;
  if (status === "installing") return urlOnly(installations.installUrl({ config, state, tenantId }));
  const opened = await openedConnector({ installed, teamId }, services);
  if (!opened.ok || installations.proof === null) return fail("connector_changed", { reason: status });
  const codeChallenge = await challengeOf(leg);
  return urlOnly(installations.proof.authorizationUrl({ ...opened.value, redirectUri, state, codeChallenge, nonce }));
}

function urlOnly(url: Result<string>): Result<Target> {
  return url.ok ? ok({ url: url.value }) : url;
}

/** The connector as its driver takes it. */
export async function openedConnector(
  { installed, teamId }: Pick<InstallBasis, "installed" | "teamId">,
  { keys, grants }: Pick<Services, "keys" | "grants">,
): Promise<Result<Asserting>> {
  if (installed === null) return fail("connector_changed", { reason: "not registered" });
  const { connector } = installed;
  const secrets = await openSecrets(keys, teamId, connector);
  if (!secrets.ok) return secrets;
  const { id: connectorId, config, configRevision, region } = connector;
  const assertion = assertionSource(grants.gate(connectorId, region), { teamId, connectorId, configRevision });
  return ok({ config, secrets: secrets.value, connectorId, assertion });
}
