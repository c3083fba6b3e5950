import type { Connector } from "../../connectors/connector-row.ts";
import { enableEnvironment } from "../../connectors/link-store.ts";
import { ApiError } from "../../errors.ts";
import { requireEnvironment } from "../../projects/environment-store.ts";
import { requireProject } from "../../projects/project-store.ts";
import type { Services } from "../../services.ts";
import { orConflict } from "../../store/conflict.ts";
import type { Statement } from "../../store/database.ts";
import { newId } from "../../store/ids.ts";
import type { StoredDestination } from "./destination-row.ts";
import { insertDestination } from "./destination-store.ts";
import { type CreateDestination, checkedTarget, checkedUrl, type Target } from "./new-destination.ts";

export type TargetServices = Pick<Services, "db" | "urlPolicy">;

/** What is taken when two destinations of a connector cannot both be. */
export const DESTINATION_TAKEN =
  "Another destination of this connector has this target, or is its responder. Change that one.";

/** The target that a body names. Thrown: `bad_request`, `not_found` for the project, `origin_not_configured`, `url_not_allowed`. */
export async function requireTarget(
  services: TargetServices,
  connector: Pick<Connector, "service">,
  body: Pick<CreateDestination, "url" | "projectId" | "environment" | "path" | "branch">,
): Promise<Target> {
  const { url, projectId, environment, path, branch } = body;
  if (url !== undefined) {
    if ([projectId, environment, path, branch].every((field) => field === undefined)) {
      return { url: checkedUrl(url, services.urlPolicy) };
    }
    throw new ApiError("bad_request", {
      message: "url: stands alone. Send it, or projectId and environment, with path and branch where you need them.",
    });
  }
  if (projectId === undefined || environment === undefined) {
    throw new ApiError("bad_request", { message: "url: is required, or projectId and environment." });
  }
  return requireDeployment(services, connector, { projectId, environment, path, branch, originLater: false });
}

/** The same of a project. */
export async function requireDeployment(
  { db, urlPolicy }: TargetServices,
  connector: Pick<Connector, "service">,
  wanted: {
    projectId: string;
    environment: string;
    path: string | undefined;
    branch: string | undefined;
    originLater: boolean;
  },
): Promise<Target> {
  const project = await requireProject(db, wanted.projectId);
  const environment = await requireEnvironment(db, project.id, wanted.environment);
  const deployment = { environment, branch: wanted.branch ?? null, path: wanted.path ?? defaultPath(connector) };
  return checkedTarget(deployment, { policy: urlPolicy, originLater: wanted.originLater });
}

/** `/{service}`; a service's name is a path segment already. */
function defaultPath({ service }: Pick<Connector, "service">): string {
  return `/${encodeURIComponent(service)}`;
}

/** The statements that add a destination, and its environment to the link, which is made where there is none. */
export function additionOf(
  { now, randomBytes }: Pick<Services, "now" | "randomBytes">,
  destination: StoredDestination,
): Statement[] {
  const { connectorId, projectId, environment } = destination;
  const insert = insertDestination(destination);
  if (projectId === null || environment === null) return [insert];
  const link = { id: newId("lnk", randomBytes), connectorId, projectId, environment };
  return [enableEnvironment(link, now()), insert];
}

/** Stores a new destination. Thrown: `conflict`, and `not_found` where what it rests on was just deleted. */
export async function addDestination(
  services: Pick<Services, "db" | "now" | "randomBytes">,
  destination: StoredDestination,
): Promise<void> {
  const results = await orConflict(services.db.batch(additionOf(services, destination)), DESTINATION_TAKEN);
  if (results.at(-1)?.changes !== 1) {
    throw new ApiError("not_found", { message: "The connector, the project or the environment was just deleted." });
  }
}
