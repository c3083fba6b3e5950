import type {
  GrantAuthorizationAnswer,
  GrantAuthorizationRequest,
  GrantDescription,
} from "../../src/grants/protocol.ts";
import type { Services } from "../../src/services.ts";
import { provider } from "../providers/hostile.ts";
import { type Api, type ApiAnswer, accessToken } from "../support/api.ts";
import { type Isolate, isolate, type Scene, scene } from "../support/connect.ts";

/** Grants that note what they are asked to authorize, and answer as they are told. */
export function scriptedGrants() {
  const asked: GrantAuthorizationRequest[] = [];
  const script: {
    answer: (request: GrantAuthorizationRequest) => GrantAuthorizationAnswer | Promise<GrantAuthorizationAnswer>;
    description: GrantDescription | null;
  } = { answer: () => ({ ok: true, value: { authorizationId: "aut_1", scopes: ["read"] } }), description: null };
  const grant = {
    async authorize(request: GrantAuthorizationRequest) {
      asked.push(structuredClone(request));
      return script.answer(request);
    },
    describe: async () => script.description,
  };
  // Of a Grant, an authorization uses these two methods.
  const grants = { grant: () => grant, gate: () => grant } as unknown as Services["grants"];
  return { asked, script, grants };
}

export interface World extends Omit<Isolate, "grants"> {
  grants: ReturnType<typeof scriptedGrants>;
}

export async function newWorld(replaced: Partial<Services> = {}): Promise<World> {
  const grants = scriptedGrants();
  return { ...(await isolate({ grants: grants.grants, ...replaced })), grants };
}

/** Of the deployment. */
export const ORIGIN = "http://127.0.0.1:8787";
export const APP = "https://app.example.com";
export const RETURN_URL = `${APP}/connected?from=valetkey`;

/** A project, whose production lives at `APP`, with a connector that users authorize; its caller speaks for ada. */
export async function userScene(
  api: Api,
  name: string,
  { data = {}, ...fields }: Record<string, unknown> & { data?: Record<string, unknown> } = {},
): Promise<Scene> {
  const { issuer, tokenEndpoint, revocationEndpoint } = provider(name);
  const { serverConfig = {}, ...settings } = data;
  const made = await scene(api, name, {
    minimumBinding: "confirm",
    data: {
      clientId: "client",
      clientSecret: "the-client-secret",
      serverConfig: {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: tokenEndpoint,
        revocation_endpoint: revocationEndpoint,
        code_challenge_methods_supported: ["S256"],
        ...(serverConfig as object),
      },
      userAuthorization: { enabled: true, scopes: ["read"] },
      ...settings,
    },
    ...fields,
  });
  const origin = await api.put(`/v1/projects/${made.projectId}/environments/production`, { origin: APP }, made.owner);
  if (origin.status !== 200) throw new Error(origin.text);
  const ada = { role: "developer", projectId: made.projectId, environment: "production", userId: "ada" };
  return { ...made, runtime: await accessToken(api, made.owner, ada) };
}

/** `POST /v1/connect/authorize/{connector}` for the user "ada". */
export function start(
  api: Api,
  { uid, runtime }: Pick<Scene, "uid" | "runtime">,
  body: object = {},
): Promise<ApiAnswer> {
  const ada = { subject: { type: "user", id: "ada" } };
  return api.post(`/v1/connect/authorize/${encodeURIComponent(uid)}`, { ...ada, ...body }, runtime);
}

export async function started(api: Api, scene: Pick<Scene, "uid" | "runtime">, body: object = {}) {
  const { status, body: answer, text } = await start(api, scene, body);
  if (status !== 200) throw new Error(`starting answered ${status}: ${text}`);
  return answer as { request: string; verifier: string; url: string; expiresAt: number };
}

/** A browser of its own: cookies, and forms as it would send them. */
export function browser(api: Api, origin: string) {
  const cookies = new Map<string, string>();
  const send = async (path: string, init: RequestInit = {}): Promise<ApiAnswer> => {
    const headers = new Headers(init.headers);
    if (cookies.size > 0) headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const answer = await api.send(path, { ...init, headers });
    for (const line of answer.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split("=");
      cookies.set(name, value);
    }
    return answer;
  };
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    send(path, {
      method: "POST",
      headers: {
        origin,
        "sec-fetch-site": "same-origin",
        "content-type": "application/x-www-form-urlencoded",
        ...headers,
      },
      body: new URLSearchParams(fields).toString(),
    });
  return {
    cookies,
    get: (path: string, headers: Record<string, string> = {}) => send(path, { headers }),
    post,
    /** Opens the page of a request and presses one of its buttons. */
    async decide(id: string, decision: "continue" | "cancel" = "continue", fields: Record<string, string> = {}) {
      const page = await send(`/authorize/${id}`);
      return post(`/authorize/${id}`, { form: formTokenOf(page.text), decision, ...fields });
    },
  };
}

export function formTokenOf(html: string): string {
  return /name="form" value="([^"]+)"/.exec(html)?.[1] ?? "";
}

/** Where a page that goes on goes. */
export function nextOf(html: string): URL {
  const url = /http-equiv="refresh" content="0;\s*url=([^"]+)"/i.exec(html)?.[1];
  if (url === undefined) throw new Error(`no way on in ${html}`);
  return new URL(url.replaceAll("&amp;", "&"));
}

/** The browser's way to the provider: its URL there, and the callback that the provider would send it to. */
export async function atProvider(user: ReturnType<typeof browser>, id: string) {
  const url = nextOf((await user.decide(id)).text);
  const callback = new URL(url.searchParams.get("redirect_uri") ?? "");
  const state = url.searchParams.get("state") ?? "";
  return {
    url,
    state,
    back: (parameters: Record<string, string> = { code: "the-code" }) =>
      `${callback.pathname}?${new URLSearchParams({ state, ...parameters })}`,
  };
}
