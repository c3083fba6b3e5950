import { githubInstallations } from "../../src/catalog/github/installations.ts";
import { sha256Base64url } from "../../src/crypto/digest.ts";
import type { Services } from "../../src/services.ts";
import { APP, browser, formTokenOf, nextOf, ORIGIN } from "../authorize/support.ts";
import { type RemoteApp, type RemoteGitHub, startGitHub } from "../providers/github-client.ts";
import { type Api, type ApiAnswer, accessToken, apiOf, project } from "../support/api.ts";
import { type Isolate, isolate, ownerToken } from "../support/connect.ts";

export type Browser = ReturnType<typeof browser>;

export interface InstallWorld extends Isolate {
  github: RemoteGitHub;
  owner: string;
}

export async function installWorld(options: { layout?: "github.com" | "ghes" } = {}): Promise<InstallWorld> {
  const one = await isolate();
  return { ...one, github: await startGitHub(options), owner: await ownerToken(one.api) };
}

/** A project, whose production lives at `APP`, with a GitHub App of its own that is linked to it. */
export interface InstallScene {
  app: RemoteApp;
  projectId: string;
  connectorId: string;
  uid: string;
  runtime: string;
  link(body: object): Promise<ApiAnswer>;
}

export async function installScene({ api, github, owner }: InstallWorld, name: string): Promise<InstallScene> {
  const app = await github.call<RemoteApp>("registerApp", {
    name: `App ${name}`,
    public: true,
    permissions: { contents: "read" },
  });
  const projectId = await project(api, owner, name);
  const { id: appId, slug: appSlug, name: appName, clientId, clientSecret, pem: privateKeyPem } = app;
  const { webOrigin: host, apiBase: apiUrl } = github;
  const data = { appId, appSlug, appName, clientId, clientSecret, privateKeyPem, host, apiUrl };
  const made = await api.post(
    "/v1/connect/connectors",
    { type: "github", name, uid: `github/${name}`, projectId, data },
    owner,
  );
  if (made.status !== 201) throw new Error(made.text);
  const { id: connectorId, uid } = made.body;
  const callback = `${ORIGIN}/callback/${connectorId}`;
  await github.call("changeApp", appId, { callbackUrls: [callback], setupUrl: callback, setupOnUpdate: true });
  await api.put(`/v1/projects/${projectId}/environments/production`, { origin: APP }, owner);
  const runtime = await accessToken(api, owner, { role: "developer", projectId, environment: "production" });
  const link = (body: object) => api.post(`/v1/connect/connectors/${connectorId}/projects/${projectId}`, body, owner);
  return { app, projectId, connectorId, uid, runtime, link };
}

/** What the tests of one file share. */
export async function installSetting(name: string): Promise<{ world: InstallWorld; scene: InstallScene }> {
  const world = await installWorld();
  return { world, scene: await installScene(world, name) };
}

/** `POST /v1/connect/install/{connector}`. */
export function start(api: Api, { uid, runtime }: Pick<InstallScene, "uid" | "runtime">, body: object = {}) {
  return api.post(`/v1/connect/install/${encodeURIComponent(uid)}`, body, runtime);
}

export async function started(api: Api, scene: Pick<InstallScene, "uid" | "runtime">, body: object = {}) {
  const { status, body: answer, text } = await start(api, scene, body);
  if (status !== 200) throw new Error(`starting answered ${status}: ${text}`);
  return answer as { request: string; verifier: string; url: string; expiresAt: number };
}

export function newBrowser({ api }: Pick<InstallWorld, "api">): Browser {
  return browser(api, ORIGIN);
}

/** What that browser is answered where the database is another. */
export function getFrom(
  { services }: Pick<InstallWorld, "services">,
  db: Services["db"],
  { cookies }: Browser,
  path: string,
): Promise<ApiAnswer> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  return apiOf({ ...services, db }).send(path, { headers: { cookie } });
}

/** Opens the page of a request and presses one of its buttons. */
export async function decide(user: Browser, id: string, fields: Record<string, string> = {}): Promise<ApiAnswer> {
  const page = await user.get(`/install/${id}`);
  return user.post(`/install/${id}`, { form: formTokenOf(page.text), decision: "continue", ...fields });
}

/** Where the provider sends a browser that it is asked for that URL: the fake decides at once. */
export async function redirectOf(url: string | URL, init: RequestInit = {}): Promise<string> {
  const answer = await fetch(url, { redirect: "manual", ...init });
  const location = answer.headers.get("location");
  if (location === null) throw new Error(`${url} answered ${answer.status}: ${(await answer.text()).slice(0, 500)}`);
  return location;
}

/** The path of ours that a browser was sent to. */
export function ownPath(location: string | null | undefined): string {
  const { origin, pathname, search } = new URL(location ?? "");
  if (origin !== ORIGIN) throw new Error(`${location} is not ours`);
  return pathname + search;
}

/** The browser's way from the page to the provider's install page: its URL, and the callback that followed. */
export async function installed(user: Browser, id: string, targetId?: number) {
  const url = nextOf((await decide(user, id)).text);
  if (targetId !== undefined) url.searchParams.set("target_id", String(targetId));
  return ownPath(await redirectOf(url));
}

/** From the install callback to the proof and back: that callback of ours. */
export async function proven(user: Browser, callback: string, login?: string): Promise<string> {
  const back = await user.get(callback);
  if (back.status !== 303) throw new Error(`the callback answered ${back.status}: ${back.text.slice(0, 2000)}`);
  const url = new URL(back.headers.get("location") ?? "");
  if (login !== undefined) url.searchParams.set("login", login);
  return ownPath(await redirectOf(url));
}

/** Up to the install callback, which that browser is about to open. */
export async function upToCallback(world: InstallWorld, scene: InstallScene, body: object = {}, targetId?: number) {
  const begun = await started(world.api, scene, body);
  const user = newBrowser(world);
  return { ...begun, user, callback: await installed(user, begun.request, targetId) };
}

/** All of it. */
export async function installAt(world: InstallWorld, scene: InstallScene, body: object = {}, targetId?: number) {
  const { user, callback, ...begun } = await upToCallback(world, scene, body, targetId);
  return { ...begun, user, done: await user.get(await proven(user, callback)) };
}

export async function resultOf({ api }: Pick<InstallWorld, "api">, verifier: string, token: string) {
  return (await api.post("/v1/connect/result", { verifier }, token)).body;
}

export async function installationsOf({ api, owner }: InstallWorld, connectorId: string) {
  return (await api.get(`/v1/connect/connectors/${connectorId}/installations`, owner)).body.installations;
}

/** What the provider's event of an installation says, as it is there now. */
export async function newsOf({ github }: InstallWorld, { app }: InstallScene, externalId: number) {
  const there = await github.call<{ id: number }[]>("installations", app.slug);
  const installation = there.find(({ id }) => id === externalId);
  const news = githubInstallations.newsOf("installation.created", { action: "created", installation });
  if (news?.changedAtMs == null) throw new Error(`the provider knows nothing of ${externalId}`);
  return { ...news, changedAtMs: news.changedAtMs };
}

/** What a client of managed creation makes for itself. */
export async function newVerifier(): Promise<{ verifier: string; requestCode: string }> {
  const verifier = crypto.randomUUID() + crypto.randomUUID();
  return { verifier, requestCode: await sha256Base64url(verifier) };
}
