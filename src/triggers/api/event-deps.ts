import type { Services } from "../../services.ts";
import type { EventDeps } from "../events/deps.ts";

/** The services as the event log takes them. */
export function eventDeps(services: Services): EventDeps {
  const { keys, ...rest } = services;
  return { ...rest, keys: async () => keys };
}
