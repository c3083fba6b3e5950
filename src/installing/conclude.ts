import { changed } from "../authorize/authority.ts";
import { seeOther } from "../authorize/callback.ts";
import { endRequest, wayBack } from "../authorize/flow.ts";
import type { Visit } from "../authorize/go-on.ts";
import { takeStep } from "../authorize/request-store.ts";
import type { FoundInstallation } from "../catalog/installations.ts";
import { fail, failureFrom, ok, type Result } from "../errors.ts";
import type { Answer } from "../http/endpoint.ts";
import type { Installation } from "../installations/installation.ts";
import { recordNews } from "../installations/record-news.ts";
import type { Services } from "../services.ts";
import { endAt, used } from "./endings.ts";
import type { InstallBasis } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";

/** It is theirs: it is recorded, and the request, which is `completing`, ends. */
export async function conclude(
  request: InstallRequest,
  basis: InstallBasis,
  found: FoundInstallation,
  visit: Visit,
): Promise<Answer> {
  const { services, requestId } = visit;
  const recorded = await record(request, basis, found, services);
  if (!recorded.ok) return endAt(request, "completing", basis, recorded.failure, visit);
  const step = { from: "completing", to: "completing", installationId: recorded.value.id } as const;
  // Too late: no success without the id that it is about.
  if (!(await takeStep(services.db, request.id, step, services.now()))) return used(requestId);
  await endRequest(request, { from: "completing", to: "success", errorCode: null, providerError: null }, visit);
  return seeOther(wayBack(request, null, services));
}

async function record(
  { connectorId }: InstallRequest,
  { installable }: InstallBasis,
  found: FoundInstallation,
  services: Services,
): Promise<Result<Installation>> {
  try {
    const { region = null, configRevision = null } = installable?.connector ?? {};
    const connector = { connectorId, region, configRevision };
    // The provider confirmed it a moment ago, so it is there, whatever a mint once made of a 404.
    const recorded = await recordNews(services, connector, found, { isOwn: true, isSeen: true });
    if (recorded === null) return changed("gone");
    // What an event told meanwhile is later than what we found.
    if (recorded.state === "removed") return fail("installation_not_verified");
    return recorded.state === "suspended" ? fail("installation_suspended") : ok(recorded);
  } catch (thrown) {
    return { ok: false, failure: failureFrom(thrown) };
  }
}
