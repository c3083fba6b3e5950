import { type Failure, fail, ok, type Result } from "../errors.ts";
import type { Answer } from "../http/endpoint.ts";
import { installCallback } from "../installing/callback.ts";
import type { Services } from "../services.ts";
import { type Authority, authorityOf } from "./authority.ts";
import { arrival, codeOf, endHere, seeOther, withoutReferrer } from "./callback.ts";
import type { CallbackParameters } from "./callback-parameters.ts";
import { completeAtGrant, endingOf, endRequest, wayBack } from "./flow.ts";
import { openFlow, randomText, sealFlow } from "./flow-secrets.ts";
import type { Visit } from "./go-on.ts";
import { browserEndpoint, failurePage } from "./page-answer.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { findByState, takeStep } from "./request-store.ts";
import { returnedStep } from "./returned-step.ts";

/**
 * `GET /callback/{connector}`: the provider sends the user back. What is not this browser's, this connector's or this
 * issuer's is refused with a page; everything else leaves by a redirect to an address without code or state.
 */
export const providerCallback = browserEndpoint({
  async handle(input) {
    const installed = await installCallback(input);
    if (installed !== null) return installed;
    const { request, answer } = await arrival(
      input,
      "claimed",
      findByState,
      ({ connectorId }) => connectorId === input.params.c,
    );
    return withoutReferrer(await received(request, answer, input));
  },
});

/** An answer that is this browser's. From here on it is spent, whatever it says. */
async function received(request: AuthorizationRequest, answer: CallbackParameters, visit: Visit): Promise<Answer> {
  const { services, requestId } = visit;
  const authority = await authorityOf(request, services);
  if (!authority.ok) return endHere(request, "claimed", authority.failure, visit);
  const { users } = authority.value;
  const code = users.kind === "redirect" ? codeOf(answer, users) : fail("connector_changed", { reason: "callback" });
  if (!code.ok) return endHere(request, "claimed", code.failure, visit);
  const back =
    request.binding === "finalize"
      ? await keepForApp(request, authority.value, code.value, services)
      : await complete(request, authority.value, code.value, visit);
  return back.ok ? seeOther(back.value) : failurePage(back.failure, requestId);
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
