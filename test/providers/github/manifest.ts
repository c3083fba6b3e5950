import { type AppSettings, registerApp, slugOf } from "./apps.ts";
import type { Context, Route } from "./context.ts";
import { problemsOf } from "./events.ts";
import { type Call, escapeHtml, isObject, json, notFound, page, parameters, type Reply, redirect } from "./http.ts";
import { type Account, isAdmin, isLevel, type Permissions } from "./records.ts";
import { hex } from "./token-formats.ts";
import { appView } from "./views.ts";

const CODE_LIFETIME_MS = 3_600_000;
const MAX_NAME_LENGTH = 34;
const MAX_CALLBACK_URLS = 10;

/** https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest */
export function manifestRoutes({ world, hooks }: Context): Route[] {
  const pages = (owner: (call: Call) => Account): Pick<Route, "handle"> => ({
    handle: async (call) => {
      const form = parameters(call);
      const state = form.get("state") ?? undefined;
      const judged = readManifest(form.get("manifest") ?? "");
      if (judged.settings === null) return invalid(judged.problems);
      const by = world.account(world.settings.user);
      const account = owner(call);
      if (!isAdmin(account, by)) notFound();
      if (world.settings.consent === "deny") return page(200, "Cancelled", "");
      if (world.settings.consent === "page" && form.get("agreed") !== "1") {
        return question(call, account, judged.settings.name, form);
      }
      const name = form.get("name") ?? judged.settings.name;
      if ([...world.apps.values()].some((one) => one.slug === slugOf(name))) {
        return invalid(["Name is already taken"]);
      }
      const { app, pem } = await registerApp(world, { ...judged.settings, name, owner: account.login });
      const code = hex(40);
      world.manifestCodes.set(code, { app, pem, expiresAtMs: world.now() + CODE_LIFETIME_MS });
      const hook = { type: "App", id: app.hookId, name: "web", active: true, events: app.events, app_id: app.id };
      hooks.send(app, "ping", { zen: "Keep it logically awesome.", hook_id: app.hookId, hook }).catch(() => undefined);
      if (judged.redirectUrl === null) return page(200, app.name, "<p>The app was created.</p>");
      return redirect(judged.redirectUrl, { code, state });
    },
  });
  return [
    {
      name: "new-app",
      method: "POST",
      path: "/settings/apps/new",
      ...pages(() => world.account(world.settings.user)),
    },
    {
      name: "new-app",
      method: "POST",
      path: "/organizations/:org/settings/apps/new",
      ...pages((call) => world.accounts.get((call.params.org ?? "").toLowerCase()) ?? notFound()),
    },
  ];
}

/** The other half, of the API. https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest */
export function conversionRoute({ world }: Context): Route {
  return {
    name: "convert",
    method: "POST",
    path: "/app-manifests/:code/conversions",
    handle: (call) => {
      const code = call.params.code ?? "";
      const created = world.manifestCodes.get(code);
      world.manifestCodes.delete(code);
      if (created === undefined || created.expiresAtMs <= world.now()) notFound();
      const { app, pem } = created;
      return json(201, {
        ...appView(app, world),
        client_id: app.clientId,
        client_secret: app.clientSecret,
        webhook_secret: app.webhookSecret,
        pem,
      });
    },
  };
}

interface Judged {
  settings: AppSettings | null;
  redirectUrl: string | null;
  problems: string[];
}

function readManifest(text: string): Judged {
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch {
    manifest = null;
  }
  if (!isObject(manifest)) return { settings: null, redirectUrl: null, problems: ["Manifest is not valid JSON"] };
  const problems: string[] = [];
  const string = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
  const strings = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => string(one)) : []);
  const url = string(manifest.url);
  if (url === undefined) problems.push("url is required");
  const hook = isObject(manifest.hook_attributes) ? manifest.hook_attributes : null;
  const hookUrl = string(hook?.url);
  if (hook !== null && hookUrl === undefined) problems.push("hook_attributes.url is required");
  const permissions: Permissions = {};
  for (const [name, level] of Object.entries(
    isObject(manifest.default_permissions) ? manifest.default_permissions : {},
  )) {
    if (isLevel(level)) permissions[name] = level;
    else problems.push(`default_permissions.${name} is invalid`);
  }
  const events = strings(manifest.default_events);
  problems.push(...problemsOf(events, permissions));
  const callbackUrls = strings(manifest.callback_urls);
  if (callbackUrls.length > MAX_CALLBACK_URLS) problems.push("callback_urls has more than 10 entries");
  const name = string(manifest.name) ?? "";
  if (name.length > MAX_NAME_LENGTH) problems.push("Name is too long (maximum is 34 characters)");
  const setupUrl = string(manifest.setup_url);
  const description = string(manifest.description);
  const settings: AppSettings = {
    name,
    url: url ?? "",
    callbackUrls,
    permissions,
    events,
    public: manifest.public === true,
    setupOnUpdate: manifest.setup_on_update === true,
    requestOauthOnInstall: manifest.request_oauth_on_install === true,
    ...(hookUrl === undefined || hook?.active === false ? {} : { hookUrl }),
    ...(setupUrl === undefined ? {} : { setupUrl }),
    ...(description === undefined ? {} : { description }),
  };
  return {
    settings: problems.length === 0 ? settings : null,
    redirectUrl: string(manifest.redirect_url) ?? null,
    problems,
  };
}

function invalid(problems: string[]): Reply {
  const items = problems.map((problem) => `<li>${escapeHtml(problem)}</li>`).join("");
  return page(422, "Invalid GitHub App configuration", `<ul>${items}</ul>`);
}

function question(call: Call, owner: Account, name: string, form: URLSearchParams): Reply {
  const hidden = ["manifest", "state"]
    .filter((field) => form.has(field))
    .map((field) => `<input type="hidden" name="${field}" value="${escapeHtml(form.get(field) ?? "")}">`);
  return page(
    200,
    "Register new GitHub App",
    `<form method="post" action="${escapeHtml(call.url.pathname)}">${hidden.join("")}
<input type="hidden" name="agreed" value="1">
<label>GitHub App name <input name="name" value="${escapeHtml(name)}"></label>
<button>Create GitHub App for ${escapeHtml(owner.login)}</button></form>`,
  );
}
