import { endHere } from "../authorize/callback.ts";
import { wayBack } from "../authorize/flow.ts";
import type { Visit } from "../authorize/go-on.ts";
import { failurePage } from "../authorize/page-answer.ts";
import { describeError, type Failure } from "../errors.ts";
import type { Answer } from "../http/endpoint.ts";
import type { InstallBasis } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";

/** The end, on a page that knows of what; and where its browser goes on. */
export function endAt(
  request: InstallRequest,
  from: InstallRequest["status"],
  { known }: InstallBasis,
  failure: Failure,
  visit: Visit,
): Promise<Answer> {
  const returnUrl = request.asked.returnUrl === null ? null : wayBack(request, null, visit.services);
  return endHere(request, from, failure, visit, { ...known, returnUrl });
}

/** A failure that spent nothing: the same address may be opened again, where that can help. */
export function triedPage(failure: Failure, { known }: InstallBasis, requestId: string): Answer {
  const outcome = failure.code === "storage_unavailable" ? "not_stored" : "try_again";
  return failurePage(failure, requestId, isPassing(failure) ? { outcome, ...known } : known);
}

/** Whether the same question may be answered in a moment. */
export function isPassing({ code }: Failure): boolean {
  return code === "upstream_unreachable" || [429, 503, 504].includes(describeError(code).status);
}

/** Somebody else took the step: another tab, or the same form once more. */
export function used(requestId: string): Answer {
  return failurePage({ code: "flow_already_used" }, requestId);
}
