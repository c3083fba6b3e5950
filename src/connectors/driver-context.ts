import type { DriverDeps, SaveContext } from "../catalog/driver.ts";
import { ApiError } from "../errors.ts";
import type { Services } from "../services.ts";
import { findTeam } from "../team/team-store.ts";
import { jwksUriOf } from "./connector-wire.ts";

/** What saving a connector reaches. */
export type SaveServices = Pick<
  Services,
  "db" | "blobs" | "keys" | "now" | "randomBytes" | "fetch" | "urlPolicy" | "settings" | "triggerMemory"
>;

/** The team's id, which every envelope is bound to; `setup_required` thrown before setup. */
export async function requireTeamId(services: Pick<Services, "db">): Promise<string> {
  const team = await findTeam(services.db);
  if (team === null) throw new ApiError("setup_required");
  return team.id;
}

export function saveContext(services: SaveServices, connectorId: string): SaveContext {
  return { connectorId, draft: false, jwksUri: jwksUriOf(connectorId, services.settings.publicOrigin) };
}

export function driverDeps({ fetch, now, urlPolicy, randomBytes }: SaveServices): DriverDeps {
  return { fetch, now, urlPolicy, randomBytes };
}
