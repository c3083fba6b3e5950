import { sha256Base64url } from "../crypto/digest.ts";
import { ApiError, type Failure, fail, ok, type Result, unwrap } from "../errors.ts";
import type { Answer } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { type Authority, authorityOf } from "./authority.ts";
import { browserOf } from "./browser.ts";
import { type CallbackParameters, isOfIssuer, parseCallback } from "./callback-parameters.ts";
import { completeAtGrant, endingOf, endRequest, wayBack } from "./flow.ts";
import { openFlow, randomText, sealFlow } from "./flow-secrets.ts";
import type { Visit } from "./go-on.ts";
import { browserEndpoint, failurePage } from "./page-answer.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { findByState, takeStep } from "./request-store.ts";
import { returnedStep } from "./returned-step.ts";
import { judgeReturn } from "./transitions.ts";

/**
 * `GET /callback/{connector}`: the provider sends the user back. What is not this browser's, this connector's or this
 * issuer's is refused with a page; everything else leaves by a redirect to an address without code or state.
 */
export const providerCallback = browserEndpoint({
  summary: "Where a connector's provider sends users back to: the redirect URI.",
  async handle({ services, params, headers, request: { url, method }, requestId, defer }) {
    // A look-ahead by some tool must not spend the code.
    if (method !== "GET") throw new ApiError("method_not_allowed");
    const answer = unwrap(parseCallback(new URL(url).search));
    const request = await findByState(services.db, await sha256Base64url(answer.state));
    if (request === null) throw new ApiError("invalid_callback", { reason: "unknown state" });
    if (request.connectorId !== params.c) throw new ApiError("connector_mismatch");
    const visit = judgeReturn(request, "claimed", await browserOf(headers, request.id, services), services.now());
    if ("refuse" in visit) throw new ApiError(visit.refuse);
    return withoutReferrer(await received(request, answer, { services, defer, requestId }));
  },
});

/** No page that is shown here has a form, and its address has a code. */
function withoutReferrer(answer: Answer): Answer {
  return { ...answer, headers: { ...answer.headers, "referrer-policy": "no-referrer" } };
}

/** An answer that is this browser's. From here on it is spent, whatever it says. */
async function received(
  request: AuthorizationRequest,
  { iss, answer }: CallbackParameters,
  visit: Visit,
): Promise<Answer> {
  const { services, requestId } = visit;
  const authority = await authorityOf(request, services);
  const judged = authority.ok ? judgeAnswer(authority.value, iss, answer) : authority;
  if (!judged.ok) {
    const { failure } = judged;
    const ended = await endRequest(request, endingOf("claimed", failure), visit);
    if (!ended) return failurePage({ code: "flow_already_used" }, requestId);
    // What is no answer of the provider's is not for the app to see; a refusal of the user's or the provider's is.
    return failure.vendor === undefined ? failurePage(failure, requestId) : seeOther(wayBack(request, null, services));
  }
  if (!authority.ok) return failurePage(authority.failure, requestId);
  const back =
    request.binding === "finalize"
      ? await keepForApp(request, authority.value, judged.value, services)
      : await complete(request, authority.value, judged.value, visit);
  return back.ok ? seeOther(back.value) : failurePage(back.failure, requestId);
}

/** The code, if the answer is of the issuer that was asked (before anything else of it is believed) and no error. */
function judgeAnswer({ users }: Authority, iss: string | null, answer: CallbackParameters["answer"]): Result<string> {
  if (users.kind !== "redirect") return fail("connector_changed", { reason: "callback" });
  if (!isOfIssuer(iss, users)) {
    return fail("issuer_mismatch", { message: "The answer is of another issuer than the one that was asked." });
  }
  if (answer.kind === "code") return ok(answer.code);
  const { error } = answer;
  return fail(error === "access_denied" ? "access_denied" : "upstream_rejected", { vendor: { error } });
}

/** `finalize`: the code waits, sealed, until the app says that this was its own user. */
async function keepForApp(
  request: AuthorizationRequest,
  { snapshot, users }: Authority,
  code: string,
  services: Services,
): Promise<Result<string>> {
  const { db, now, randomBytes } = services;
  const opened = await openFlow(services, snapshot.teamId, request);
  if (!opened.ok) return opened;
  const connectCode = randomText(randomBytes);
  const secrets = await sealFlow(services, snapshot.teamId, request, { ...opened.value, code, connectCode });
  const codeLifetimeMs = users.kind === "redirect" ? users.policy.codeLifetimeMs : null;
  const step = await returnedStep("claimed", { connectCode, secrets }, codeLifetimeMs, now());
  if (!(await takeStep(db, request.id, step, now()))) return fail("flow_already_used");
  return ok(wayBack(request, connectCode, services));
}

/** `confirm` and `login`: who completes is known, so the code goes to the Grant at once. */
async function complete(
  request: AuthorizationRequest,
  authority: Authority,
  code: string,
  visit: Visit,
): Promise<Result<string>> {
  const { services } = visit;
  if (!(await takeStep(services.db, request.id, { from: "claimed", to: "completing" }, services.now()))) {
    return fail("flow_already_used");
  }
  const opened = await openFlow(services, authority.snapshot.teamId, request);
  const leg = opened.ok ? opened.value.provider : undefined;
  if (leg === undefined) {
    const failure: Failure = opened.ok ? { code: "internal_error", reason: "no leg" } : opened.failure;
    await endRequest(request, endingOf("completing", failure), visit);
    return { ok: false, failure };
  }
  const { codeVerifier, nonce } = leg;
  await completeAtGrant(request, authority, { kind: "code", code, codeVerifier, nonce }, visit);
  return ok(wayBack(request, null, services));
}

function seeOther(location: string): Answer {
  return { status: 303, headers: { location } };
}
