import { type AuthenticateDeps, authenticate } from "../callers/authenticate.ts";
import type { Caller } from "../callers/caller.ts";
import { createCallerDirectory } from "../callers/caller-directory.ts";
import { describeError, ok, type Result } from "../errors.ts";
import { publicJwks } from "../issuer/signing-keys.ts";
import { clientKey } from "../limits/client-address.ts";
import type { Services } from "../services.ts";

/**
 * Who sent this request. Failures count against its address; success does not, since a fleet may share one. An address
 * that has failed too often is known from memory only until it has paused: 429 `rate_limited` for everybody else.
 */
export async function authenticateRequest(
  headers: Headers,
  services: Services,
  defer: AuthenticateDeps["defer"],
): Promise<Result<Caller>> {
  const authenticated = await authenticate(headers, authenticationDeps(headers, services, defer));
  if (authenticated.ok) return authenticated;
  const { code } = authenticated.failure;
  // What is our own fault is not held against anyone.
  if (code === "rate_limited" || describeError(code).status >= 500) return authenticated;
  const counted = await services.limits.take("ip", clientKey(headers));
  return counted.ok ? authenticated : counted;
}

/** What `authenticate` needs, for one request: the services, with deferred work tied to that request. */
function authenticationDeps(headers: Headers, services: Services, defer: AuthenticateDeps["defer"]): AuthenticateDeps {
  const { settings, now, keys, fetch, log, callerCaches, limits } = services;
  const mayLookUp = (): Result<null> => {
    const failure = limits.refused("ip", clientKey(headers));
    return failure === null ? ok(null) : { ok: false, failure };
  };
  return {
    settings,
    now,
    keys,
    fetch,
    log,
    callerCaches,
    directory: () => createCallerDirectory({ ...services, defer, mayLookUp }),
    ownIssuer: { publicKeys: () => publicJwks(services, mayLookUp) },
    defer,
  };
}
