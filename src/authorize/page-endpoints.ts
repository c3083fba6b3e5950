import type { Input } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { agree } from "./agree.ts";
import { type Authority, authorityOf } from "./authority.ts";
import { consentView } from "./consent.ts";
import { endingOf, endRequest, wayBack } from "./flow.ts";
import { flowPages } from "./flow-pages.ts";
import { randomText } from "./flow-secrets.ts";
import { backPage, endPage } from "./go-on.ts";
import { brandOf, failurePage, pageAnswer } from "./page-answer.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { findRequest } from "./request-store.ts";
import { isBeingAsked } from "./transitions.ts";

/** `GET` and `POST /authorize/{request}`: who asks for what, and what the user decides. */
export const { show: showAuthorization, decide: decideAuthorization } = flowPages<AuthorizationRequest>({
  find: findRequest,

  ended: async (request, services) => endPage(request, await knownAuthority(request, services), services),

  async asks(request, { services, requestId }) {
    const authority = await authorityOf(request, services);
    if (!authority.ok) return failurePage(authority.failure, requestId);
    if (request.status === "returned") return backPage(request, authority.value, services);
    const page = { formToken: randomText(services.randomBytes), nowMs: services.now(), problem: null };
    return pageAnswer(consentView(request, authority.value, page));
  },

  decided: (agreement, input) =>
    agreement.form.decision === "cancel" ? cancel(agreement.request, input) : agree(agreement, input),
});

async function cancel(request: AuthorizationRequest, { services, defer, requestId }: Input<unknown, unknown>) {
  const ending = endingOf(request.status, { code: "access_denied" });
  const ended = !isBeingAsked(request) && (await endRequest(request, ending, { services, defer }));
  if (!ended) return failurePage({ code: "flow_already_used" }, requestId);
  const authority = await knownAuthority(request, services);
  if (authority === null || request.asked.returnUrl === null) {
    return endPage({ ...request, status: "canceled" }, authority, services);
  }
  const url = wayBack(request, null, services);
  return pageAnswer({ kind: "continue", brand: brandOf(authority.connector), url, purpose: "return" });
}

/** Null where nothing of the connector must be shown any more, and nobody be led on. */
async function knownAuthority(request: AuthorizationRequest, services: Services): Promise<Authority | null> {
  const authority = await authorityOf(request, services);
  return authority.ok ? authority.value : null;
}
