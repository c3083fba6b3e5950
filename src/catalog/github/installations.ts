import { fail, ok, type Result } from "../../errors.ts";
import type { DriverDeps } from "../driver.ts";
import type { InstallationRequest, Installations } from "../installations.ts";
import { callAsApp, unexpected } from "./api.ts";
import { appPage, type GitHubConfig } from "./config.ts";
import { findInstallation } from "./find-installation.ts";
import { installationNews, tellsOfInstallation } from "./installation-facts.ts";
import { accountNamedBy } from "./narrowing.ts";
import { hasInstallation, proofUrl } from "./prove.ts";

/**
 * One per account that installed the app. Where one is to be chosen first:
 * https://docs.github.com/apps/creating-github-apps/guides/migrating-oauth-apps-to-github-apps
 */
export const githubInstallations: Installations<GitHubConfig> = {
  installUrl({ config, state, tenantId }) {
    const missing = [
      ...(config.hasPrivateKey ? [] : ["data.privateKeyPem"]),
      ...(config.hasClientSecret ? [] : ["data.clientSecret"]),
    ].join(" and ");
    if (missing !== "") {
      const message = `Set ${missing}: GitHub is asked with it what was installed, and by whom.`;
      return fail("no_token", { message });
    }
    const page = `${appPage(config)}/installations/new`;
    const query = new URLSearchParams({ state });
    if (tenantId === null || !/^\d{1,15}$/.test(tenantId)) return ok(`${page}?${query}`);
    query.set("suggested_target_id", tenantId);
    return ok(`${page}/permissions?${query}`);
  },
  find: findInstallation,
  proof: { authorizationUrl: proofUrl, has: hasInstallation },
  remove,
  eventsName: "externalId",
  tells: tellsOfInstallation,
  newsOf: installationNews,
  tenantNamedBy: accountNamedBy,
};

/** https://docs.github.com/rest/apps/apps#delete-an-installation-for-the-authenticated-app */
async function remove(
  request: InstallationRequest<GitHubConfig>,
  deps: DriverDeps,
): Promise<Result<"done" | "unsupported">> {
  const path = `/app/installations/${encodeURIComponent(request.externalId)}`;
  const answer = await callAsApp(request, { method: "DELETE", path }, deps);
  if (!answer.ok) return answer;
  const { status } = answer.value;
  return status === 204 || status === 404 ? ok("done") : unexpected(answer.value);
}
