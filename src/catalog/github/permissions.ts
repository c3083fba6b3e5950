/**
 * The permissions that apps can have: those of
 * https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app, and those that only
 * https://docs.github.com/rest/authentication/permissions-required-for-github-apps names.
 */
const PERMISSIONS: ReadonlySet<string> = new Set(
  (
    "actions actions_variables administration artifact_metadata attestations checks code_quality codespaces " +
    "codespaces_lifecycle_admin codespaces_metadata codespaces_secrets contents copilot_requests " +
    "custom_properties_for_organizations dependabot_secrets deployments discussions email_addresses " +
    "enterprise_custom_properties_for_organizations environments followers gists git_signing_ssh_public_keys " +
    "git_ssh_keys gpg_keys interaction_limits issues keys members merge_queues metadata models " +
    "organization_administration organization_announcement_banners organization_api_insights " +
    "organization_campaigns organization_code_scanning_dismissal_requests organization_codespaces " +
    "organization_codespaces_secrets organization_codespaces_settings organization_copilot_seat_management " +
    "organization_custom_org_roles organization_custom_properties organization_custom_roles " +
    "organization_dependabot_secrets organization_events organization_hooks organization_knowledge_bases " +
    "organization_models organization_network_configurations organization_packages " +
    "organization_personal_access_token_requests organization_personal_access_tokens organization_plan " +
    "organization_private_registries organization_projects organization_secrets " +
    "organization_self_hosted_runners organization_user_blocking packages pages plan profile pull_requests " +
    "repository_advisories repository_custom_properties repository_hooks repository_projects " +
    "secret_scanning_alerts secrets security_events single_file starring statuses team_discussions user_events " +
    "vulnerability_alerts watching workflows"
  ).split(" "),
);

/** Each includes those before it. */
const LEVELS = ["read", "write", "admin"];

export type Permissions = Record<string, string>;

/** `name:level` as its two parts; null for anything that GitHub does not document. */
export function parsePermission(text: string): [name: string, level: string] | null {
  const [name = "", level = "", ...rest] = text.split(":");
  return PERMISSIONS.has(name) && LEVELS.includes(level) && rest.length === 0 ? [name, level] : null;
}

/** Whether `held` has that permission at that level. Every token may read metadata; nothing includes an unknown level. */
function includesPermission(held: Permissions, name: string, level: string): boolean {
  const has = held[name] ?? (name === "metadata" ? "read" : "");
  return LEVELS.includes(level) && LEVELS.indexOf(has) >= LEVELS.indexOf(level);
}

/** What of `wanted` is above `held`, as `name:level`. */
export function missingPermissions(held: Permissions, wanted: Permissions): string[] {
  return Object.entries(wanted).flatMap(([name, level]) =>
    includesPermission(held, name, level) ? [] : [`${name}:${level}`],
  );
}

/** The higher level of each. */
export function mergedPermissions(pairs: [name: string, level: string][]): Permissions {
  const merged: Permissions = {};
  for (const [name, level] of pairs) {
    if (merged[name] === undefined || !includesPermission(merged, name, level)) merged[name] = level;
  }
  return merged;
}

/** As they are written in authorization details. */
export function permissionTexts(permissions: Permissions): string[] {
  return Object.entries(permissions)
    .map(([name, level]) => `${name}:${level}`)
    .sort();
}
