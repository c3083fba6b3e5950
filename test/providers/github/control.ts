import { type AppCredentials, type AppSettings, addKey, credentialsOf, registerApp } from "./apps.ts";
import { refreshTokenState, tokenState } from "./authentication.ts";
import type { Context, Route } from "./context.ts";
import type { Faults } from "./faults.ts";
import { type Json, json, jsonBody } from "./http.ts";
import type { Installing, InstallOptions } from "./installing.ts";
import type { App, Installation, Permissions, Settings } from "./records.ts";
import type { RequestLog, SeenRequest } from "./request-log.ts";
import { accountView, installationView, nodeId } from "./views.ts";
import type { Delivery } from "./webhooks.ts";

/** What the fake says of a token. */
export type TokenState = "valid" | "revoked" | "expired" | "unknown";

/** What can be done to the fake and asked of it. Apps are named by id or slug, installations by id, accounts by login. */
export interface Control {
  configure(change: Partial<Settings>): void;
  addUser(login: string): number;
  addOrganization(login: string, people?: { admins?: string[]; members?: string[] }): number;
  /** `owner/name`; private unless said otherwise. */
  addRepository(fullName: string, options?: { private?: boolean }): number;

  registerApp(settings: AppSettings): Promise<AppCredentials>;
  /** Change what the app's owner can change on its page; installations keep the permissions that they have. */
  changeApp(app: number | string, change: Partial<ChangeableApp>): void;
  /** The PEM of one more key; with `only`, of the only one. */
  addKey(app: number | string, options?: { only?: boolean }): Promise<string>;

  /** The new installation's id, once the app has answered the event. */
  install(app: number | string, account: string, options?: InstallOptions): Promise<number>;
  uninstall(installation: number, options?: InstallOptions): Promise<void>;
  suspend(installation: number, options?: InstallOptions): Promise<void>;
  unsuspend(installation: number, options?: InstallOptions): Promise<void>;
  /** To an installation of selected repositories. */
  addRepositories(installation: number, names: string[], options?: InstallOptions): Promise<void>;
  removeRepositories(installation: number, names: string[], options?: InstallOptions): Promise<void>;
  /** The owner accepts other permissions. */
  grant(installation: number, permissions: Permissions, options?: InstallOptions): Promise<void>;
  revokeAuthorization(app: number | string, login: string): Promise<void>;
  /** As `GET /app/installations` shows them. */
  installations(app: number | string): Json[];

  /**
   * Any event that the app is sent, null otherwise; `installation` adds the members that every event of an installation
   * has, `secret` signs instead.
   */
  sendEvent(
    app: number | string,
    event: string,
    payload: Json,
    options?: { installation?: number; secret?: string },
  ): Promise<Delivery | null>;
  redeliver(guid: string): Promise<Delivery>;
  /** Resolves once no webhook is under way. */
  settled(): Promise<void>;

  /** Requests of a route, e.g. `mint`; of all routes without a name. */
  count(route?: string): number;
  requests(route?: string): SeenRequest[];
  deliveries(): Delivery[];
  /** Header and claims of the latest JWT of an app, whether it was accepted or not. */
  latestAppJwt(): { header: Json; claims: Json } | null;
  /** How many different JWTs of apps there were. */
  appJwts(): number;
  /** Every token of an installation or a user, and every refresh token, that was handed out. */
  issued(): string[];
  tokenState(token: string): TokenState;
}

type ChangeableApp = Pick<
  App,
  | "hookUrl"
  | "webhookSecret"
  | "clientSecret"
  | "callbackUrls"
  | "setupUrl"
  | "setupOnUpdate"
  | "requestOauthOnInstall"
  | "public"
  | "permissions"
  | "events"
  | "expireUserTokens"
>;

