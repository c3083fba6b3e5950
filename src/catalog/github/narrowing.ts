import { fail, ok, type Result } from "../../errors.ts";
import type { AuthorizationDetail, SubjectType, TokenGroup } from "../driver.ts";
import type { InstalledAt } from "../installations.ts";
import { requestedScopes } from "../scopes.ts";
import type { GitHubConfig } from "./config.ts";
import { type Narrowing, readDetails, writeDetails } from "./details.ts";
import { missingPermissions, type Permissions } from "./permissions.ts";

/**
 * The canonical group: no scopes, since apps have none, and one `github_app_installation` detail at most, for an app
 * token. With the installation, its owner is dropped and what it does not grant is refused. Fails with `invalid_scope`,
 * `invalid_target`, `client_installation_required` (`org` is another account), or `insufficient_scope` naming what is
 * missing.
 */
export function resolveGitHubGroup(
  _config: GitHubConfig,
  subject: SubjectType,
  group: TokenGroup,
  installation?: InstalledAt,
): Result<TokenGroup> {
  const scopes = requestedScopes(group.scopes);
  if (!scopes.ok) return scopes;
  if (scopes.value.length > 0) {
    return fail("invalid_scope", {
      message:
        subject === "user"
          ? "A GitHub App's user tokens have no scopes. Omit them."
          : "A GitHub App's tokens have no scopes. Narrow by authorizationDetails.",
    });
  }
  if (group.resources.length + group.audience.length > 0) {
    return fail("invalid_target", { message: "GitHub knows neither resources nor audiences. Omit them." });
  }
  const details = group.authorizationDetails;
  if (subject === "user" && details.length > 0) {
    return fail("invalid_target", { message: "A user's token cannot be narrowed. Omit authorizationDetails." });
  }
  const narrowing = readDetails(details);
  if (!narrowing.ok) return narrowing;
  const within = installation === undefined ? narrowing : withinInstallation(narrowing.value, installation);
  return within.ok ? ok(groupOf(within.value)) : within;
}

/** Without what goes without saying there. */
function withinInstallation(narrowing: Narrowing, { name, tenantId, details }: InstalledAt): Result<Narrowing> {
  const { owner, isOwnerOfRepositories, ...kept } = narrowing;
  // Anybody can call an account like another's id. So `org` of digits is an id, and the owner of repositories a login.
  const isId = isOwnerOfRepositories !== true && /^\d+$/.test(owner ?? "");
  if (owner !== undefined && owner !== (isId ? tenantId : name?.toLowerCase())) {
    const message = `The installation is of another account than ${owner}.`;
    return fail(isOwnerOfRepositories ? "insufficient_scope" : "client_installation_required", { message });
  }
  const granted = grantedPermissions(details);
  const missing = granted === null ? [] : missingPermissions(granted, kept.permissions ?? {});
  return missing.length === 0 ? ok(kept) : notGranted(missing);
}

/** 403 `insufficient_scope`, naming permissions that the installation does not have. */
export function notGranted(missing: string[]): Result<never> {
  return fail("insufficient_scope", {
    message: `The installation was not granted ${missing.join(", ")}. Have the account's owner accept it at GitHub.`,
  });
}

/** What the tenant granted, as far as it is known. */
export function grantedPermissions({ permissions }: InstalledAt["details"]): Permissions | null {
  if (typeof permissions !== "object" || permissions === null) return null;
  return Object.fromEntries(Object.entries(permissions).filter(([, level]) => typeof level === "string"));
}

/**
 * The group within a link's ceiling: above it is `permission_not_allowed` (C-14), defaults shrink to it. Names without
 * an owner are the ceiling's owner's. A ceiling that says nothing usable is `invalid_target`.
 */
export function withinDetails(group: TokenGroup, ceiling: AuthorizationDetail[]): Result<TokenGroup> {
  const asked = readDetails(group.authorizationDetails);
  if (!asked.ok) return asked;
  const allowed = readDetails(ceiling);
  if (!allowed.ok) return allowed;
  const { permissions, repositories, owner } = allowed.value;
  const wanted = asked.value;
  if (owner !== undefined && wanted.owner !== undefined && wanted.owner !== owner) return notAllowed(wanted.owner);
  const above = permissions === undefined ? [] : missingPermissions(permissions, wanted.permissions ?? {});
  const outside =
    repositories === undefined ? [] : (wanted.repositories ?? []).filter((name) => !repositories.includes(name));
  const refused = [...above, ...outside];
  return refused.length === 0 ? ok(groupOf({ ...allowed.value, ...wanted })) : notAllowed(refused.join(", "));
}

function notAllowed(what: string): Result<never> {
  return fail("permission_not_allowed", { message: `The project's link does not allow ${what}.` });
}

/** Which account a request is for by itself. */
export function accountNamedBy({ authorizationDetails }: TokenGroup): string | null {
  const narrowing = readDetails(authorizationDetails);
  return narrowing.ok ? (narrowing.value.owner ?? null) : null;
}

function groupOf(narrowing: Narrowing): TokenGroup {
  return { scopes: [], resources: [], audience: [], authorizationDetails: writeDetails(narrowing) };
}
