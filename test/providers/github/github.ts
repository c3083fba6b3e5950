import { createServer, type Server } from "node:http";
import { appRoutes } from "./app-routes.ts";
import type { SeenAppJwts } from "./authentication.ts";
import type { Context } from "./context.ts";
import { type Control, control } from "./control.ts";
import { Faults } from "./faults.ts";
import { installRoutes } from "./install-pages.ts";
import { installationTokenRoutes } from "./installation-tokens.ts";
import { Installing } from "./installing.ts";
import { conversionRoute, manifestRoutes } from "./manifest.ts";
import { oauthRoutes } from "./oauth.ts";
import { RequestLog } from "./request-log.ts";
import { resourceRoutes } from "./resources.ts";
import { Service } from "./service.ts";
import { userRoutes } from "./user-routes.ts";
import { Webhooks } from "./webhooks.ts";
import { World } from "./world.ts";

export interface FakeGitHubOptions {
  /** Milliseconds since the epoch; the machine's clock by default. */
  clock?: () => number;
  /** Of the web host; the API of the `github.com` layout has the next one. 0, the default, takes any that are free. */
  port?: number;
  /** `github.com`, the default, has an origin for the API; `ghes` has it at `/api/v3` of the web host. */
  layout?: "github.com" | "ghes";
  /** `localhost` is another site than the 127.0.0.1 of a Worker, as a provider is; 127.0.0.1 by default. */
  host?: "127.0.0.1" | "localhost";
}

export interface FakeGitHub extends Control {
  /** Where browsers go, and codes become tokens. */
  webOrigin: string;
  /** Base of the REST API, without a slash at its end. */
  apiBase: string;
  faults: Faults;
  stop(): Promise<void>;
}

/**
 * Start a GitHub on loopback, over plain HTTP: registering apps by manifest, installing them, tokens of installations
 * and users, a few resources, and signed webhooks. It starts with the users `octocat` (signed in) and `hubot`, the
 * organizations `acme` and `globex`, and some private repositories. `POST {webOrigin}/_control` with
 * `{"call": name, "args": []}` does what the method of that name does.
 */
export async function startFakeGitHub(options: FakeGitHubOptions = {}): Promise<FakeGitHub> {
  const { clock = Date.now, port = 0, layout = "github.com", host = "127.0.0.1" } = options;
  const ghes = layout === "ghes";
  const web = createServer();
  const api = ghes ? web : createServer();
  const webOrigin = await listen(web, port, host);
  const apiBase = ghes ? `${webOrigin}/api/v3` : await listen(api, port === 0 ? 0 : port + 1, host);

  const world = new World({ web: webOrigin, api: apiBase, ghes }, clock);
  populate(world);
  const jwts: SeenAppJwts = { latest: null, distinct: new Set() };
  const context: Context = { world, hooks: new Webhooks(world), jwts };
  const installing = new Installing(context);
  const faults = new Faults();
  const log = new RequestLog();
  const controls = control(context, installing, log);

  const apiService = new Service(world, faults, log, [
    ...appRoutes(context, installing),
    ...installationTokenRoutes(context),
    ...userRoutes(context),
    ...resourceRoutes(context),
    conversionRoute(context),
  ]);
  const webService = new Service(world, faults, log, [
    ...manifestRoutes(context),
    ...installRoutes(context, installing),
    ...oauthRoutes(context),
    controls.route(faults),
  ]);
  const base = new URL(apiBase).pathname.replace(/\/$/, "");
  web.on("request", (request, response) => {
    const url = new URL(request.url ?? "/", webOrigin);
    const toApi = ghes && url.pathname.startsWith(`${base}/`);
    const answered = toApi
      ? apiService.answer(request, response, url, url.pathname.slice(base.length), true)
      : webService.answer(request, response, url, url.pathname, false);
    answered.catch(() => response.destroy());
  });
  if (!ghes) {
    api.on("request", (request, response) => {
      const url = new URL(request.url ?? "/", apiBase);
      apiService.answer(request, response, url, url.pathname, true).catch(() => response.destroy());
    });
  }
  return {
    ...controls.methods,
    webOrigin,
    apiBase,
    faults,
    async stop() {
      faults.clear();
      await Promise.all([...new Set([web, api])].map(close));
    },
  };
}

function populate(world: World): void {
  world.addAccount("octocat", "User");
  world.addAccount("hubot", "User");
  world.addAccount("acme", "Organization", ["octocat"], ["hubot"]);
  world.addAccount("globex", "Organization", ["octocat"]);
  for (const name of ["acme/web", "acme/api", "acme/infra", "globex/site", "octocat/notes"]) {
    world.addRepository(name, true);
  }
}

async function listen(server: Server, port: number, host: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The fake GitHub has no TCP address.");
  return `http://${host}:${address.port}`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((settle) => {
    server.close(() => settle());
  });
  server.closeAllConnections();
  await closed;
}
