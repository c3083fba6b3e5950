import { browserOf } from "../authorize/browser.ts";
import { codeOf, endHere, seeOther, withoutReferrer } from "../authorize/callback.ts";
import { parseCallback, singleParameters } from "../authorize/callback-parameters.ts";
import { isRandomText } from "../authorize/flow-secrets.ts";
import { pageAnswer } from "../authorize/page-answer.ts";
import { judgeReturn } from "../authorize/transitions.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { ApiError, fail, ok, type Result, unwrap } from "../errors.ts";
import type { Answer, Input } from "../http/endpoint.ts";
import { claim, externalIdOf, prove } from "./claim.ts";
import { endAt } from "./endings.ts";
import { basisOf } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";
import { findInstallByState } from "./install-store.ts";
import { type LegStatus, legOf } from "./legs.ts";
import { register } from "./register.ts";

/**
 * The provider sends a browser back from a registration or an installation; null = from something else. Whatever is not
 * this browser's and this connector's is thrown, and spends nothing.
 */
export async function installCallback(input: Input<unknown, unknown>): Promise<Answer | null> {
  const { services, params, headers, request: sent } = input;
  const { search, searchParams } = new URL(sent.url);
  const state = searchParams.get("state");
  // Whoever installs or changes it at the provider's own page comes back, too. The event tells us.
  if (state === null && searchParams.has("setup_action")) return withoutReferrer(strayPage());
  if (state === null || !isRandomText(state)) return null;
  const request = await findInstallByState(services.db, await sha256Base64url(state));
  if (request === null) return null;
  if (sent.method !== "GET") throw new ApiError("method_not_allowed");
  unwrap(singleParameters(search));
  if (request.connectorId !== params.c) throw new ApiError("connector_mismatch");
  const leg = legOf(request.status) ?? "installing";
  const visit = judgeReturn(request, leg, await browserOf(headers, request.id, services), services.now());
  if ("refuse" in visit) throw new ApiError(visit.refuse);
  return withoutReferrer(await received(request, leg, search, input));
}

/** An answer that is this browser's. */
async function received(
  request: InstallRequest,
  leg: LegStatus,
  search: string,
  visit: Input<unknown, unknown>,
): Promise<Answer> {
  const basis = await basisOf(request, visit.services);
  if (!basis.ok) return endHere(request, leg, basis.failure, visit);
  const brought = leg === "installing" ? installedIn(search) : codeIn(search);
  if (!brought.ok) return endAt(request, leg, basis.value, brought.failure, visit);
  if (leg === "proving") return prove(request, basis.value, brought.value, visit);
  const goOn = leg === "registering" ? register : claim;
  const next = await goOn(request, basis.value, brought.value, visit);
  return "answer" in next ? next.answer : seeOther(next.onward.url);
}

/** The issuer is not told apart: its state came to this connector's address. */
function codeIn(search: string): Result<string> {
  return codeOf(unwrap(parseCallback(search)), { issuer: null, sendsIssuer: false });
}

/** The provider's id of the installation, as far as the browser is to be believed. */
function installedIn(search: string): Result<string> {
  const query = new URLSearchParams(search);
  if (query.has("error")) return codeIn(search);
  if (query.get("setup_action") === "request") return fail("installation_not_approved");
  return ok(unwrap(externalIdOf(query.get("installation_id"))));
}

function strayPage(): Answer {
  const view = { brand: null, providerError: null, requestId: null, returnUrl: null };
  return pageAnswer({ kind: "outcome", outcome: "stray", ...view });
}
