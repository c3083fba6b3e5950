import { pagePath } from "../authorize/page-url.ts";
import type { InstallView } from "../pages/views.ts";
import { listEnvironments } from "../projects/environment-store.ts";
import { findProject, STANDARD_ENVIRONMENTS } from "../projects/project-store.ts";
import type { Services } from "../services.ts";
import type { Database } from "../store/database.ts";
import type { InstallBasis } from "./install-basis.ts";
import type { InstallRequest } from "./install-row.ts";

/** Who asks, what will be made, and where the browser goes from here. */
export async function installView(
  request: InstallRequest,
  basis: InstallBasis,
  page: Pick<InstallView, "formToken" | "mistyped">,
  { db, now, settings }: Pick<Services, "db" | "now" | "settings">,
): Promise<InstallView> {
  const { driver, installable } = basis;
  const { brand } = basis.known;
  const { returnUrl, registering } = request.asked;
  const url = URL.parse(providerUrl(request, basis, settings.publicOrigin) ?? "");
  return {
    kind: "install",
    brand,
    providerHost: url?.host || brand.name,
    asker: await askerOf(request, basis, db),
    registers: installable === null,
    installs: registering?.autoinstall ?? true,
    proves: driver.installations?.proof != null,
    receives: registering?.body.triggers === true,
    isAgain: request.status === "installing",
    ageMs: now() - request.createdAtMs,
    returnHost: returnUrl === null ? null : new URL(returnUrl).host,
    action: pagePath(request.id),
    ...page,
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

async function askerOf(
  { asked, environment }: InstallRequest,
  { link }: InstallBasis,
  db: Database,
): Promise<InstallView["asker"]> {
  if (link !== null) {
    return { projectName: link.projectName, environments: named([environment ?? ""], link.projectEnvironments) };
  }
  const { projectId, environments = [...STANDARD_ENVIRONMENTS] } = asked.registering?.body ?? {};
  if (projectId === undefined) return null;
  const project = await findProject(db, projectId);
  if (project === null) return { projectName: projectId, environments };
  return {
    projectName: project.name,
    environments: named(environments, await listEnvironments(db, project.id, null, 100)),
  };
}

/** Custom environments as people call them. */
function named(ids: string[], all: { id: string; slug: string }[]): string[] {
  return ids.map((id) => all.find((one) => one.id === id)?.slug ?? id);
}
