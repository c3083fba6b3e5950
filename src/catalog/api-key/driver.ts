import { fail, ok, type Result } from "../../errors.ts";
import type { Capabilities } from "../capabilities.ts";
import type { Driver, DriverDeps, IssuedToken, SavedConfig, SplitConfig, SubjectType, TokenGroup } from "../driver.ts";
import type { MintRequest } from "../driver-requests.ts";
import { noAuthorization } from "../no-authorization.ts";
import { nowhereInstalled } from "../nowhere-installed.ts";
import { withParsedConfig } from "../parsed-config.ts";
import { canonicalScopes, requestedScopes } from "../scopes.ts";
import { type ApiKeyConfig, apiKeyConfig, type StoredValue, secretName } from "./config.ts";
import { createApiKey, updateApiKey } from "./save.ts";

/** Static values that an operator stored; a scope selects among them. */
export const apiKeyDriver: Driver = withParsedConfig<ApiKeyConfig>(apiKeyConfig, {
  type: "api-key",
  typeName: "API key",
  create: async (data, _context, deps) => withMissing(createApiKey(data, deps)),
  update: async (stored, data, _context, deps) => withMissing(updateApiKey(stored, data, deps)),
  redact,
  capabilities,
  publicKeys: () => [],
  service: ({ serviceUrls: [first] }) => URL.parse(first ?? "")?.hostname ?? "api-key",
  provider: () => "static",
  resolveGroup,
  ...nowhereInstalled,
  mint: async (request, deps) => mintStatic(request, deps),
  userAuthorization: ({ subjectType, instructions }) =>
    subjectType === "user" ? { kind: "pasted-key", instructions } : null,
  ...noAuthorization,
  // A static key can only be replaced at the provider by whoever made it.
  revoke: async () => ok("unsupported"),
});

function withMissing(saved: Result<SplitConfig<ApiKeyConfig>>): Result<SavedConfig<ApiKeyConfig>> {
  if (!saved.ok) return saved;
  const { subjectType, values } = saved.value.config;
  const lacksValue = subjectType === "app" && values.length === 0;
  return ok({ ...saved.value, missing: lacksValue ? ["Add a value with data.toAdd."] : [] });
}

function redact({ subjectType, values, serviceUrls, instructions }: ApiKeyConfig, secretNames: string[]) {
  return {
    subjectType,
    values: values.map(({ id, scope, expiresAtMs }) => ({
      id,
      ...(secretNames.includes(secretName(id)) ? { value: { set: true } } : {}),
      ...(scope === null ? {} : { scope }),
      ...(expiresAtMs === null ? {} : { expiresAt: expiresAtMs }),
    })),
    serviceUrls,
    ...(instructions === null ? {} : { instructions }),
  };
}

function capabilities({ subjectType, values }: ApiKeyConfig): Capabilities {
  const scopes = canonicalScopes(values.flatMap(({ scope }) => (scope === null ? [] : [scope])));
  const tokens = { crossInstallation: false, supportsRefinement: scopes.length > 0, supportsResources: false, scopes };
  return {
    supportedSubjectTypes: [subjectType],
    supportsInstallation: false,
    supportsRevocation: false,
    supportsIcon: "false",
    // What an operator stored serves every environment; what a user pasted, the one that the page named.
    partition: subjectType === "app" ? "shared" : "environment",
    ...(subjectType === "app" ? { appTokens: tokens } : { userTokens: { ...tokens, manualCredentialInput: true } }),
  };
}

function resolveGroup(config: ApiKeyConfig, _subject: SubjectType, group: TokenGroup): Result<TokenGroup> {
  if (group.resources.length > 0 || group.audience.length > 0 || group.authorizationDetails.length > 0) {
    return fail("invalid_target", {
      message: "An API key cannot be narrowed to resources, audiences or authorization details. Omit them.",
    });
  }
  const scopes = requestedScopes(group.scopes);
  if (!scopes.ok) return scopes;
  const [scope, ...more] = scopes.value;
  if (more.length > 0) return fail("invalid_scope", { message: "An API key has one scope at most. Ask for one." });
  if (scope !== undefined && !config.values.some((value) => value.scope === scope)) {
    return fail("invalid_scope", { message: "This connector has no value for the requested scope." });
  }
  return ok({ scopes: scopes.value, resources: [], audience: [], authorizationDetails: [] });
}

function mintStatic(
  { config, secrets, group }: MintRequest<ApiKeyConfig>,
  { now }: Pick<DriverDeps, "now">,
): Result<IssuedToken> {
  const resolved = resolveGroup(config, "app", group);
  if (!resolved.ok) return resolved;
  const picked = pickValue(config.values, resolved.value.scopes[0], now());
  if (!picked.ok) return picked;
  const { id, scope, expiresAtMs } = picked.value;
  const accessToken = secrets[secretName(id)];
  if (accessToken === undefined) return fail("no_token", { reason: "the value is not among the stored secrets" });
  return ok({
    accessToken,
    expiresAtMs,
    scopes: scope === null ? [] : [scope],
    resources: [],
    authorizationDetails: [],
    static: true,
  });
}

/**
 * Which value answers: the newest live one of the scope; without a scope the newest live unscoped one, else the only
 * live one. `no_token` when none lives, `invalid_scope` when the choice would be a guess.
 */
function pickValue(values: StoredValue[], scope: string | undefined, nowMs: number): Result<StoredValue> {
  const live = values.filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > nowMs);
  const wanted = live.findLast((value) => value.scope === (scope ?? null));
  if (wanted !== undefined) return ok(wanted);
  const [only, ...others] = live;
  if (scope !== undefined || only === undefined) {
    return fail("no_token", {
      message: "The connector's value for this request is missing or expired. Add a new one.",
    });
  }
  if (others.length > 0) {
    return fail("invalid_scope", { message: "This connector has several scoped values. Ask for one of their scopes." });
  }
  return ok(only);
}
