import type { Caller } from "../callers/caller.ts";
import { ApiError } from "../errors.ts";
import type { Database } from "../store/database.ts";
import type { Connector } from "./connector-row.ts";
import { findConnector } from "./connector-store.ts";
import { findLink } from "./link-store.ts";

/**
 * The live connector that a reference names, for those who manage the whole team: `gone` for a deleted one, else
 * `not_found`, both thrown.
 */
export async function requireConnector(db: Database, reference: string | undefined): Promise<Connector> {
  const found = await findConnector(db, reference ?? "");
  if (found === null) throw new ApiError("not_found", { message: "There is no such connector." });
  if (found.state === "deleted") throw new ApiError("gone", { message: "This connector was deleted." });
  return found.connector;
}

/**
 * The same as a caller may see it. Who belongs to a project sees what is linked to it: anything else, deleted
 * connectors included, does not exist (`not_found`); a link for other environments only is `forbidden`.
 */
export async function requireVisibleConnector(
  db: Database,
  caller: Caller,
  reference: string | undefined,
): Promise<Connector> {
  const { projectId, environment } = caller;
  if (projectId === null) return requireConnector(db, reference);
  const found = await findConnector(db, reference ?? "");
  // Looked up in any case: the time of an answer must not tell whether a connector exists elsewhere.
  const link = await findLink(db, found?.state === "live" ? found.connector.id : "", projectId);
  if (found === null || link === null) throw new ApiError("not_found");
  if (environment !== null && !link.environments.includes(environment)) {
    throw new ApiError("forbidden", {
      message: `connector is not linked to this project for the environment "${environment}". Add the environment to the link.`,
    });
  }
  return found.connector;
}
