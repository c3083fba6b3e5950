import type { Connector } from "../../connectors/connector-row.ts";
import { checkIfMatch } from "../../connectors/if-match.ts";
import { ApiError, unwrap } from "../../errors.ts";
import type { Services } from "../../services.ts";
import { forgetTrigger } from "../ingress/trigger-memory.ts";
import { changedTrigger, newTrigger, type TriggerChange } from "./change-trigger.ts";
import { findTrigger, insertTrigger, type Trigger, updateTrigger } from "./trigger-store.ts";

/** How often a change is applied again over what somebody else stored meanwhile. */
const TRIES = 3;

/** A connector's trigger settings. It has some from its creation on; should it lack them, it gets them now. */
export async function requireTrigger(
  services: Pick<Services, "db" | "now" | "randomBytes">,
  connectorId: string,
): Promise<Trigger> {
  const found = await findTrigger(services.db, connectorId);
  if (found !== null) return found;
  await services.db.run(insertTrigger(newTrigger(connectorId, services)));
  const made = await findTrigger(services.db, connectorId);
  if (made === null) throw new ApiError("gone", { message: "This connector was deleted." });
  return made;
}

/**
 * Applies a change to the settings as they are now; this isolate heeds it at once. Thrown: as of `changedTrigger`,
 * `precondition_failed`, `conflict`.
 */
export async function saveTrigger(
  services: Pick<Services, "db" | "keys" | "now" | "randomBytes" | "triggerMemory">,
  place: { connector: Connector; teamId: string },
  change: TriggerChange,
  headers: Headers = new Headers(),
): Promise<Trigger> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const current = await requireTrigger(services, place.connector.id);
    unwrap(checkIfMatch(headers, current.revision));
    const next = await changedTrigger(services, place, current, change);
    if (!(await updateTrigger(services.db, next, current))) continue;
    forgetTrigger(services.triggerMemory, next.ingressId);
    return next;
  }
  throw new ApiError("conflict", { message: "The settings are being changed by others. Repeat the request." });
}
