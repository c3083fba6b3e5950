import type { Environment } from "./environment-store.ts";

/** An environment as the API shows it. */
export function environmentToWire(environment: Environment) {
  return {
    id: environment.id,
    slug: environment.slug,
    origin: environment.origin,
    createdAt: environment.createdAtMs,
    updatedAt: environment.updatedAtMs,
  };
}
