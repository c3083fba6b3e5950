import { redirectUriOf } from "../connectors/connector-wire.ts";
import { type Failure, messageOf } from "../errors.ts";
import type { Input } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import type { Authority } from "./authority.ts";
import { providerError } from "./callback-parameters.ts";
import { pageUrl } from "./page-url.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { type Ending, finishRequest } from "./request-store.ts";
import { returnLocation } from "./return-url.ts";
import { FIRST_RETRY_MS, sendWebhook } from "./webhook.ts";

/** An authorization or an installation, as far as its end is concerned. */
export interface Flow {
  id: string;
  asked: Pick<AuthorizationRequest["asked"], "returnUrl" | "webhook">;
}

/** What moving one on reaches. */
export interface FlowContext {
  services: Services;
  defer: Input<unknown, unknown>["defer"];
}

/** Ends a request, and has its app told. Whether it was this caller who ended it. */
export async function endRequest(request: Flow, ending: Ending, { services, defer }: FlowContext): Promise<boolean> {
  const nowMs = services.now();
  // Due later, so that whoever cleans up does not send what is being sent here.
  const webhookDueAtMs = request.asked.webhook === null ? null : nowMs + FIRST_RETRY_MS;
  const ended = await finishRequest(services.db, request.id, ending, { nowMs, webhookDueAtMs });
  if (ended && webhookDueAtMs !== null) {
    defer(sendWebhook(request.id, { ...services, keys: async () => services.keys }));
  }
  return ended;
}

/** The end that a failure is. */
export function endingOf(from: Ending["from"], { code, vendor }: Failure): Ending {
  return {
    from,
    to: code === "access_denied" ? "canceled" : code === "flow_expired" ? "expired" : "error",
    errorCode: code,
    providerError: vendor?.error === undefined ? null : providerError(vendor.error),
  };
}

/** What the user brought home. */
export type Brought =
  | { kind: "code"; code: string; codeVerifier: string; nonce: string }
  | { kind: "key"; key: string };

/**
 * Hands what the user brought to the Grant, and ends the request (which is `completing`) with what came of it; null =
 * success. Whatever happens, what was brought is not used again.
 */
export async function completeAtGrant(
  request: AuthorizationRequest,
  authority: Authority,
  brought: Brought,
  context: FlowContext,
): Promise<Failure | null> {
  const failure = await authorizeGrant(request, authority, brought, context.services);
  const ending: Ending =
    failure === null
      ? { from: "completing", to: "success", errorCode: null, providerError: null }
      : endingOf("completing", failure);
  await endRequest(request, ending, context);
  return failure;
}

async function authorizeGrant(
  request: AuthorizationRequest,
  { snapshot }: Authority,
  brought: Brought,
  { grants, settings, log }: Services,
): Promise<Failure | null> {
  const { type, configRevision, region, leaseSeconds } = snapshot.connector;
  const redirectUri = redirectUriOf(request.connectorId, settings.publicOrigin);
  try {
    const answer = await grants.grant(request.grantName, region).authorize({
      teamId: snapshot.teamId,
      identity: request.asked.identity,
      connector: { type, configRevision, region, leaseSeconds },
      linkId: request.linkId,
      scopeCeiling: snapshot.link.scopes,
      group: request.asked.group,
      ordinal: request.ordinal,
      revokedBeforeMs: request.revokedBeforeMs,
      credential: brought.kind === "key" ? brought : { ...brought, redirectUri },
    });
    return answer.ok ? null : answer.failure;
  } catch (error) {
    log.error("authorization.grant_unreachable", { connectorId: request.connectorId, reason: messageOf(error) });
    return { code: "storage_unavailable", reason: "grant object" };
  }
}

/** Where a browser goes that is done here: to the app, or else to our own page that says how it ended. */
export function wayBack({ id, asked }: Flow, connectCode: string | null, services: Pick<Services, "settings">): string {
  if (asked.returnUrl === null) return pageUrl(id, services);
  return returnLocation(asked.returnUrl, { request: id, code: connectCode });
}
