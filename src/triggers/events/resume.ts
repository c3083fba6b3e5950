import type { EventDeps } from "./deps.ts";
import { handOver, type Outcome, storeDeliveries } from "./dispatch.ts";
import { eventsById } from "./event-store.ts";
import { planDeliveries } from "./planning.ts";
import { routesOf } from "./routes.ts";

/** Goes on with events that are `recorded`, from their rows. Others are left alone, and have no outcome. Throws. */
export async function resumeEvents(ids: readonly string[], deps: EventDeps): Promise<Map<string, Outcome>> {
  const stored = [...(await eventsById(deps.events, ids)).values()].filter(({ state }) => state === "recorded");
  const deliveries = await Promise.all(
    stored.map(async (event) => {
      const { destinations } = await routesOf(deps.db, event.connectorId, deps.now());
      return planDeliveries(
        { event, payload: event.payload, series: event.series, responded: null },
        destinations,
        deps,
      );
    }),
  );
  const { pending } = await storeDeliveries(
    [],
    deliveries.flat(),
    stored.map(({ id }) => id),
    deps,
  );
  return handOver(stored, pending, deps);
}
