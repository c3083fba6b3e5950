import type { z } from "zod/mini";
import type { Driver } from "./driver.ts";
import type { Installations } from "./installations.ts";

/**
 * A driver for configurations as they come from storage: each is parsed by the driver's own schema before use, so
 * members of another version of the code never reach it. Throws on a configuration that the driver cannot have
 * saved. A configuration object is parsed once: whoever holds it must not change it.
 */
export function withParsedConfig<Config>(schema: z.ZodMiniType<Config>, driver: Driver<Config>): Driver {
  const parsed = new WeakMap<object, Config>();
  const parse = (stored: unknown): Config => {
    if (typeof stored !== "object" || stored === null) return schema.parse(stored);
    const known = parsed.get(stored);
    if (known !== undefined) return known;
    const config = schema.parse(stored);
    parsed.set(stored, config);
    return config;
  };
  return {
    type: driver.type,
    typeName: driver.typeName,
    create: (data, context, deps) => driver.create(data, context, deps),
    update: (stored, data, context, deps) =>
      driver.update({ config: parse(stored.config), secrets: stored.secrets }, data, context, deps),
    redact: (config, secretNames) => driver.redact(parse(config), secretNames),
    capabilities: (config) => driver.capabilities(parse(config)),
    publicKeys: (config) => driver.publicKeys(parse(config)),
    service: (config) => driver.service(parse(config)),
    provider: (config) => driver.provider(parse(config)),
    resolveGroup: (config, subject, group, installation) =>
      driver.resolveGroup(parse(config), subject, group, installation),
    withinDetails: driver.withinDetails,
    installations: driver.installations === null ? null : parsedInstallations(driver.installations, parse),
    registration: driver.registration,
    assertion: parsedAssertion(driver.assertion, parse),
    mint: (request, deps) => driver.mint({ ...request, config: parse(request.config) }, deps),
    userAuthorization: (config) => driver.userAuthorization(parse(config)),
    redirectsUsers: driver.redirectsUsers,
    authorizationUrl: (request, deps) => driver.authorizationUrl({ ...request, config: parse(request.config) }, deps),
    exchange: (request, deps) => driver.exchange({ ...request, config: parse(request.config) }, deps),
    refresh: (request, deps) => driver.refresh({ ...request, config: parse(request.config) }, deps),
    revoke: (request, deps) => driver.revoke({ ...request, config: parse(request.config) }, deps),
  };
}

function parsedInstallations<Config>(
  { installUrl, find, proof, remove, eventsName, tells, newsOf, tenantNamedBy }: Installations<Config>,
  parse: (stored: unknown) => Config,
): Installations {
  return {
    installUrl: (request) => installUrl({ ...request, config: parse(request.config) }),
    find: (request, deps) => find({ ...request, config: parse(request.config) }, deps),
    proof: proof && {
      authorizationUrl: (request) => proof.authorizationUrl({ ...request, config: parse(request.config) }),
      has: (request, deps) => proof.has({ ...request, config: parse(request.config) }, deps),
    },
    remove: (request, deps) => remove({ ...request, config: parse(request.config) }, deps),
    eventsName,
    tells,
    newsOf,
    tenantNamedBy,
  };
}

function parsedAssertion<Config>(
  assertion: Driver<Config>["assertion"],
  parse: (stored: unknown) => Config,
): Driver["assertion"] {
  return assertion && ((connector, nowMs) => assertion({ ...connector, config: parse(connector.config) }, nowMs));
}
