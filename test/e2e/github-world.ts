import { createHash, randomBytes } from "node:crypto";
import { operatorGoes } from "../../scripts/demo/operator-goes.ts";
import { SmallBrowser, type SmallBrowserOptions } from "../../scripts/demo/small-browser.ts";
import type { AppSettings } from "../providers/github/apps.ts";
import type { FakeGitHub } from "../providers/github/github.ts";
import type { App } from "./app.ts";
import { type Answer, isObject, type Json, text } from "./http.ts";
import { tokenResponse } from "./schemas.ts";
import type { Team } from "./team.ts";

export const DETAIL_TYPE = "github_app_installation";

/** An app that was registered through the browser, and where it is installed. */
export interface Registered {
  uid: string;
  id: string;
  slug: string;
  /** Of the organization that it was installed in at once. */
  installationId: string;
  /** Of its routes. */
  path: string;
}

/** One that somebody else registered, with what is copied from its page. */
export interface ByHand {
  uid: string;
  id: string;
  slug: string;
  path: string;
  appId: number;
  pem: string;
  clientSecret: string;
  /** What its webhooks are signed with. */
  secret: string;
}

export interface Started {
  url: string;
  verifier: string;
}

/** What operators, workloads and users do with GitHub, through the public API and a small browser alone. */
export function githubWorld(team: Team, github: FakeGitHub, app: App) {
  const { server, owner } = team;
  const call = (status: number, method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: Json) =>
    server.expect(status, { method, path, token: owner, ...(body !== undefined && { body }) });

  const world = {
    call,

    /** Who opens one of our own pages agrees there, and at GitHub. Where that ends. */
    walk: (url: string, browser = new SmallBrowser()) => operatorGoes(browser, url),

    /** Whoever is signed in at GitHub chooses this account and these repositories. */
    choose(account: string, repositories: "all" | string[] = "all"): void {
      github.configure({ selection: { account, repositories } });
    },

    /** An operator begins to have an app registered, which the app's repositories and permissions are asked for. */
    async startRegistration(uid: string, fields: Json = {}, data: Json = {}): Promise<Started> {
      const verifier = randomBytes(32).toString("base64url");
      const refused = await call(422, "POST", "/v1/connect/connectors/managed?autoinstall=true", {
        service: "github",
        uid,
        name: uid.replace("/", " "),
        // What is taken away is gone at once.
        leaseSeconds: 0,
        request_code: createHash("sha256").update(verifier).digest("base64url"),
        data: {
          host: github.webOrigin,
          apiUrl: github.apiBase,
          public: true,
          permissions: ["contents:read", "issues:write"],
          ...data,
        },
        ...fields,
      });
      return { verifier, url: text(refused, "error.registerUrl") };
    },

    /** Registered, installed in `acme`, and linked. */
    async register(uid: string, fields: Json = {}): Promise<Registered> {
      world.choose("acme", ["web", "api"]);
      const { url, verifier } = await world.startRegistration(uid, fields);
      await world.walk(url);
      const result = await world.result(verifier);
      const path = `/v1/connect/connectors/${encodeURIComponent(uid)}`;
      const connector = await call(200, "GET", path);
      const environments = { environments: ["production"] };
      await team.link(uid, "linked", { ...environments, returnOrigins: [app.origin], webhookOrigins: [app.origin] });
      return {
        uid,
        id: text(connector, "id"),
        slug: text(connector, "data.appSlug"),
        installationId: text(result, "data.installationId"),
        path,
      };
    },

    /**
     * A connector of an app that was registered by hand at GitHub, whose events reach it, and that nobody has installed.
     */
    async connect(uid: string, permissions: AppSettings["permissions"] = {}): Promise<ByHand> {
      const credentials = await github.registerApp({
        name: uid.replace("/", " "),
        hookUrl: "http://127.0.0.1:1/not-yet",
        permissions: { contents: "read", issues: "write", ...permissions },
        events: ["issues"],
      });
      const { id: appId, slug, name: appName, clientId, clientSecret, pem, webhookSecret } = credentials;
      const created = await call(201, "POST", "/v1/connect/connectors", {
        type: "github",
        uid,
        name: appName,
        leaseSeconds: 0,
        triggers: true,
        data: {
          ...{ appId, appSlug: slug, appName, clientId, clientSecret, privateKeyPem: pem, webhookSecret },
          ...{ host: github.webOrigin, apiUrl: github.apiBase },
        },
      });
      const path = `/v1/connect/connectors/${encodeURIComponent(uid)}`;
      const { ingressUrl } = await call(200, "GET", `${path}/triggers`);
      const redirectUri = text(created, "redirectUri");
      github.changeApp(appId, { hookUrl: String(ingressUrl), callbackUrls: [redirectUri], setupUrl: redirectUri });
      const link = { environments: ["production"], returnOrigins: [app.origin], webhookOrigins: [app.origin] };
      await team.link(uid, "linked", link);
      return { uid, path, id: text(created, "id"), slug, pem, appId, clientSecret, secret: webhookSecret ?? "" };
    },

    /** What the operator who began it is told. */
    result: (verifier: string) => call(200, "GET", `/v1/connect/result/${verifier}`),

    /** A workload begins to have it installed. */
    async startInstallation({ uid }: Registered): Promise<Started> {
      const started = await server.expect(200, {
        method: "POST",
        path: `/v1/connect/install/${encodeURIComponent(uid)}`,
        token: await team.workloadToken(),
        body: { returnUrl: app.returnUrl, webhook: app.webhook },
      });
      return { url: text(started, "url"), verifier: text(started, "verifier") };
    },

    /** The same, until it is installed there; our own id of it. */
    async install(registered: Registered, account: string, repositories: "all" | string[] = "all"): Promise<string> {
      world.choose(account, repositories);
      const { url, verifier } = await world.startInstallation(registered);
      await world.walk(url);
      return text(await world.installResult(verifier), "data.installationId");
    },

    /** What the workload that began it is told. */
    installResult: async (verifier: string) =>
      server.expect(200, {
        method: "POST",
        path: "/v1/connect/result",
        token: await team.workloadToken(),
        body: { verifier },
      }),

    /** Goes to GitHub's install page, and comes back saying that it was this installation. */
    async forge({ id }: Registered, { url }: Started, externalId: number | string) {
      const intercept: SmallBrowserOptions["intercept"] = (at) => {
        if (!/\/installations\/new(\/permissions)?$/.test(at.pathname)) return null;
        const state = at.searchParams.get("state") ?? "";
        const query = new URLSearchParams({ installation_id: String(externalId), setup_action: "install", state });
        return Response.redirect(`${server.origin}/callback/${id}?${query}`, 302);
      };
      return world.walk(url, new SmallBrowser({ intercept }));
    },

    async installations({ path }: { path: string }): Promise<Json[]> {
      const { installations } = await call(200, "GET", `${path}/installations`);
      return Array.isArray(installations) ? installations.filter(isObject) : [];
    },

    /** GitHub's own id of it. */
    async externalId({ path }: { path: string }, installationId: string): Promise<number> {
      return Number(text(await call(200, "GET", `${path}/installations/${installationId}`), "externalId"));
    },

    /** An app token, narrowed by a detail of GitHub's. */
    async ask({ uid }: { uid: string }, detail: Json | null = null, more: Json = {}): Promise<Answer> {
      const details = detail === null ? {} : { authorizationDetails: [{ type: DETAIL_TYPE, ...detail }] };
      const body = { subject: { type: "app" }, ...details, ...more };
      return team.askForToken(uid, await team.workloadToken(), body, { "cache-control": "no-cache" });
    },

    /** The same, where it is issued. */
    async minted(
      connector: { uid: string },
      detail: Json | null = null,
      more: Json = {},
    ): Promise<ReturnType<typeof tokenResponse.parse>> {
      return tokenResponse.parse((await world.ask(connector, detail, more)).body);
    },

    /** The status of a GitHub request by such a token. */
    async use(token: string, path: string): Promise<number> {
      const headers = { authorization: `Bearer ${token}`, "user-agent": "acme" };
      const answer = await fetch(github.apiBase + path, { headers });
      await answer.arrayBuffer();
      return answer.status;
    },
  };
  return world;
}

export type GitHubWorld = ReturnType<typeof githubWorld>;
