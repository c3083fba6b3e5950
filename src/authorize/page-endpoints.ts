import { ApiError, unwrap } from "../errors.ts";
import type { Input } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { agree } from "./agree.ts";
import { type Authority, authorityOf } from "./authority.ts";
import { browserOf, cookieOfForm } from "./browser.ts";
import { seeOther } from "./callback.ts";
import { consentView } from "./consent.ts";
import { decisionForm } from "./decision-form.ts";
import { endingOf, endRequest, wayBack } from "./flow.ts";
import { randomText } from "./flow-secrets.ts";
import { backPage, endPage } from "./go-on.ts";
import { brandOf, browserEndpoint, failurePage, isOwnHost, pageAnswer, requireOwnForm } from "./page-answer.ts";
import { pageUrl } from "./page-url.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { findRequest } from "./request-store.ts";
import { isBeingAsked, judgeVisit } from "./transitions.ts";

/** `GET /authorize/{request}`: who asks for what; or how it ended, for the browser that was there. */
export const showAuthorization = browserEndpoint({
  async handle({ services, params, headers, request: { url }, requestId }) {
    if (!isOwnHost(url, services)) return seeOther(pageUrl(params.id ?? "", services));
    const request = await requireRequest(services, params.id);
    const visit = judgeVisit(request, await browserOf(headers, request.id, services), services.now());
    if ("refuse" in visit) return failurePage({ code: visit.refuse }, requestId);
    if (visit.go === "ended") return endPage(request, await knownAuthority(request, services), services);
    const authority = await authorityOf(request, services);
    if (!authority.ok) return failurePage(authority.failure, requestId);
    if (request.status === "returned") return backPage(request, authority.value, services);
    const page = { formToken: randomText(services.randomBytes), nowMs: services.now(), problem: null };
    return pageAnswer(consentView(request, authority.value, page));
  },
});

/** `POST /authorize/{request}`: the user's decision. */
export const decideAuthorization = browserEndpoint({
  rawBody: { maxBytes: 16 * 1024, mediaTypes: ["application/x-www-form-urlencoded"] },
  async handle(input) {
    const { services, params, headers, requestId } = input;
    if (!isOwnHost(input.request.url, services)) throw new ApiError("csrf", { reason: "host" });
    requireOwnForm(headers, services);
    const form = unwrap(decisionForm(input.body));
    const request = await requireRequest(services, params.id);
    const cookie = await cookieOfForm(form.token, request.id, services);
    const browser = await browserOf(headers, request.id, services, cookie);
    const visit = judgeVisit(request, browser, services.now());
    if ("refuse" in visit) return failurePage({ code: visit.refuse }, requestId);
    if (visit.go === "ended") return endPage(request, await knownAuthority(request, services), services);
    return form.decision === "cancel" ? cancel(request, input) : agree({ request, form, cookie, browser }, input);
  },
});

async function requireRequest({ db }: Pick<Services, "db">, id: string | undefined): Promise<AuthorizationRequest> {
  const request = await findRequest(db, id ?? "");
  if (request === null) throw new ApiError("not_found");
  return request;
}

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
