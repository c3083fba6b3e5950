import { sha256Base64url } from "../crypto/digest.ts";
import type { Answer } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { type Authority, authorityOf } from "./authority.ts";
import { consentView, keyProblem } from "./consent.ts";
import { setFlowCookie } from "./flow-cookie.ts";
import type { Decision } from "./flow-pages.ts";
import { type FlowSecrets, newLeg, randomText, sealFlow } from "./flow-secrets.ts";
import { giveUp, goOn, type Visit } from "./go-on.ts";
import { failurePage, pageAnswer } from "./page-answer.ts";
import { legEndMs } from "./provider-leg.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { findRequest, type Step, takeStep } from "./request-store.ts";
import { returnedStep } from "./returned-step.ts";
import { judgeVisit } from "./transitions.ts";

/**
 * The user agreed. The first browser that does has the request, and is sent to sign in, to the provider, or back to the
 * app; the same one may come again, and goes on from where it is.
 */
export async function agree(
  { request, form, cookie, browser }: Decision<AuthorizationRequest>,
  visit: Visit,
): Promise<Answer> {
  const { services, requestId } = visit;
  const { db, now } = services;
  const authority = await authorityOf(request, services);
  if (!authority.ok) return giveUp(request, authority.failure, visit);
  const cookieHash = await sha256Base64url(cookie);
  if (request.status !== "pending") {
    const answer = await goOn(request, authority.value, null, visit);
    // The same form once more: its cookie may not have arrived yet. Another form's would not be the right one.
    return request.browserHash === cookieHash ? withCookie(answer, request, cookie, services) : answer;
  }

  const problem = authority.value.users.kind === "pasted-key" ? keyProblem(form.key) : null;
  if (problem !== null) {
    const page = { formToken: form.token, nowMs: now(), problem };
    return pageAnswer(consentView(request, authority.value, page), 400);
  }
  const step = await firstStep(request, authority.value, form.key, services);
  const isFirst = await takeStep(db, request.id, { ...step, browserHash: cookieHash }, now());
  const after = await findRequest(db, request.id);
  if (after === null) return failurePage({ code: "not_found" }, requestId);
  const again = judgeVisit(after, browser, now());
  if ("refuse" in again) return failurePage({ code: again.refuse }, requestId);
  const answer = await goOn(after, authority.value, isFirst ? form.key : null, visit);
  return withCookie(answer, request, cookie, services);
}

/** The cookie is set only now that the user has agreed, and lasts as long as the request. */
export function withCookie(
  answer: Answer,
  request: Pick<AuthorizationRequest, "id" | "expiresAtMs">,
  value: string,
  services: Pick<Services, "settings" | "now">,
): Answer {
  const maxAgeMs = request.expiresAtMs - services.now();
  const cookie = setFlowCookie(services.settings.publicOrigin, request.id, { value, maxAgeMs });
  return { ...answer, headers: { ...answer.headers, "set-cookie": cookie } };
}

/** From the page to wherever this request leads first. */
async function firstStep(
  request: AuthorizationRequest,
  { snapshot, users }: Authority,
  key: string,
  services: Services,
): Promise<Step> {
  const { now, randomBytes } = services;
  const seal = (secrets: FlowSecrets) => sealFlow(services, snapshot.teamId, request, secrets);
  const legExpiresAtMs = legEndMs(request, now());
  const pasted = users.kind === "pasted-key" ? { key } : {};
  if (request.binding === "login") {
    const login = newLeg(randomBytes);
    const loginStateHash = await sha256Base64url(login.state);
    return {
      from: "pending",
      to: "signing_in",
      loginStateHash,
      legExpiresAtMs,
      secrets: await seal({ ...pasted, login }),
    };
  }
  if (users.kind === "redirect") {
    const provider = newLeg(randomBytes);
    const stateHash = await sha256Base64url(provider.state);
    return { from: "pending", to: "claimed", stateHash, legExpiresAtMs, secrets: await seal({ provider }) };
  }
  if (request.binding === "confirm") return { from: "pending", to: "completing" };
  const connectCode = randomText(randomBytes);
  return returnedStep("pending", { connectCode, secrets: await seal({ ...pasted, connectCode }) }, null, now());
}
