import { pagePath } from "../authorize/page-url.ts";
import type { InstallView } from "../pages/views.ts";
import { STANDARD_ENVIRONMENTS } from "../projects/project-store.ts";
import type { Services } from "../services.ts";
import type { InstallBasis } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";

/** Who asks, what will be made, and where the browser goes from here. */
export function installView(
  request: InstallRequest,
  basis: InstallBasis,
  formToken: string,
  { now, settings }: Pick<Services, "now" | "settings">,
): InstallView {
  const { brand, driver, installable } = basis;
  const { returnUrl, registering } = request.asked;
  const url = URL.parse(providerUrl(request, basis, settings.publicOrigin) ?? "");
  return {
    kind: "install",
    brand,
    providerHost: url?.host || brand.name,
    asker: askerOf(request, basis),
    registers: installable === null,
    installs: registering?.autoinstall ?? true,
    proves: driver.installations?.proof != null,
    receives: registering?.body.triggers === true,
    isAgain: request.status === "installing",
    ageMs: now() - request.createdAtMs,
    returnHost: returnUrl === null ? null : new URL(returnUrl).host,
    action: pagePath(request.id),
    formToken,
  };
}

/** Where it is installed, or registered first: the same for every request. */
function providerUrl(
  { asked: { registering } }: InstallRequest,
  { driver, installable }: InstallBasis,
  publicOrigin: string,
): string | undefined {
  if (installable !== null) {
    const { connector, installations } = installable;
    const url = installations.installUrl({ config: connector.config, state: "", tenantId: null });
    return url.ok ? url.value : undefined;
  }
  const plan = registering?.plan ?? {};
  return driver.registration?.form({
    plan,
    name: "",
    state: "",
    redirectUri: publicOrigin,
    publicOrigin,
    webhook: null,
  }).url;
}

function askerOf({ asked, environment }: InstallRequest, { link }: InstallBasis): InstallView["asker"] {
  if (link !== null) {
    const custom = link.projectEnvironments.find(({ id }) => id === environment);
    return { projectName: link.projectName, environment: custom?.slug ?? environment ?? "" };
  }
  const { projectId, environments = STANDARD_ENVIRONMENTS } = asked.registering?.body ?? {};
  return projectId === undefined ? null : { projectName: projectId, environment: environments.join(", ") };
}
