import { fail, messageOf, ok, type Result } from "../../errors.ts";
import { deliveriesById, recordAttempts } from "./delivery-store.ts";
import type { EventDeps } from "./deps.ts";
import type { Delivery } from "./event.ts";
import { routesOf } from "./routes.ts";

/**
 * Gives a delivery up. `not_found`; `conflict` if it is over; `storage_unavailable` where its lane could not be told, and
 * then nothing has changed. An attempt that is under way may still arrive.
 */
export async function cancelDelivery(id: string, deps: EventDeps): Promise<Result<Delivery>> {
  const delivery = (await deliveriesById(deps.events, [id])).get(id);
  if (delivery === undefined) return fail("not_found");
  if (delivery.state !== "pending") return fail("conflict", { message: "The delivery is over." });
  const { attemptCount, connectorId, destinationId, lane } = delivery;
  const { region } = await routesOf(deps.db, connectorId, deps.now());
  try {
    // First: what the log has as canceled cannot be canceled again, and its lane would go on sending.
    await deps.lanes.lane(destinationId, lane, region).cancel([id]);
  } catch (error) {
    return fail("storage_unavailable", { reason: `lane: ${messageOf(error)}`, retryAfterMs: 1000 });
  }
  const updatedAtMs = deps.now();
  const canceled = { state: "canceled", endedBecause: "canceled", nextAttemptAtMs: null, updatedAtMs } as const;
  await recordAttempts(deps.events, [{ deliveryId: id, attempts: [], attemptCount, ...canceled }]);
  return ok({ ...delivery, ...canceled });
}
