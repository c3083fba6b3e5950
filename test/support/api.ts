import { env } from "cloudflare:workers";
import { createApp } from "../../src/app.ts";
import type { Services } from "../../src/services.ts";

export interface ApiAnswer {
  status: number;
  headers: Headers;
  // Tests assert on the members that they read; a wrong shape fails there.
  // biome-ignore lint/suspicious/noExplicitAny: the body of any route
  body: any;
  text: string;
}

export interface Api {
  get(path: string, token?: string): Promise<ApiAnswer>;
  delete(path: string, token?: string, body?: unknown): Promise<ApiAnswer>;
  post(path: string, body?: unknown, token?: string): Promise<ApiAnswer>;
  put(path: string, body?: unknown, token?: string): Promise<ApiAnswer>;
  patch(path: string, body?: unknown, token?: string): Promise<ApiAnswer>;
  send(path: string, init?: RequestInit): Promise<ApiAnswer>;
}

/** A client of the app over these services. Each call returns after the work that it deferred. */
export function apiOf(services: Services): Api {
  const app = createApp(services);

  async function send(path: string, init: RequestInit = {}): Promise<ApiAnswer> {
    const deferred: Promise<unknown>[] = [];
    const request = new Request(new URL(path, services.settings.publicOrigin), init);
    const response = await app.fetch(request, (work) => deferred.push(work));
    const text = await response.text();
    // Deferred work may defer more.
    for (const work of deferred) await work;
    const isJson = response.headers.get("content-type") === "application/json" && text !== "";
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  }

  const call = (method: string) => (path: string, body?: unknown, token?: string) =>
    send(path, {
      method,
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });

  return {
    get: (path, token) => call("GET")(path, undefined, token),
    delete: (path, token, body) => call("DELETE")(path, body, token),
    post: call("POST"),
    put: call("PUT"),
    patch: call("PATCH"),
    send,
  };
}

/** Claims the deployment: the first owner's access token. */
export async function setUp(api: Api): Promise<{ owner: string; teamId: string }> {
  const { status, body } = await api.post("/v1/setup", { setupToken: env.SETUP_TOKEN });
  if (status !== 201) throw new Error(`setup answered ${status}`);
  return { owner: body.accessToken, teamId: body.teamId };
}

/** An access token of that role, made by `owner`. */
export async function accessToken(api: Api, owner: string, fields: Record<string, unknown>): Promise<string> {
  const { status, body } = await api.post("/v1/access-tokens", { name: "test", ...fields }, owner);
  if (status !== 201) throw new Error(`creating an access token answered ${status}: ${body.error.message}`);
  return body.token;
}

/** A project's id. */
export async function project(api: Api, owner: string, slug: string): Promise<string> {
  const { status, body } = await api.post("/v1/projects", { slug }, owner);
  if (status !== 201) throw new Error(`creating a project answered ${status}: ${body.error.message}`);
  return body.id;
}
