import { BINDINGS, type Binding } from "../connectors/connector-row.ts";

/**
 * How it is made sure that who completes an authorization is who started it: the stronger of what the connector demands
 * and what the app asks for (`confirm` < `finalize` < `login`).
 */
export function effectiveBinding(minimum: Binding, requested: Binding = "confirm"): Binding {
  return BINDINGS.indexOf(requested) > BINDINGS.indexOf(minimum) ? requested : minimum;
}
