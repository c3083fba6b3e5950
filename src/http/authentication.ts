import type { AuthenticateDeps } from "../callers/authenticate.ts";
import { createCallerDirectory } from "../callers/caller-directory.ts";
import { publicJwks } from "../issuer/signing-keys.ts";
import type { Services } from "../services.ts";

/** What `authenticate` needs, for one request: the services, with deferred work tied to that request. */
export function authenticationDeps(services: Services, defer: AuthenticateDeps["defer"]): AuthenticateDeps {
  const { settings, now, keys, fetch, log, callerCaches } = services;
  return {
    settings,
    now,
    keys,
    fetch,
    log,
    callerCaches,
    directory: createCallerDirectory({ ...services, defer }),
    ownIssuer: { publicKeys: () => publicJwks(services) },
    defer,
  };
}
