import { fail, ok, type Result } from "../../errors.ts";
import type { AuthorizationDetail, SubjectType, TokenGroup } from "../driver.ts";
import { canonicalScopes, requestedScopes } from "../scopes.ts";
import { smugglesParameter } from "./authorization-parameters.ts";
import { effectiveServer, type OAuthConfig } from "./config.ts";
import { grantPolicy } from "./grant-policy.ts";

const MAX_TARGETS = 20;
const MAX_TARGET_LENGTH = 2048;
const MAX_DETAILS_CHARACTERS = 16_384;

/**
 * The canonical group that a request resolves to, with the connector's default scopes and audience filled in. Fails
 * with `invalid_scope` (RFC 6749 §3.3), or `invalid_target` for a resource that is no absolute URI without fragment
 * (RFC 8707 §2) and for details of a type that the server does not list (RFC 9396 §10). Where a refresh ends the token
 * before it, a user has one token, and what would need a second one is refused.
 */
export function resolveOAuthGroup(config: OAuthConfig, subject: SubjectType, group: TokenGroup): Result<TokenGroup> {
  const scopes = requestedScopes(group.scopes);
  if (!scopes.ok) return scopes;
  const problem =
    targetsProblem(group) ??
    detailsProblem(group.authorizationDetails, effectiveServer(config).authorization_details_types_supported);
  if (problem !== null) return fail("invalid_target", { message: problem });
  if (subject === "user" && scopes.value.some(smugglesParameter)) {
    return fail("invalid_scope", { message: "A scope has the form of another parameter." });
  }
  const { defaultAudience } = config.settings;
  const audience = group.audience.length > 0 || defaultAudience === undefined ? group.audience : [defaultAudience];
  const defaults = defaultScopes(config, subject);
  const resolved = {
    scopes: scopes.value.length > 0 ? scopes.value : defaults,
    resources: [...new Set(group.resources)].sort(),
    audience: [...new Set(audience)].sort(),
    authorizationDetails: group.authorizationDetails,
  };
  return subject === "user" && grantPolicy(config).oldAccessTokenDies
    ? onlyToken(resolved, defaults, defaultAudience === undefined ? [] : [defaultAudience])
    : ok(resolved);
}

/** The group if it is the one that the user's only token has. */
function onlyToken(group: TokenGroup, defaultScopes: string[], defaultAudience: string[]): Result<TokenGroup> {
  if (group.scopes.join(" ") !== defaultScopes.join(" ")) {
    return fail("invalid_scope", {
      message:
        "Each refresh of this connector ends the token before, so all of a user's share its default scopes. Omit scopes.",
    });
  }
  const targets = group.resources.length + group.authorizationDetails.length;
  if (targets === 0 && group.audience.join(" ") === defaultAudience.join(" ")) return ok(group);
  return fail("invalid_target", {
    message:
      "Each refresh of this connector ends the token before, so a user has one for everything. Omit resources, audience and authorizationDetails.",
  });
}

function defaultScopes({ settings }: OAuthConfig, subject: SubjectType): string[] {
  switch (subject) {
    case "app":
      return canonicalScopes(settings.clientCredentials?.scopes ?? []);
    case "user":
      return canonicalScopes(settings.userAuthorization?.scopes ?? []);
    case "jwt-bearer":
      return canonicalScopes(settings.jwtBearer?.scopes ?? []);
    case "token":
      return [];
  }
}

function targetsProblem({ resources, audience }: TokenGroup): string | null {
  if (resources.length > MAX_TARGETS || audience.length > MAX_TARGETS) {
    return `Ask for at most ${MAX_TARGETS} resources and ${MAX_TARGETS} audiences.`;
  }
  if (!resources.every(isResource)) return "Every resource must be an absolute URI without a fragment.";
  if (!audience.every((name) => /^\P{Cc}{1,2048}$/u.test(name))) {
    return `Every audience must be 1 to ${MAX_TARGET_LENGTH} characters without control characters.`;
  }
  return null;
}

function isResource(text: string): boolean {
  const isUriText = text.length <= MAX_TARGET_LENGTH && /^[\x21-\x7E]+$/.test(text) && !text.includes("#");
  return isUriText && URL.canParse(text);
}

function detailsProblem(details: AuthorizationDetail[], supported: string[] | undefined): string | null {
  if (details.length > MAX_TARGETS || JSON.stringify(details).length > MAX_DETAILS_CHARACTERS) {
    return "The authorization details are too many or too long.";
  }
  if (supported === undefined) return null;
  return details.every(({ type }) => supported.includes(type))
    ? null
    : "The provider does not list the type of an authorization detail among those it supports.";
}
