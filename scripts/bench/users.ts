import { once } from "node:events";
import { createServer } from "node:net";
import { agree } from "../demo/agree.ts";
import { type Call, type Json, request, text } from "../demo/api.ts";
import { type AuthorizationServer, demoClient } from "../demo/authorization-server.ts";
import { SmallBrowser } from "../demo/small-browser.ts";
import type { Deployment } from "./deployment.ts";

/** Where the app's users come back to; the browser never gets there. */
const APP = "https://app.example.com";

/** Register the provider for users, under that uid, and link it to the one project. */
export async function connectUsers(
  { origin, owner }: Deployment,
  provider: AuthorizationServer,
  uid: string,
  leaseSeconds: number,
): Promise<void> {
  const client = demoClient("client_secret_basic", `bench-${uid}`);
  const data = {
    serverUrl: provider.issuer,
    clientId: client.clientId,
    clientSecret: client.clientSecret,
    tokenEndpointAuthMethod: client.authMethod,
    userAuthorization: { enabled: true, scopes: ["reports:read"] },
    refreshTokens: { enabled: true },
  };
  const body = { type: "oauth", uid, name: uid, data, leaseSeconds };
  const created = await send(origin, "/v1/connect/connectors", body, owner, 201);
  await provider.registerUserClient(client, text(created, "redirectUri"));
  const link = { environments: ["production"], returnOrigins: [APP] };
  await send(origin, `/v1/connect/connectors/${encodeURIComponent(uid)}/projects/bench`, link, owner, 200);
}

/** The user opens the link, agrees, and comes back, all the way through the pages. */
export async function userAuthorizes({ origin }: Deployment, uid: string, user: string, token: string): Promise<void> {
  const body = { subject: { type: "user", id: user }, returnUrl: `${APP}/back` };
  const started = await send(origin, `/v1/connect/authorize/${encodeURIComponent(uid)}`, body, token, 200);
  const browser = new SmallBrowser({ intercept: (url) => (url.origin === APP ? new Response("back") : null) });
  const { url } = await agree(browser, text(started, "url"), user);
  const connectCode = url.searchParams.get("connect_code") ?? "";
  await send(origin, "/v1/connect/complete", { verifier: text(started, "verifier"), connectCode }, token, 200);
}

async function send(origin: string, path: string, body: Json, token: string, expect: number): Promise<Json> {
  const call: Call = { method: "POST", path, body, token, expect };
  return (await request(origin, call)).value;
}

/** A port that nobody has, for a Worker that has to know its own before it starts. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const closed = once(server, "close");
  server.close();
  await closed;
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}
