import { authenticateApp, authenticateToken } from "./authentication.ts";
import type { Context, Route } from "./context.ts";
import { type Call, empty, json, jsonBody, notFound, paginate, refuse, texts } from "./http.ts";
import {
  type App,
  type Installation,
  type InstallationToken,
  includes,
  isLevel,
  type Permissions,
  type Repository,
  type Settings,
} from "./records.ts";
import { opaqueInstallationToken, statelessToken, unprefixedInstallationToken } from "./token-formats.ts";
import { repositoryView, time } from "./views.ts";

const LIFETIME_MS = 3_600_000;
const MAX_REPOSITORIES = 500;
const UNKNOWN_REPOSITORY =
  "There is at least one repository that does not exist or is not accessible to the parent installation.";
const ABOUT = {
  documentation_url: "https://docs.github.com/rest/reference/apps#create-an-installation-access-token-for-an-app",
};
const NOT_GRANTED = "The permissions requested are not granted to this installation.";

/** https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app */
export function installationTokenRoutes({ world, jwts }: Context): Route[] {
  function format(call: Call): Settings["tokenFormat"] {
    const asked = call.headers["x-github-stateless-s2s-token"];
    if (!world.ghes && asked === "enabled") return "stateless";
    return !world.ghes && asked === "disabled" ? "opaque" : world.settings.tokenFormat;
  }

  function newToken(call: Call, app: App, installation: Installation, nowMs: number): string {
    switch (format(call)) {
      case "stateless":
        return statelessToken(app.id, installation.id, nowMs);
      case "opaque":
        return opaqueInstallationToken();
      case "unprefixed":
        return unprefixedInstallationToken();
    }
  }

  /** An installation token's own reach, today. */
  function reach(token: InstallationToken): Repository[] {
    const ids = token.repositoryIds;
    return world.reach(token.installation).filter((one) => ids === null || ids.has(one.id));
  }

  function installationToken(call: Call): InstallationToken {
    const token = authenticateToken(call, world);
    return token.kind === "installation" ? token : refuse(403, "Resource not accessible by integration");
  }

  return [
    {
      name: "mint",
      method: "POST",
      path: "/app/installations/:id/access_tokens",
      handle: (call) => {
        const app = authenticateApp(call, world, jwts);
        const installation = world.installations.get(Number(call.params.id));
        if (installation?.app !== app) notFound();
        if (installation.suspended !== null) refuse(403, "This installation has been suspended", ABOUT);
        const body = jsonBody(call);
        const permissions = narrowedPermissions(installation, body.permissions);
        const repositories = narrowedRepositories(world.reach(installation), body.repositories, body.repository_ids);
        const now = world.now();
        const value = newToken(call, app, installation, now);
        const token: InstallationToken = {
          kind: "installation",
          token: value,
          installation,
          permissions,
          repositoryIds: repositories === null ? null : new Set(repositories.map(({ id }) => id)),
          expiresAtMs: now + LIFETIME_MS,
          revoked: false,
        };
        world.tokens.set(value, token);
        const selected = repositories !== null || installation.repositories !== "all";
        return json(201, {
          token: value,
          expires_at: time(token.expiresAtMs),
          permissions,
          repository_selection: selected ? "selected" : "all",
          ...(repositories === null ? {} : { repositories: repositories.map((one) => repositoryView(one, world)) }),
        });
      },
    },
    {
      name: "revoke-installation-token",
      method: "DELETE",
      path: "/installation/token",
      handle: (call) => {
        installationToken(call).revoked = true;
        return empty(204);
      },
    },
    {
      name: "installation-repositories",
      method: "GET",
      path: "/installation/repositories",
      handle: (call) => {
        const token = installationToken(call);
        const all = reach(token);
        const { items, headers } = paginate(call, all);
        const selected = token.repositoryIds !== null || token.installation.repositories !== "all";
        const body = {
          total_count: all.length,
          repository_selection: selected ? "selected" : "all",
          repositories: items.map((one) => repositoryView(one, world)),
        };
        return json(200, body, headers);
      },
    },
  ];
}

/** All of the installation's if nothing is asked for. */
function narrowedPermissions(installation: Installation, asked: unknown): Permissions {
  if (asked === undefined || asked === null) return { ...installation.permissions };
  const wanted = texts(asked);
  if (wanted === null) refuse(422, "Invalid request.");
  if (Object.keys(wanted).length === 0) return { ...installation.permissions };
  const permissions: Permissions = {};
  for (const [name, level] of Object.entries(wanted)) {
    if (!isLevel(level) || !includes(installation.permissions, name, level)) refuse(422, NOT_GRANTED, ABOUT);
    permissions[name] = level;
  }
  return { ...permissions, metadata: "read" };
}

/** null if nothing is asked for, by names without their owner or by ids; an empty list asks for nothing. */
function narrowedRepositories(reach: readonly Repository[], names: unknown, ids: unknown): Repository[] | null {
  const wanted = [...list(names), ...list(ids)];
  if (wanted.length === 0) return null;
  if (wanted.length > MAX_REPOSITORIES) refuse(422, "Invalid request.\n\nNo more than 500 repositories are allowed.");
  const found = wanted.map((one) => {
    const same = (repository: Repository) =>
      typeof one === "string" ? repository.name.toLowerCase() === one.toLowerCase() : repository.id === one;
    return reach.find(same) ?? refuse(422, UNKNOWN_REPOSITORY, ABOUT);
  });
  return [...new Set(found)];
}

function list(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : refuse(422, "Invalid request.");
}
