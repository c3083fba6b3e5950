import type { Context, Route } from "./context.ts";
import { type Call, escapeHtml, notFound, page, parameters, type Reply, redirect } from "./http.ts";
import type { Installing } from "./installing.ts";
import { type Account, type App, isAdmin, isMember } from "./records.ts";

/** What a user chose on the page. */
interface Choice {
  account: Account;
  repositories: "all" | string[];
}

/** Where users install an app, https://docs.github.com/apps/sharing-github-apps/sharing-your-github-app */
export function installRoutes({ world }: Context, installing: Installing): Route[] {
  const user = () => world.account(world.settings.user);

  function install(app: App, { account, repositories }: Choice, state: string | undefined): Reply {
    if (!app.public && account !== app.owner) notFound();
    if (!isAdmin(account, user())) return leave(app, { state, setup_action: "request" });
    const existing = world.installationOf(app, account);
    if (existing === undefined) {
      // The browser goes on before the app has answered the event.
      installing.install(app, account, { repositories }).catch(() => undefined);
    } else {
      installing.select(existing, repositories).catch(() => undefined);
      if (!app.setupOnUpdate) return page(200, "Settings saved", `<p>${escapeHtml(app.name)}</p>`);
    }
    const id = world.installationOf(app, account)?.id;
    return leave(app, {
      installation_id: String(id),
      setup_action: existing === undefined ? "install" : "update",
      state,
    });
  }

  /** To the callback with a code where the app asks for the user, too; otherwise to its setup URL. */
  function leave(app: App, query: Record<string, string | undefined>): Reply {
    const [callback] = app.callbackUrls;
    if (app.requestOauthOnInstall && callback !== undefined) {
      const code = world.newCode({ app, user: user(), redirectUri: null, codeChallenge: null });
      return redirect(callback, { code, ...query });
    }
    if (app.setupUrl === null) return page(200, "Installed", `<p>${escapeHtml(app.name)}</p>`);
    return redirect(app.setupUrl, query);
  }

  function chosen(call: Call): Choice {
    const form = parameters(call);
    const { selection } = world.settings;
    const target = Number(form.get("target_id") ?? form.get("suggested_target_id"));
    const byId = [...world.accounts.values()].find((one) => one.id === target);
    const account = byId ?? (selection.account === "" ? user() : world.account(selection.account));
    const ids = [...form.getAll("repository_ids"), ...form.getAll("repository_ids[]")].map(Number);
    const names = world.repositoriesOf(account).flatMap(({ id, name }) => (ids.includes(id) ? [name] : []));
    if (form.get("repository_selection") === "all") return { account, repositories: "all" };
    if (names.length > 0 || form.has("repository_selection")) return { account, repositories: names };
    return { account, repositories: selection.repositories };
  }

  function question(call: Call, app: App): Reply {
    const { account } = chosen(call);
    const accounts = [...world.accounts.values()].filter((one) => isMember(one, user()));
    const options = accounts.map(
      (one) => `<option value="${one.id}"${one === account ? " selected" : ""}>${escapeHtml(one.login)}</option>`,
    );
    const boxes = accounts
      .flatMap((one) => world.repositoriesOf(one))
      .map(({ id, owner, name }) => {
        const label = escapeHtml(`${owner.login}/${name}`);
        return `<li><label><input type="checkbox" name="repository_ids" value="${id}"> ${label}</label></li>`;
      });
    const asks = Object.entries(app.permissions).map(([name, level]) => `<li>${escapeHtml(`${name}: ${level}`)}</li>`);
    const state = escapeHtml(call.url.searchParams.get("state") ?? "");
    return page(
      200,
      `Install ${app.name}`,
      `<form method="post" action="${escapeHtml(call.url.pathname)}">
${call.url.searchParams.has("state") ? `<input type="hidden" name="state" value="${state}">` : ""}
<label>Account <select name="target_id">${options.join("")}</select></label><ul>${asks.join("")}</ul>
<label><input type="radio" name="repository_selection" value="all" checked> All repositories</label>
<label><input type="radio" name="repository_selection" value="selected"> Only select repositories</label>
<ul>${boxes.join("")}</ul><button>Install</button></form>`,
    );
  }

  const appOf = (call: Call): App =>
    [...world.apps.values()].find((one) => one.slug === call.params.slug) ?? notFound();
  const show: Route["handle"] = (call) => {
    const app = appOf(call);
    const { consent } = world.settings;
    if (consent === "page") return question(call, app);
    if (consent === "deny") return page(200, "Cancelled", "");
    return install(app, chosen(call), call.url.searchParams.get("state") ?? undefined);
  };
  const decide: Route["handle"] = (call) =>
    install(appOf(call), chosen(call), parameters(call).get("state") ?? undefined);

  const base = `/${world.ghes ? "github-apps" : "apps"}/:slug`;
  return [
    {
      name: "app-page",
      method: "GET",
      path: base,
      handle: (call) =>
        page(200, appOf(call).name, `<a href="${escapeHtml(call.url.pathname)}/installations/new">Install</a>`),
    },
    { name: "install", method: "GET", path: `${base}/installations/new`, handle: show },
    { name: "install", method: "GET", path: `${base}/installations/new/permissions`, handle: show },
    { name: "install", method: "POST", path: `${base}/installations/new`, handle: decide },
    { name: "install", method: "POST", path: `${base}/installations/new/permissions`, handle: decide },
  ];
}
