import { sha256Base64url } from "../crypto/digest.ts";
import { ApiError, type Failure, fail, ok, type Result, unwrap } from "../errors.ts";
import type { Answer, Input } from "../http/endpoint.ts";
import type { OutcomeView } from "../pages/views.ts";
import type { Database } from "../store/database.ts";
import { browserOf } from "./browser.ts";
import { type CallbackParameters, isOfIssuer, parseCallback } from "./callback-parameters.ts";
import { endingOf, endRequest, type Flow, wayBack } from "./flow.ts";
import type { Visit } from "./go-on.ts";
import { failurePage } from "./page-answer.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { type FlowStatus, judgeReturn } from "./transitions.ts";

/**
 * The request whose browser comes back from a leg, if it is this browser's and this address's. Whatever does not fit is
 * thrown, and spends nothing.
 */
export async function arrival(
  { services, headers, request: { url, method } }: Input<unknown, unknown>,
  leg: "signing_in" | "claimed",
  find: (db: Database, stateHash: string) => Promise<AuthorizationRequest | null>,
  isHere: (request: AuthorizationRequest) => boolean,
): Promise<{ request: AuthorizationRequest; answer: CallbackParameters }> {
  // A look-ahead by some tool must not spend the code.
  if (method !== "GET") throw new ApiError("method_not_allowed");
  const answer = unwrap(parseCallback(new URL(url).search));
  const request = await find(services.db, await sha256Base64url(answer.state));
  if (request === null) throw new ApiError("invalid_callback", { reason: "unknown state" });
  if (!isHere(request)) throw new ApiError("connector_mismatch");
  const visit = judgeReturn(request, leg, await browserOf(headers, request.id, services), services.now());
  if ("refuse" in visit) throw new ApiError(visit.refuse);
  return { request, answer };
}

/** The code, if the answer is of the issuer that was asked (before anything else of it is believed) and no error. */
export function codeOf(
  { iss, answer }: CallbackParameters,
  asked: { issuer: string | null; sendsIssuer: boolean },
): Result<string> {
  if (!isOfIssuer(iss, asked)) {
    return fail("issuer_mismatch", { message: "The answer is of another issuer than the one that was asked." });
  }
  if (answer.kind === "code") return ok(answer.code);
  const { error } = answer;
  return fail(error === "access_denied" ? "access_denied" : "upstream_rejected", { vendor: { error } });
}

/**
 * The end of a request that came back with this. What the user or the provider refused, the app is told, and its user
 * goes on to it; what is no answer of theirs ends on a page.
 */
export async function endHere(
  request: Flow,
  from: FlowStatus,
  failure: Failure,
  visit: Visit,
  known: Partial<OutcomeView> = {},
): Promise<Answer> {
  const ended = await endRequest(request, endingOf(from, failure), visit);
  if (!ended) return failurePage({ code: "flow_already_used" }, visit.requestId);
  const isTheirs = failure.vendor !== undefined || failure.code.startsWith("upstream_");
  return isTheirs ? seeOther(wayBack(request, null, visit.services)) : failurePage(failure, visit.requestId, known);
}

export function seeOther(location: string): Answer {
  return { status: 303, headers: { location } };
}

/** No page that is shown at a callback has a form, and its address has a code. */
export function withoutReferrer(answer: Answer): Answer {
  return { ...answer, headers: { ...answer.headers, "referrer-policy": "no-referrer" } };
}
