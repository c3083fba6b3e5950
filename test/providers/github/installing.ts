import { withMetadata } from "./apps.ts";
import type { Context } from "./context.ts";
import type { Account, App, Installation, Permissions, Repository } from "./records.ts";
import { accountView, installationView, repositoryBrief, selectionOf } from "./views.ts";
import type { World } from "./world.ts";

export interface InstallOptions {
  /** `owner/name` or `name`; `all`, the default, includes those to come. */
  repositories?: "all" | string[];
  /** What the owner granted; the app's own permissions by default. */
  permissions?: Permissions;
  /** Login of who does it; the signed-in user by default. */
  by?: string;
  /** Login of the member whose request is granted by it. */
  requester?: string;
  /** false sends no event. */
  notify?: boolean;
}

/** What an owner of an account does with an installation; each resolves once its event was answered. */
export class Installing {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  async install(app: App, account: Account, options: InstallOptions = {}): Promise<Installation> {
    const { world } = this.#context;
    if (world.installationOf(app, account) !== undefined) throw new Error(`${app.slug} is installed already.`);
    const now = world.now();
    const installation: Installation = {
      id: world.nextId(),
      app,
      account,
      repositories: idsOf(world, account, options.repositories ?? "all"),
      permissions: withMetadata(options.permissions ?? app.permissions),
      events: [...app.events],
      suspended: null,
      createdAtMs: now,
      updatedAtMs: now,
    };
    world.installations.set(installation.id, installation);
    await this.#tell(installation, "created", options);
    return installation;
  }

  async uninstall(installation: Installation, options: InstallOptions = {}): Promise<void> {
    const { world } = this.#context;
    // Listed by the event as they were.
    const telling = this.#tell(installation, "deleted", options);
    world.installations.delete(installation.id);
    for (const token of world.tokens.values()) {
      if (token.kind === "installation" && token.installation === installation) token.revoked = true;
    }
    await telling;
  }

  async suspend(installation: Installation, options: InstallOptions = {}): Promise<void> {
    const { world } = this.#context;
    installation.suspended = { atMs: world.now(), by: this.#by(options) };
    await this.#tell(installation, "suspend", options);
  }

  async unsuspend(installation: Installation, options: InstallOptions = {}): Promise<void> {
    installation.suspended = null;
    await this.#tell(installation, "unsuspend", options);
  }

  async grant(installation: Installation, permissions: Permissions, options: InstallOptions = {}): Promise<void> {
    installation.permissions = withMetadata(permissions);
    await this.#tell(installation, "new_permissions_accepted", options);
  }

  /** Take `selected` in the place of what was; one event for what came, one for what went. */
  async select(installation: Installation, selected: "all" | string[], options: InstallOptions = {}): Promise<void> {
    const { world } = this.#context;
    const before = new Set(world.reach(installation));
    installation.repositories = idsOf(world, installation.account, selected);
    const after = new Set(world.reach(installation));
    installation.updatedAtMs = world.now();
    const added = [...after].filter((one) => !before.has(one));
    const removed = [...before].filter((one) => !after.has(one));
    if (added.length > 0) await this.#tellRepositories(installation, "added", added, options);
    if (removed.length > 0) await this.#tellRepositories(installation, "removed", removed, options);
  }

  /** The user withdraws what they agreed to: their tokens of the app end. */
  async revokeAuthorization(app: App, user: Account): Promise<void> {
    const { world, hooks } = this.#context;
    revokeUserTokens(world, app, user);
    await hooks.send(app, "github_app_authorization", { action: "revoked", sender: accountView(user, world) });
  }

  async #tell(installation: Installation, action: string, options: InstallOptions): Promise<void> {
    const { world, hooks } = this.#context;
    installation.updatedAtMs = world.now();
    if (options.notify === false) return;
    await hooks.send(installation.app, "installation", {
      action,
      installation: installationView(installation, world),
      repositories: world.reach(installation).map(repositoryBrief),
      requester: options.requester === undefined ? null : accountView(world.account(options.requester), world),
      sender: accountView(this.#by(options), world),
    });
  }

  async #tellRepositories(
    installation: Installation,
    action: "added" | "removed",
    repositories: Repository[],
    options: InstallOptions,
  ): Promise<void> {
    const { world, hooks } = this.#context;
    if (options.notify === false) return;
    const briefs = repositories.map(repositoryBrief);
    await hooks.send(installation.app, "installation_repositories", {
      action,
      installation: installationView(installation, world),
      repository_selection: selectionOf(installation),
      repositories_added: action === "added" ? briefs : [],
      repositories_removed: action === "removed" ? briefs : [],
      requester: null,
      sender: accountView(this.#by(options), world),
    });
  }

  #by(options: InstallOptions): Account {
    const { world } = this.#context;
    return world.account(options.by ?? world.settings.user);
  }
}

export function revokeUserTokens(world: World, app: App, user: Account): void {
  for (const token of world.tokens.values()) {
    if (token.kind === "user" && token.app === app && token.user === user) token.revoked = true;
  }
  world.authorized.delete(`${app.id}:${user.login}`);
}

/** Throws for a repository that the account does not have. */
function idsOf(world: World, account: Account, selected: "all" | string[]): "all" | Set<number> {
  if (selected === "all") return "all";
  const ids = selected.map((name) => {
    const repository = world.repository(account.login, name.split("/").at(-1) ?? "");
    if (repository === undefined) throw new Error(`${account.login} has no repository "${name}".`);
    return repository.id;
  });
  return new Set(ids);
}
