import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type Call, type Json, request, text } from "./api.ts";
import { demoClient } from "./authorization-server.ts";
import { claimsOf, type Scene, USER_CONNECTOR } from "./scene.ts";
import { askForToken, tokenPath, useAtProvider } from "./steps.ts";
import { shorten } from "./transcript.ts";
import { userAgrees } from "./user-agrees.ts";

/** The app's own name for the user, who is called the same at the provider. */
const USER = "ada";
const SUBJECT = { type: "user", id: USER };
const CALLERS = 20;

/** A user agrees once; the token then stays fresh, however many callers want it when it has expired. */
export async function tellUserStory(scene: Scene, accessToken: string, workloadToken: string): Promise<void> {
  await connectUsers(scene, accessToken);
  await authorize(scene, workloadToken);
  await stayFresh(scene, workloadToken);
}

/** A fresh link for whoever watches: what a user of invoices sees. Good for two hours. */
export async function consentLink({ origin, provider, app }: Scene): Promise<string> {
  const token = await provider.mintWorkloadToken(claimsOf("invoices"), { audience: origin });
  const body = { subject: { type: "user", id: "you" }, returnUrl: app.returnUrl, expiresInMs: 2 * 3_600_000 };
  const path = `/v1/connect/authorize/${encodeURIComponent(USER_CONNECTOR)}`;
  return text((await request(origin, { method: "POST", path, token, body, expect: 200 })).value, "url");
}

function stepsOf({ transcript, origin }: Scene) {
  return (title: string, call: Call): Promise<Json> => transcript.step(title, () => request(origin, call));
}

/** What an operator does once for a provider on whose account users agree. */
async function connectUsers(scene: Scene, accessToken: string): Promise<void> {
  const { transcript, provider, app } = scene;
  const step = stepsOf(scene);
  const client = demoClient("client_secret_basic", "reports-of-users");
  transcript.heading("Connect users' own accounts, once, as the operator");
  const created = await step("Register the reports provider for users (OAuth authorization code)", {
    method: "POST",
    path: "/v1/connect/connectors",
    token: accessToken,
    body: { type: "oauth", uid: USER_CONNECTOR, name: "Acme Reports", data: userData(provider.issuer, client) },
    expect: 201,
    show: (answer) => ({ uid: text(answer, "uid"), redirectUri: text(answer, "redirectUri") }),
  });
  await provider.registerUserClient(client, text(created, "redirectUri"));
  await step(`Link ${USER_CONNECTOR} to invoices, whose users come back to its own origin`, {
    method: "POST",
    path: `/v1/connect/connectors/${encodeURIComponent(USER_CONNECTOR)}/projects/invoices`,
    token: accessToken,
    body: { environments: ["production"], returnOrigins: [new URL(app.returnUrl).origin] },
    expect: 200,
    show: (answer) => ({
      environments: text(answer, "enabledEnvironments"),
      returnOrigins: text(answer, "returnOrigins"),
    }),
  });
}

function userData(issuer: string, client: ReturnType<typeof demoClient>): Json {
  return {
    serverUrl: issuer,
    clientId: client.clientId,
    clientSecret: client.clientSecret,
    tokenEndpointAuthMethod: client.authMethod,
    userAuthorization: { enabled: true, scopes: ["openid", "reports:read"] },
    refreshTokens: { enabled: true },
  };
}

/** From "this user has not agreed" to an authorization that the app has completed. */
async function authorize(scene: Scene, workloadToken: string): Promise<void> {
  const { transcript, app } = scene;
  const step = stepsOf(scene);
  const as = { method: "POST", token: workloadToken } as const;
  transcript.heading(`The user ${USER} of invoices agrees, once`);
  await step(`Ask for ${USER}'s token: the app learns that it has to ask ${USER}`, {
    ...as,
    path: tokenPath(USER_CONNECTOR),
    body: { subject: SUBJECT },
    expect: 422,
    show: (answer) => ({ code: text(answer, "error.code") }),
  });
  const started = await step("Start an authorization", {
    ...as,
    path: `/v1/connect/authorize/${encodeURIComponent(USER_CONNECTOR)}`,
    body: { subject: SUBJECT, returnUrl: app.returnUrl },
    expect: 200,
    show: (answer) => ({
      link: text(answer, "url"),
      verifier: `${shorten(text(answer, "verifier"))} (the app keeps it)`,
    }),
  });
  const back = await transcript.step(`${USER} opens the link, signs in at the provider, and agrees`, async () => {
    const startedMs = performance.now();
    const { url, browser } = await userAgrees(text(started, "url"), USER, app.returnUrl);
    const fields = { browser, connect_code: shorten(url.searchParams.get("connect_code") ?? "") };
    const elapsedMs = performance.now() - startedMs;
    return { value: url, shown: { method: "GET", path: url.origin + url.pathname, status: 200, elapsedMs, fields } };
  });
  await step("Complete it, in the session of the user who came back", {
    ...as,
    path: "/v1/connect/complete",
    body: { verifier: text(started, "verifier"), connectCode: back.searchParams.get("connect_code") ?? "" },
    expect: 200,
    show: (answer) => ({ status: text(answer, "status") }),
  });
}

/** The token works, expires, and is refreshed once for everybody. */
async function stayFresh(scene: Scene, token: string): Promise<void> {
  const { refreshes } = scene.provider.requests();
  let expiresAtMs = 0;
  const first = await askForToken(scene, `Ask for ${USER}'s token`, {
    connector: USER_CONNECTOR,
    token,
    subject: SUBJECT,
    show: (answer) => {
      expiresAtMs = Number(text(answer, "expiresAt"));
      return { authorization: text(answer, "authorizationId") };
    },
  });
  await useAtProvider(scene, "Use it at the provider's API, as that user", first, 200);
  await sleep(Math.max(0, expiresAtMs - Date.now() + 50));
  await useAtProvider(scene, "A few seconds later it has expired: refused", first, 401);
  const fresh = await askInCrowd(scene, token);
  if (fresh === first) throw new Error("The expired token was handed out again.");
  const asked = scene.provider.requests().refreshes - refreshes;
  if (asked !== 1) throw new Error(`The provider was asked to refresh ${asked} times.`);
  await useAtProvider(scene, "Use that one at the provider's API", fresh, 200);
}

/** Many requests at the same moment, which are all answered with one and the same token. */
async function askInCrowd({ transcript, origin, provider }: Scene, token: string): Promise<string> {
  const call: Call = {
    method: "POST",
    path: tokenPath(USER_CONNECTOR),
    token,
    body: { subject: SUBJECT },
    expect: 200,
  };
  return await transcript.step(`${CALLERS} callers ask for it at once: refreshed, once for all`, async () => {
    const answers = await Promise.all(Array.from({ length: CALLERS }, () => request(origin, call)));
    const [slowest] = answers.toSorted((a, b) => b.shown.elapsedMs - a.shown.elapsedMs);
    const [value, ...others] = new Set(answers.map((answer) => text(answer.value, "token")));
    if (slowest === undefined || value === undefined || others.length > 0)
      throw new Error("They got different tokens.");
    const { refreshes } = provider.requests();
    const fields = {
      token: shorten(value),
      authorization: text(slowest.value, "authorizationId"),
      provider: `asked to refresh ${refreshes === 1 ? "once" : `${refreshes} times`} until now`,
    };
    return { value, shown: { ...slowest.shown, fields } };
  });
}
