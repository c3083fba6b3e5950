import { ApiError } from "../errors.ts";
import { publicEndpoint } from "../http/endpoint.ts";
import { referencedKeyIds } from "../keys/references.ts";

/** How often one isolate asks the database; the route is open to anyone. */
const RECHECK_MS = 30_000;

/**
 * Whether this deployment can serve: its databases answer, and its key ring holds every key that stored rows refer
 * to. Tells the world no more than that: 200, or 503 `storage_unavailable` or `key_missing`.
 */
export const health = publicEndpoint({
  async handle({ services }) {
    const { keys, healthMemory, log, now } = services;
    if (healthMemory.okUntilMs <= now()) {
      const missing = [...(await referencedKeyIds(services))].filter((kid) => keys.key(kid) === null);
      if (missing.length > 0) {
        log.error("key_missing", { missingKeys: missing.join(" ") });
        throw new ApiError("key_missing", { reason: `missing: ${missing.join(" ")}` });
      }
      healthMemory.okUntilMs = now() + RECHECK_MS;
    }
    return { status: 200, body: { status: "ok" } };
  },
});
