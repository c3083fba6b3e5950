import { pagePath } from "../authorize/page-url.ts";
import type { InstallView } from "../pages/views.ts";
import { STANDARD_ENVIRONMENTS } from "../projects/project-store.ts";
import type { Services } from "../services.ts";
import type { InstallBasis } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";

/** Who asks, what will be made, and where the browser goes from here. */
export function installView(
  request: InstallRequest,
  { brand, driver, installed, link }: InstallBasis,
  formToken: string,
  { now, settings }: Pick<Services, "now" | "settings">,
): InstallView {
  const { asked, environment } = request;
  const { registering } = asked;
  const { projectId, environments = STANDARD_ENVIRONMENTS } = registering?.body ?? {};
  const custom = link?.projectEnvironments.find(({ id }) => id === environment);
  const { publicOrigin } = settings;
  // Where they lead is the same for every request.
  const at = { state: "", redirectUri: publicOrigin, publicOrigin, webhook: null };
  const url =
    installed !== null
      ? installed.installations.installUrl({ config: installed.connector.config, state: "", tenantId: null })
      : { ok: true as const, value: driver.registration?.form({ ...at, plan: registering?.plan ?? {}, name: "" }).url };
  return {
    kind: "install",
    brand,
    providerHost: (url.ok && url.value && URL.parse(url.value)?.host) || brand.name,
    asker:
      link !== null
        ? { projectName: link.projectName, environment: custom?.slug ?? environment ?? "" }
        : projectId === undefined
          ? null
          : { projectName: projectId, environment: environments.join(", ") },
    registers: installed === null,
    installs: registering?.autoinstall ?? true,
    proves: driver.installations?.proof != null,
    receives: registering?.body.triggers === true,
    isAgain: request.status === "installing",
    ageMs: now() - request.createdAtMs,
    returnHost: asked.returnUrl === null ? null : new URL(asked.returnUrl).host,
    action: pagePath(request.id),
    formToken,
  };
}
