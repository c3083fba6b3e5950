import { sha256Base64url } from "../crypto/digest.ts";
import { type Failure, fail, ok, type Result, unwrap } from "../errors.ts";
import type { Answer, Input } from "../http/endpoint.ts";
import type { ContinueView } from "../pages/views.ts";
import type { Services } from "../services.ts";
import type { Authority } from "./authority.ts";
import { completeAtGrant, endingOf, endRequest, type Flow, wayBack } from "./flow.ts";
import { type Leg, newLeg, openFlow, sealFlow } from "./flow-secrets.ts";
import { loginUrl } from "./login-leg.ts";
import { brandOf, failurePage, outcomeOf, pageAnswer } from "./page-answer.ts";
import { legEndMs, providerUrl } from "./provider-leg.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { takeStep } from "./request-store.ts";
import { isBeingAsked, type Progress, statusAt } from "./transitions.ts";

/** A browser's request, and what answering it reaches. */
export type Visit = Pick<Input<unknown, unknown>, "services" | "defer" | "requestId">;

/**
 * The page that takes the browser which has the request to where it has to go next. Answers 200 with a page that goes on:
 * Chromium holds redirects after a form to `form-action`, by when the provider's code would be spent. `pasted` is set
 * for the one who has to hand it to the Grant.
 */
export async function goOn(
  request: AuthorizationRequest,
  authority: Authority,
  pasted: string | null,
  visit: Visit,
): Promise<Answer> {
  const { services, requestId } = visit;
  switch (statusAt(request, services.now())) {
    case "signing_in":
      return onward("login", await legUrl(request, authority, "login", services), authority, visit);
    case "claimed":
      return onward("provider", await legUrl(request, authority, "provider", services), authority, visit);
    case "returned":
      return backPage(request, authority, services);
    case "completing": {
      if (pasted === null) return failurePage({ code: "flow_already_used" }, requestId);
      const failure = await completeAtGrant(request, authority, { kind: "key", key: pasted }, visit);
      if (request.asked.returnUrl !== null)
        return onward("return", ok(wayBack(request, null, services)), authority, visit);
      if (failure !== null) return failurePage(failure, requestId, { brand: brandOf(authority.connector) });
      return endPage({ ...request, status: "success" }, authority, services);
    }
    case "verifying":
      return failurePage({ code: "flow_already_used" }, requestId);
    default:
      return endPage(request, authority, services);
  }
}

/** The same leg as long as it lasts, so that a form sent twice gives one `state`; afterwards a new one. */
async function legUrl(
  request: AuthorizationRequest,
  authority: Authority,
  which: "login" | "provider",
  services: Services,
): Promise<Result<string>> {
  const { db, now, randomBytes, keys } = services;
  const { teamId } = authority.snapshot;
  const secrets = await openFlow({ keys }, teamId, request);
  if (!secrets.ok) return secrets;
  const open = secrets.value[which];
  let leg: Leg;
  if (open !== undefined && (request.legExpiresAtMs ?? 0) > now()) leg = open;
  else {
    leg = newLeg(randomBytes);
    const hash = await sha256Base64url(leg.state);
    const { status: from } = request;
    if (from !== "claimed" && from !== "signing_in") return fail("flow_already_used");
    const step = {
      from,
      to: from,
      ...(which === "login" ? { loginStateHash: hash } : { stateHash: hash }),
      legExpiresAtMs: legEndMs(request, now()),
      secrets: await sealFlow(services, teamId, request, { ...secrets.value, [which]: leg }),
    };
    if (!(await takeStep(db, request.id, step, now()))) return fail("flow_already_used");
  }
  return which === "login" ? loginUrl(request, leg, services) : providerUrl(request, authority, leg, services);
}

function onward(
  purpose: ContinueView["purpose"],
  url: Result<string>,
  { connector }: Authority,
  { requestId }: Visit,
): Answer {
  // The user may try again: nothing was spent.
  if (!url.ok) return failurePage(url.failure, requestId, { brand: brandOf(connector) });
  return pageAnswer({ kind: "continue", brand: brandOf(connector), url: url.value, purpose });
}

/** On to the app, with the code that it completes with. */
export async function backPage(
  request: AuthorizationRequest,
  { snapshot, connector }: Authority,
  services: Services,
): Promise<Answer> {
  const { connectCode = null } = unwrap(await openFlow(services, snapshot.teamId, request));
  const url = wayBack(request, connectCode, services);
  return pageAnswer({ kind: "continue", brand: brandOf(connector), url, purpose: "return" });
}

/** How it ended, for the browser that was there. */
export function endPage(request: AuthorizationRequest, authority: Authority | null, services: Services): Answer {
  return pageAnswer({
    kind: "outcome",
    outcome: outcomeOf(request),
    brand: authority === null ? null : brandOf(authority.connector),
    providerError: request.providerError,
    requestId: null,
    // The link may have lost the origin since, and the page must not lead where nobody is allowed to send people.
    returnUrl: authority === null || request.asked.returnUrl === null ? null : wayBack(request, null, services),
  });
}

/** What the request rests on is gone: so is the request, unless the Grant or an issuer is being asked right now. */
export async function giveUp(
  request: Flow & Pick<Progress, "status">,
  failure: Failure,
  visit: Visit,
): Promise<Answer> {
  if (!isBeingAsked(request)) await endRequest(request, endingOf(request.status, failure), visit);
  return failurePage(failure, visit.requestId);
}
