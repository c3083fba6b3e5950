import { withCookie } from "../authorize/agree.ts";
import type { DecisionForm } from "../authorize/decision-form.ts";
import { endingOf, endRequest, wayBack } from "../authorize/flow.ts";
import { flowPages } from "../authorize/flow-pages.ts";
import { randomText } from "../authorize/flow-secrets.ts";
import { giveUp, type Visit } from "../authorize/go-on.ts";
import { failurePage, outcomeOf, pageAnswer } from "../authorize/page-answer.ts";
import { isBeingAsked, judgeVisit, statusAt } from "../authorize/transitions.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import type { Answer } from "../http/endpoint.ts";
import type { ContinueView } from "../pages/views.ts";
import type { Services } from "../services.ts";
import { claim, pastedId } from "./claim.ts";
import { used } from "./endings.ts";
import { basisOf, type InstallBasis } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";
import { findInstall } from "./install-store.ts";
import { installView } from "./install-view.ts";
import { currentTarget, legOf, setOut, type Target } from "./legs.ts";
import { dropRegistration, isBrought, register } from "./register.ts";

/** `GET /install/{request}`, and `/register/{request}`; `POST` of the first. */
export const { show: showInstallation, decide: decideInstallation } = flowPages<InstallRequest>({
  find: findInstall,

  async ended(request, services) {
    const basis = await basisOf(request, services);
    return endPage(request, basis.ok ? basis.value : null, services);
  },

  async asks(request, { services, requestId }) {
    const basis = await basisOf(request, services);
    if (!basis.ok) return failurePage(basis.failure, requestId);
    const page = { formToken: randomText(services.randomBytes), mistyped: null };
    return pageAnswer(await installView(request, basis.value, page, services));
  },

  async decided({ request, form, cookie, browser }, input) {
    const { services, requestId } = input;
    const basis = await basisOf(request, services);
    if (!basis.ok) return giveUp(request, basis.failure, input);
    if (form.decision === "cancel") return cancel(request, basis.value, input);
    const cookieHash = await sha256Base64url(cookie);
    if (request.status !== "pending") {
      const answer = await goOn(request, basis.value, form, input);
      // The same form once more: its cookie may not have arrived yet. Another form's would not be the right one.
      return request.browserHash === cookieHash ? withCookie(answer, request, cookie, services) : answer;
    }

    const to = basis.value.installable === null ? "registering" : "installing";
    await setOut(request, basis.value, { from: "pending", to, browserHash: cookieHash }, {}, services);
    const after = await findInstall(services.db, request.id);
    if (after === null) return failurePage({ code: "not_found" }, requestId);
    const again = judgeVisit(after, browser, services.now());
    if ("refuse" in again) return failurePage({ code: again.refuse }, requestId);
    return withCookie(await goOn(after, basis.value, form, input), request, cookie, services);
  },
});

async function cancel(request: InstallRequest, basis: InstallBasis, visit: Visit): Promise<Answer> {
  const { services } = visit;
  const ending = endingOf(request.status, { code: "access_denied" });
  if (isBeingAsked(request) || !(await endRequest(request, ending, visit))) return used(visit.requestId);
  await dropRegistration(request, basis, services);
  if (request.asked.returnUrl === null) return endPage({ ...request, status: "canceled" }, basis, services);
  return onward("return", { url: wayBack(request, null, services) }, basis);
}

const PURPOSES = { registering: "register", installing: "install", proving: "provider" } as const;

/** The page that takes the browser which has the request to where it has to go next. */
async function goOn(
  request: InstallRequest,
  basis: InstallBasis,
  { installed, token }: DecisionForm,
  visit: Visit,
): Promise<Answer> {
  const { services, requestId } = visit;
  const status = statusAt(request, services.now());
  if (status === "completing") return used(requestId);
  const leg = legOf(status);
  if (leg === null) return endPage(request, basis, services);
  if (leg === "registering" && (await isBrought(request, basis, services))) {
    const next = await register(request, basis, "", visit);
    return "answer" in next ? next.answer : onward("install", next.onward, basis);
  }
  if (leg === "installing" && installed !== "" && basis.installable?.installations.proof !== null) {
    const pasted = pastedId(installed);
    if (!pasted.ok) {
      const page = { formToken: token, mistyped: installed };
      return pageAnswer(await installView(request, basis, page, services), 400);
    }
    // Like a callback's it is proven before it counts.
    const next = await claim(request, basis, pasted.value, visit);
    return "answer" in next ? next.answer : onward("provider", next.onward, basis);
  }
  const target = await currentTarget(request, leg, basis, services);
  // They may try again: nothing was spent.
  if (!target.ok) return failurePage(target.failure, requestId, basis.known);
  return onward(PURPOSES[leg], target.value, basis);
}

function onward(purpose: ContinueView["purpose"], { url, fields }: Target, { known }: InstallBasis): Answer {
  return pageAnswer({ kind: "continue", brand: known.brand, url, purpose, fields: fields ?? null });
}

/** How it ended, for the browser that was there. */
function endPage(request: InstallRequest, basis: InstallBasis | null, services: Services): Answer {
  const outcome = outcomeOf(request);
  const made = request.installationId === null ? "registered" : "installed";
  return pageAnswer({
    kind: "outcome",
    outcome: outcome === "success" ? made : outcome,
    ...(basis?.known ?? { brand: null }),
    providerError: request.providerError,
    requestId: null,
    returnUrl: basis === null || request.asked.returnUrl === null ? null : wayBack(request, null, services),
  });
}
