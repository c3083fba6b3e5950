import { oauth } from "../callers/issuer-login.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { ApiError, fail, type Result, unwrap } from "../errors.ts";
import type { Answer } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { type Authority, authorityOf } from "./authority.ts";
import { arrival, codeOf, endHere, seeOther, withoutReferrer } from "./callback.ts";
import { completeAtGrant, wayBack } from "./flow.ts";
import { type FlowSecrets, type Leg, newLeg, openFlow, sealFlow } from "./flow-secrets.ts";
import type { Visit } from "./go-on.ts";
import { loginOf, verifyLogin } from "./login-leg.ts";
import { browserEndpoint, failurePage } from "./page-answer.ts";
import { legEndMs, providerUrl } from "./provider-leg.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { findByLoginState, takeStep } from "./request-store.ts";

/**
 * `GET /login/callback/{issuer}`: the user has signed in. Only the very user whom the request is for goes on to the
 * provider; who the browser is, is then known, whoever sent the link.
 */
export const loginCallback = browserEndpoint({
  async handle(input) {
    const { services, params } = input;
    const { request, answer } = await arrival(input, "signing_in", findByLoginState, () => true);
    const login = unwrap(await loginOf(request.asked.identity.subject.issuer, services));
    if (login.issuerId !== params.id) throw new ApiError("connector_mismatch");
    const users = oauth().userAuthorization(login.config);
    const code = users?.kind === "redirect" ? codeOf(answer, users) : fail("login_unavailable");
    if (!code.ok) return withoutReferrer(await endHere(request, "signing_in", code.failure, input));

    const isMine = await takeStep(services.db, request.id, { from: "signing_in", to: "verifying" }, services.now());
    if (!isMine) throw new ApiError("flow_already_used");
    const authority = await authorityOf(request, services);
    const checked = authority.ok
      ? await checkUser(
          request,
          authority.value,
          (leg) => verifyLogin(request, login, { code: code.value, leg }, services),
          services,
        )
      : authority;
    if (!authority.ok || !checked.ok) {
      const failure = checked.ok ? { code: "internal_error" as const } : checked.failure;
      return withoutReferrer(await endHere(request, "verifying", failure, input));
    }
    return withoutReferrer(await goOnAfterLogin(request, authority.value, checked.value, input));
  },
});

/** What the request keeps, if its user is who signed in. */
async function checkUser(
  request: AuthorizationRequest,
  { snapshot }: Authority,
  verify: (leg: Leg) => Promise<Result<null>>,
  services: Services,
): Promise<Result<FlowSecrets>> {
  const opened = await openFlow(services, snapshot.teamId, request);
  if (!opened.ok) return opened;
  const { login } = opened.value;
  if (login === undefined) return fail("internal_error", { reason: "no leg" });
  const verified = await verify(login);
  return verified.ok ? opened : verified;
}

/** To the provider; or the key that was pasted before goes to the Grant. */
async function goOnAfterLogin(
  request: AuthorizationRequest,
  authority: Authority,
  { key }: FlowSecrets,
  visit: Visit,
): Promise<Answer> {
  const { services, requestId } = visit;
  const { db, now, randomBytes } = services;
  const used = () => failurePage({ code: "flow_already_used" }, requestId);
  if (key !== undefined) {
    if (!(await takeStep(db, request.id, { from: "verifying", to: "completing" }, now()))) return used();
    await completeAtGrant(request, authority, { kind: "key", key }, visit);
    return seeOther(wayBack(request, null, services));
  }
  const leg = newLeg(randomBytes);
  const step = {
    from: "verifying",
    to: "claimed",
    stateHash: await sha256Base64url(leg.state),
    legExpiresAtMs: legEndMs(request, now()),
    secrets: await sealFlow(services, authority.snapshot.teamId, request, { provider: leg }),
  } as const;
  if (!(await takeStep(db, request.id, step, now()))) return used();
  const url = await providerUrl(request, authority, leg, services);
  return url.ok ? seeOther(url.value) : failurePage(url.failure, requestId);
}
