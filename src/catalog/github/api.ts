import type { Secret } from "../../crypto/secret.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { type OutboundRequest, type OutboundResponse, parseJson } from "../../outbound/guarded-fetch.ts";
import { readRetryAfter } from "../../outbound/retry-after.ts";
import type { Asserting, DriverDeps } from "../driver.ts";
import type { GitHubConfig } from "./config.ts";

/** The default of github.com, and the one that every supported Enterprise Server knows. */
const API_VERSION = "2022-11-28";
/** An answer may name 500 repositories, with some 7 KB of each. */
const MAX_BYTES = 4 * 1024 * 1024;
/** The limits are by the hour. */
const LONGEST_BACK_OFF_MS = 3_600_000;
/** What GitHub asks for where an answer says nothing of when. */
const UNTOLD_BACK_OFF_MS = 60_000;

interface ApiRequest {
  method: NonNullable<OutboundRequest["method"]>;
  /** Below the API's base, from its slash on. */
  path: string;
  body?: unknown;
}

/** An answer that is the caller's to judge: below 500, and no rate limit. */
export interface ApiAnswer {
  status: number;
  headers: Headers;
  /** Of a 2xx with a body; null otherwise. */
  json: unknown;
  /** GitHub's clock, as far as it told it. */
  providerNowMs: number | null;
}

/**
 * One call of the REST API. Fails as the guarded fetch does, with `upstream_unreachable` for 5xx and
 * `upstream_rate_limited` for either kind of limit.
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 */
export async function callApi(
  { api }: Pick<GitHubConfig, "api">,
  authorization: string | null,
  { method, path, body }: ApiRequest,
  deps: Pick<DriverDeps, "fetch" | "now">,
): Promise<Result<ApiAnswer>> {
  const answer = await deps.fetch({
    url: `${api}${path}`,
    method,
    headers: {
      accept: "application/vnd.github+json",
      "x-github-api-version": API_VERSION,
      ...(authorization === null ? {} : { authorization }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    maxBytes: MAX_BYTES,
  });
  if (!answer.ok) return answer;
  const { status, headers } = answer.value;
  const reason = `github status=${status}`;
  if (status >= 500) return fail("upstream_unreachable", { reason, vendor: { status } });
  const date = Date.parse(headers.get("date") ?? "");
  const providerNowMs = Number.isNaN(date) ? null : date;
  const retryAfterMs = backOffMs(answer.value, providerNowMs ?? deps.now());
  if (retryAfterMs !== null) return fail("upstream_rate_limited", { reason, vendor: { status }, retryAfterMs });
  if (status >= 300 || answer.value.body.length === 0) return ok({ status, headers, json: null, providerNowMs });
  const json = parseJson(answer.value);
  return json.ok ? ok({ status, headers, json: json.value, providerNowMs }) : json;
}

/**
 * The same as the app itself. A refused JWT is signed anew once, by GitHub's clock; refused again, it is
 * `upstream_invalid_client`.
 */
export async function callAsApp(
  { config, assertion }: Pick<Asserting<GitHubConfig>, "config" | "assertion">,
  request: ApiRequest,
  deps: Pick<DriverDeps, "fetch" | "now">,
): Promise<Result<ApiAnswer>> {
  const signed = await assertion();
  if (!signed.ok) return signed;
  const answer = await callApi(config, bearer(signed.value), request, deps);
  if (!answer.ok || answer.value.status !== 401) return answer;
  const { providerNowMs } = answer.value;
  const again = await assertion({ assertion: signed.value, providerNowMs });
  if (!again.ok) return again;
  const second = await callApi(config, bearer(again.value), request, deps);
  return second.ok && second.value.status === 401 ? refusedClient(401) : second;
}

export function bearer(token: Secret): string {
  return `Bearer ${token.expose()}`;
}

/** GitHub does not take the app's own credentials. */
export function refusedClient(status: number): Result<never> {
  return fail("upstream_invalid_client", { reason: `github status=${status}`, vendor: { status } });
}

/** An answer that nobody expected of that call. 403 without a reason that is known is a limit, by GitHub's own advice. */
export function unexpected(answer: ApiAnswer): Result<never> {
  return answer.status === 403 ? refused("upstream_rate_limited", answer) : refused("upstream_rejected", answer);
}

/** A refusal after which that is not asked again at once: of one tenant, or, as a limit, of the whole app. */
export function refused(code: "upstream_rate_limited" | "upstream_rejected", { status }: ApiAnswer): Result<never> {
  const retryAfterMs = status === 403 ? { retryAfterMs: UNTOLD_BACK_OFF_MS } : {};
  return fail(code, { reason: `github status=${status}`, vendor: { status }, ...retryAfterMs });
}

/** An answer whose members are not as documented. */
export function misshapen(of: string): Result<never> {
  return fail("upstream_invalid_response", { reason: `github ${of}` });
}

/** How long an answer asks to stay away; null = it is no limit. */
function backOffMs({ status, headers }: OutboundResponse, providerNowMs: number): number | null {
  if (status !== 403 && status !== 429) return null;
  const told = readRetryAfter(headers.get("retry-after"), providerNowMs, LONGEST_BACK_OFF_MS);
  if (told !== null) return told;
  const reset = headers.get("x-ratelimit-reset") ?? "";
  if (headers.get("x-ratelimit-remaining") === "0" && /^\d{1,12}$/.test(reset)) {
    return Math.min(Math.max(Number(reset) * 1000 - providerNowMs, 1000), LONGEST_BACK_OFF_MS);
  }
  return status === 429 ? UNTOLD_BACK_OFF_MS : null;
}
