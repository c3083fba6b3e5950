import type { Connector } from "../connectors/connector-row.ts";
import { ApiError, describeError, type ErrorCode, type Failure } from "../errors.ts";
import { failureOf } from "../http/answer.ts";
import { type Answer, type Endpoint, type PublicEndpoint, publicEndpoint } from "../http/endpoint.ts";
import { renderPage } from "../pages/render.ts";
import type { Brand, Outcome, OutcomeView, PageView } from "../pages/views.ts";
import type { Services } from "../services.ts";
import type { FlowStatus } from "./transitions.ts";

/** A page as an answer. */
export function pageAnswer(view: PageView, status: Answer["status"] = 200, more: Partial<Answer> = {}): Answer {
  const { html, headers } = renderPage(view);
  return { status, raw: html, ...more, headers: { ...headers, ...more.headers } };
}

/** The page of a failure, with its status; it says nothing of whose request it was. */
export function failurePage(failure: Failure, requestId: string, known: Partial<OutcomeView> = {}): Answer {
  const view: OutcomeView = {
    kind: "outcome",
    outcome: outcomeOfCode(failure.code),
    brand: null,
    providerError: failure.vendor?.error ?? null,
    requestId,
    returnUrl: null,
    ...known,
  };
  return pageAnswer(view, describeError(failure.code).status, { failure });
}

/** An endpoint whose failures are pages. */
export function browserEndpoint(
  definition: Omit<PublicEndpoint<undefined, Record<string, never>>, "access">,
): Endpoint {
  return publicEndpoint({
    ...definition,
    pages: true,
    async handle(input) {
      try {
        return await definition.handle(input);
      } catch (thrown) {
        return failurePage(failureOf(thrown), input.requestId);
      }
    },
  });
}

/**
 * Cookies belong to one host, so a browser that came by another is sent to the one that the deployment is known by. Only
 * the host counts: before a proxy that ends TLS, the scheme differs.
 */
export function isOwnHost(url: string, { settings }: Pick<Services, "settings">): boolean {
  return new URL(url).host === new URL(settings.publicOrigin).host;
}

/** `csrf` unless the form was sent by a page of this origin (Fetch Metadata; the Origin header, RFC 6454 §7). */
export function requireOwnForm(headers: Headers, { settings }: Pick<Services, "settings">): void {
  const site = headers.get("sec-fetch-site");
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (headers.get("origin") !== settings.publicOrigin) throw new ApiError("csrf", { reason: "origin" });
  if (site !== null && site !== "same-origin") throw new ApiError("csrf", { reason: "sec-fetch-site" });
  if (type !== "application/x-www-form-urlencoded") throw new ApiError("csrf", { reason: "content-type" });
}

export function brandOf({ name, branding }: Pick<Connector, "name" | "branding">): Brand {
  return {
    name,
    iconPath: branding.icon === undefined ? null : `/icons/${branding.icon}`,
    backgroundColor: branding.backgroundColor ?? null,
    accentColor: branding.accentColor ?? null,
  };
}

/** How an ended request looks to the user. */
export function outcomeOf({ status, errorCode }: { status: FlowStatus; errorCode: ErrorCode | null }): Outcome {
  if (status === "success" || status === "canceled" || status === "expired") return status;
  return outcomeOfCode(errorCode ?? "internal_error");
}

function outcomeOfCode(code: string): Outcome {
  switch (code) {
    case "access_denied":
      return "canceled";
    case "flow_expired":
      return "expired";
    case "flow_already_used":
      return "already_used";
    case "state_browser_mismatch":
      return "wrong_browser";
    case "request_already_claimed":
      return "claimed_elsewhere";
    case "subject_mismatch":
      return "wrong_user";
    case "connector_changed":
    case "superseded":
    case "not_found":
    case "installation_not_verified":
    case "installation_not_approved":
    case "installation_suspended":
      return code;
    case "csrf":
    case "invalid_callback":
    case "connector_mismatch":
    case "issuer_mismatch":
    case "bad_request":
    case "payload_too_large":
    case "method_not_allowed":
      return "invalid_request";
    default:
      return code.startsWith("upstream_") ? "provider_error" : "failed";
  }
}
