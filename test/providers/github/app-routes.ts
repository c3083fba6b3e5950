import { authenticateApp } from "./authentication.ts";
import type { Context, Route } from "./context.ts";
import { type Call, empty, json, jsonBody, notFound, paginate } from "./http.ts";
import type { Installing } from "./installing.ts";
import type { Account, App, Installation } from "./records.ts";
import { appView, installationView } from "./views.ts";

/** What an app does as itself, by JWT. https://docs.github.com/rest/apps/apps */
export function appRoutes({ world, jwts }: Context, installing: Installing): Route[] {
  const appOf = (call: Call): App => authenticateApp(call, world, jwts);

  /** The installation that the path names, if it is the app's own. */
  function installationOf(call: Call): Installation {
    const app = appOf(call);
    const installation = world.installations.get(Number(call.params.id));
    return installation?.app === app ? installation : notFound();
  }

  function installationAt(call: Call, account: Account | undefined): Installation {
    const app = appOf(call);
    return (account === undefined ? undefined : world.installationOf(app, account)) ?? notFound();
  }

  const login = (call: Call, name: string) => world.accounts.get((call.params[name] ?? "").toLowerCase());
  const answer = (installation: Installation) => json(200, installationView(installation, world));
  const hookView = (app: App) => ({
    content_type: "json",
    insecure_ssl: "0",
    ...(app.webhookSecret === null ? {} : { secret: "********" }),
    url: app.hookUrl ?? "",
  });

  return [
    {
      name: "app",
      method: "GET",
      path: "/app",
      handle: (call) => {
        const app = appOf(call);
        const count = [...world.installations.values()].filter((one) => one.app === app).length;
        return json(200, { ...appView(app, world), installations_count: count });
      },
    },
    {
      name: "hook-config",
      method: "GET",
      path: "/app/hook/config",
      handle: (call) => json(200, hookView(appOf(call))),
    },
    {
      name: "hook-config",
      method: "PATCH",
      path: "/app/hook/config",
      handle: (call) => {
        const app = appOf(call);
        const { url, secret } = jsonBody(call);
        if (typeof url === "string") app.hookUrl = url;
        if (typeof secret === "string") app.webhookSecret = secret;
        return json(200, hookView(app));
      },
    },
    {
      name: "installations",
      method: "GET",
      path: "/app/installations",
      handle: (call) => {
        const app = appOf(call);
        const own = [...world.installations.values()].filter((one) => one.app === app);
        const { items, headers } = paginate(call, own);
        const views = items.map((one) => installationView(one, world));
        return json(200, views, headers);
      },
    },
    {
      name: "installation",
      method: "GET",
      path: "/app/installations/:id",
      handle: (call) => answer(installationOf(call)),
    },
    {
      name: "installation-of",
      method: "GET",
      path: "/orgs/:org/installation",
      handle: (call) => {
        const account = login(call, "org");
        return answer(installationAt(call, account?.type === "Organization" ? account : undefined));
      },
    },
    {
      name: "installation-of",
      method: "GET",
      path: "/users/:username/installation",
      handle: (call) => answer(installationAt(call, login(call, "username"))),
    },
    {
      name: "installation-of",
      method: "GET",
      path: "/repos/:owner/:repo/installation",
      handle: (call) => {
        const installation = installationAt(call, login(call, "owner"));
        const repository = world.repository(call.params.owner ?? "", call.params.repo ?? "");
        return repository !== undefined && world.reach(installation).includes(repository)
          ? answer(installation)
          : notFound();
      },
    },
    {
      name: "uninstall",
      method: "DELETE",
      path: "/app/installations/:id",
      handle: (call) => {
        installing.uninstall(installationOf(call)).catch(() => undefined);
        return empty(204);
      },
    },
    {
      name: "suspend",
      method: "PUT",
      path: "/app/installations/:id/suspended",
      handle: (call) => {
        installing.suspend(installationOf(call)).catch(() => undefined);
        return empty(204);
      },
    },
    {
      name: "unsuspend",
      method: "DELETE",
      path: "/app/installations/:id/suspended",
      handle: (call) => {
        installing.unsuspend(installationOf(call)).catch(() => undefined);
        return empty(204);
      },
    },
  ];
}
