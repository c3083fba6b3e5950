import type { Authorization } from "./authorization-store.ts";
import type { Provider } from "./provider-call.ts";
import { classifyRefreshFailure } from "./refresh-decisions.ts";

export const PROVIDER_CHANGED = {
  message:
    "The connector was pointed at another provider since this user authorized it. Start a new authorization for this user.",
};

/** The authorization under the connector's configuration as it is now. What the old one was blamed for may be tried again. */
export function configuredFor(authorization: Authorization, { driver, credentials, name }: Provider): Authorization {
  const { config, configRevision } = credentials;
  if (configRevision <= authorization.configRevision) return authorization;
  const how = driver.userAuthorization(config);
  const { lastOutcome } = authorization;
  const wasConfiguration =
    lastOutcome !== null && lastOutcome !== "ok" && classifyRefreshFailure({ code: lastOutcome }) === "configuration";
  return {
    ...authorization,
    configuredProvider: name,
    configRevision,
    policy: how?.kind === "redirect" ? how.policy : authorization.policy,
    ...(wasConfiguration ? { nextAttemptAtMs: null } : {}),
  };
}