export function control(
  context: Context,
  installing: Installing,
  log: RequestLog,
): { methods: Control; route(faults: Faults): Route } {
  const { world, hooks, jwts } = context;
  const installation = (id: number): Installation => {
    const found = world.installations.get(id);
    if (found === undefined) throw new Error(`The fake GitHub has no installation ${id}.`);
    return found;
  };
  const selected = (id: number) => world.reach(installation(id)).map(({ name }) => name);

  const methods: Control = {
    configure: (change) => void Object.assign(world.settings, change),
    addUser: (login) => world.addAccount(login, "User").id,
    addOrganization: (login, { admins = [world.settings.user], members = [] } = {}) =>
      world.addAccount(login, "Organization", admins, members).id,
    addRepository: (fullName, options = {}) => world.addRepository(fullName, options.private ?? true).id,
    async registerApp(settings) {
      const { app, pem } = await registerApp(world, settings);
      return credentialsOf(app, pem);
    },
    changeApp: (app, change) => void Object.assign(world.app(app), change, { updatedAtMs: world.now() }),
    addKey: (app, { only = false } = {}) => addKey(world.app(app), only),
    async install(app, account, options = {}) {
      return (await installing.install(world.app(app), world.account(account), options)).id;
    },
    uninstall: (id, options) => installing.uninstall(installation(id), options),
    suspend: (id, options) => installing.suspend(installation(id), options),
    unsuspend: (id, options) => installing.unsuspend(installation(id), options),
    addRepositories: (id, names, options) => installing.select(installation(id), [...selected(id), ...names], options),
    removeRepositories: (id, names, options) => {
      const removed = new Set(names.map((name) => name.split("/").at(-1)));
      const kept = selected(id).filter((name) => !removed.has(name));
      return installing.select(installation(id), kept, options);
    },
    grant: (id, permissions, options) => installing.grant(installation(id), permissions, options),
    revokeAuthorization: (app, login) => installing.revokeAuthorization(world.app(app), world.account(login)),
    installations: (app) =>
      [...world.installations.values()]
        .filter((one) => one.app === world.app(app))
        .map((one) => installationView(one, world)),
    sendEvent(app, event, payload, options = {}) {
      const { installation: id, secret } = options;
      const extra = id === undefined ? {} : eventMembers(installation(id));
      return hooks.send(world.app(app), event, { ...extra, ...payload }, ...(secret === undefined ? [] : [secret]));
    },
    redeliver: (guid) => hooks.redeliver(guid),
    settled: () => hooks.settled(),
    count: (route) => log.count(route),
    requests: (route) => log.latest(route),
    deliveries: () => [...hooks.deliveries],
    latestAppJwt: () => jwts.latest,
    appJwts: () => jwts.distinct.size,
    issued: () =>
      [...world.tokens.values()].flatMap((one) =>
        one.kind === "user" && one.refreshToken !== null ? [one.token, one.refreshToken] : [one.token],
      ),
    tokenState(token) {
      const found = world.tokens.get(token);
      if (found !== undefined) return tokenState(found, world);
      const refreshed = world.refreshTokens.get(token);
      return refreshed === undefined ? "unknown" : refreshTokenState(refreshed, world);
    },
  };

  function eventMembers({ id, account }: Installation): Json {
    return {
      installation: { id, node_id: nodeId("MDI", id) },
      ...(account.type === "Organization" ? { organization: accountView(account, world) } : {}),
      sender: accountView(world.account(world.settings.user), world),
    };
  }

  /** The same from another process, e.g. of tests that run inside workerd. */
  const route = (faults: Faults): Route => ({
    name: "control",
    method: "POST",
    path: "/_control",
    handle: async (call) => {
      const { call: name, args } = jsonBody(call);
      const all: Record<string, unknown> = {
        ...methods,
        "faults.next": faults.next.bind(faults),
        "faults.always": faults.always.bind(faults),
        "faults.clear": faults.clear.bind(faults),
        "faults.held": faults.held.bind(faults),
        "faults.release": faults.release.bind(faults),
      };
      const method = typeof name === "string" ? all[name] : undefined;
      if (typeof method !== "function") return json(404, { message: `There is no "${String(name)}".` });
      const result: unknown = await Reflect.apply(method, undefined, Array.isArray(args) ? args : []);
      return json(200, { result: result ?? null });
    },
  });
  return { methods, route };
}
