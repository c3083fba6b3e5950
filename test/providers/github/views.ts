import type { Json } from "./http.ts";
import type { Account, App, Installation, Issue, Repository } from "./records.ts";
import type { World } from "./world.ts";

// The members that GitHub documents as always present, as far as they say something.

export function time(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().replace(".000Z", "Z");
}

export function nodeId(kind: string, id: number): string {
  return `${kind}_${Buffer.from(String(id)).toString("base64url")}`;
}

/** A "simple user", which organizations are, too. */
export function accountView(account: Account, world: World): Json {
  const { id, login, type } = account;
  const url = `${world.api}/users/${login}`;
  return {
    login,
    id,
    node_id: nodeId(type === "User" ? "U" : "O", id),
    avatar_url: `${world.web}/avatars/${id}`,
    gravatar_id: "",
    url,
    html_url: `${world.web}/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type,
    user_view_type: "public",
    site_admin: false,
  };
}

export function appHtmlUrl(app: App, world: World): string {
  return `${world.web}/${world.ghes ? "github-apps" : "apps"}/${app.slug}`;
}

export function appView(app: App, world: World): Json {
  return {
    id: app.id,
    client_id: app.clientId,
    slug: app.slug,
    node_id: nodeId("A", app.id),
    owner: accountView(app.owner, world),
    name: app.name,
    description: app.description,
    external_url: app.externalUrl,
    html_url: appHtmlUrl(app, world),
    created_at: time(app.createdAtMs),
    updated_at: time(app.updatedAtMs),
    permissions: { ...app.permissions },
    events: [...app.events],
  };
}

export function installationView(installation: Installation, world: World): Json {
  const { id, app, account, suspended } = installation;
  const settings = account.type === "User" ? "settings" : `organizations/${account.login}/settings`;
  return {
    id,
    client_id: app.clientId,
    account: accountView(account, world),
    repository_selection: selectionOf(installation),
    access_tokens_url: `${world.api}/app/installations/${id}/access_tokens`,
    repositories_url: `${world.api}/installation/repositories`,
    html_url: `${world.web}/${settings}/installations/${id}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: account.id,
    target_type: account.type,
    permissions: { ...installation.permissions },
    events: [...installation.events],
    created_at: time(installation.createdAtMs),
    updated_at: time(installation.updatedAtMs),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: suspended === null ? null : accountView(suspended.by, world),
    suspended_at: suspended === null ? null : time(suspended.atMs),
  };
}

export function selectionOf(installation: Installation): "all" | "selected" {
  return installation.repositories === "all" ? "all" : "selected";
}

/** As installation events name repositories. */
export function repositoryBrief(repository: Repository): Json {
  const { id, name, owner } = repository;
  return {
    id,
    node_id: nodeId("R", id),
    name,
    full_name: `${owner.login}/${name}`,
    private: repository.private,
  };
}

export function repositoryView(repository: Repository, world: World): Json {
  const { name, owner } = repository;
  const url = `${world.api}/repos/${owner.login}/${name}`;
  return {
    ...repositoryBrief(repository),
    owner: accountView(owner, world),
    html_url: `${world.web}/${owner.login}/${name}`,
    description: null,
    fork: false,
    url,
    issues_url: `${url}/issues{/number}`,
    clone_url: `${world.web}/${owner.login}/${name}.git`,
    default_branch: "main",
    visibility: repository.private ? "private" : "public",
    archived: false,
    disabled: false,
    open_issues_count: repository.issues.length,
  };
}

export function issueView(issue: Issue, repository: Repository, world: World): Json {
  const path = `${repository.owner.login}/${repository.name}/issues/${issue.number}`;
  return {
    id: issue.id,
    node_id: nodeId("I", issue.id),
    number: issue.number,
    title: issue.title,
    state: "open",
    url: `${world.api}/repos/${path}`,
    html_url: `${world.web}/${path}`,
    repository_url: `${world.api}/repos/${repository.owner.login}/${repository.name}`,
    user: { login: issue.by, type: issue.by.endsWith("[bot]") ? "Bot" : "User" },
    labels: [],
    comments: 0,
    body: null,
  };
}
