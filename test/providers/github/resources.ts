import { authenticateToken } from "./authentication.ts";
import type { Context, Route } from "./context.ts";
import { type Call, json, jsonBody, notFound, paginate, refuse } from "./http.ts";
import {
  type InstallationToken,
  includes,
  isMember,
  type Level,
  type Permissions,
  type Repository,
  type UserToken,
} from "./records.ts";
import { accountView, issueView, nodeId, repositoryView } from "./views.ts";

/** A few resources whose use needs a permission. */
export function resourceRoutes({ world, hooks }: Context): Route[] {
  /** The permissions that a token has at a repository; null if it does not reach it. */
  function permissionsAt(token: InstallationToken | UserToken, repository: Repository): Permissions | null {
    if (token.kind === "installation") {
      const inside = token.repositoryIds === null || token.repositoryIds.has(repository.id);
      return inside && world.reach(token.installation).includes(repository) ? token.permissions : null;
    }
    const installation = world.installationOf(token.app, repository.owner);
    if (installation === undefined || installation.suspended !== null) return null;
    const both = isMember(repository.owner, token.user) && world.reach(installation).includes(repository);
    return both ? installation.permissions : null;
  }

  /** What is out of reach is 404, unless everybody may read it; a missing permission is 403. */
  function need(call: Call, permission: string, level: Level): { repository: Repository; by: string } {
    const token = authenticateToken(call, world);
    const repository = world.repository(call.params.owner ?? "", call.params.repo ?? "");
    if (repository === undefined) notFound();
    const permissions = permissionsAt(token, repository);
    const everybody = !repository.private && level === "read";
    if (permissions === null && repository.private) notFound();
    if (!everybody && (permissions === null || !includes(permissions, permission, level))) {
      refuse(403, "Resource not accessible by integration");
    }
    return { repository, by: token.kind === "user" ? token.user.login : `${token.installation.app.slug}[bot]` };
  }

  /** To every app on the repository's account that listens for them. */
  function tellOfIssue(repository: Repository, payload: Record<string, unknown>): void {
    for (const installation of world.installations.values()) {
      const { app, account, events, permissions, suspended } = installation;
      if (account !== repository.owner || suspended !== null || !world.reach(installation).includes(repository))
        continue;
      if (!events.includes("issues") || !includes(permissions, "issues", "read")) continue;
      const brief = { id: installation.id, node_id: nodeId("MDI", installation.id) };
      hooks.send(app, "issues", { ...payload, installation: brief }).catch(() => undefined);
    }
  }

  return [
    {
      name: "repository",
      method: "GET",
      path: "/repos/:owner/:repo",
      handle: (call) => json(200, repositoryView(need(call, "metadata", "read").repository, world)),
    },
    {
      name: "issues",
      method: "GET",
      path: "/repos/:owner/:repo/issues",
      handle: (call) => {
        const { repository } = need(call, "issues", "read");
        const { items, headers } = paginate(call, repository.issues);
        const views = items.map((one) => issueView(one, repository, world));
        return json(200, views, headers);
      },
    },
    {
      name: "create-issue",
      method: "POST",
      path: "/repos/:owner/:repo/issues",
      handle: (call) => {
        const { repository, by } = need(call, "issues", "write");
        const { title } = jsonBody(call);
        if (typeof title !== "string" || title === "") {
          refuse(422, "Validation Failed", { errors: [{ resource: "Issue", code: "missing_field", field: "title" }] });
        }
        const issue = { id: world.nextId(), number: repository.issues.length + 1, title, by };
        repository.issues.unshift(issue);
        const view = issueView(issue, repository, world);
        tellOfIssue(repository, {
          action: "opened",
          issue: view,
          repository: repositoryView(repository, world),
          ...(repository.owner.type === "Organization" ? { organization: accountView(repository.owner, world) } : {}),
          sender: { login: by, type: by.endsWith("[bot]") ? "Bot" : "User" },
        });
        return json(201, view, { location: String(view.url) });
      },
    },
  ];
}
