import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { demoClient } from "../../scripts/demo/authorization-server.ts";
import { type App, startApp } from "../e2e/app.ts";
import { type Json, text } from "../e2e/http.ts";
import { refusal, tokenResponse } from "../e2e/schemas.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { setUpTeam, type Team } from "../e2e/team.ts";
import { connectUsers, type UserConnector } from "../e2e/users.ts";
import { launchChromium } from "./chromium.ts";
import { agreeAtProvider, goOn, type Person, person, signIn } from "./people.ts";

// The production build, a real authorization server, an app, and users in Chromium. The Worker is at 127.0.0.1, the
// others at localhost: for the browser, other sites, as a provider and an app are.

let server: Server;
let team: Team;
let app: App;
let chromium: Browser;
let workload: string;
let connector: UserConnector;

beforeAll(async () => {
  chromium = await launchChromium();
  server = await startServer({ host: "localhost", userTtlSeconds: 4 });
  team = await setUpTeam(server);
  app = await startApp("localhost");
  workload = await team.workloadToken();
  connector = await connectUsers(team, app, "browser/reports");
});
beforeEach(() => {
  app.arrivals.length = 0;
});
afterAll(async () => {
  await chromium?.close();
  await app?.stop();
  await server?.stop();
});

type Subject = { type: "user"; id: string; issuer?: string };
const user = (id: string): Subject => ({ type: "user", id });
const post = (path: string, body: Json) => server.send({ method: "POST", path, token: workload, body });
const complete = (verifier: string, connectCode?: string) =>
  post("/v1/connect/complete", { verifier, ...(connectCode !== undefined && { connectCode }) });
const resultOf = async (verifier: string) => (await post("/v1/connect/result", { verifier })).body;
const exchanges = () => server.provider.requests().codeExchanges;

async function start(subject: Subject, { uid }: UserConnector = connector, options: Json = {}) {
  const path = `/v1/connect/authorize/${encodeURIComponent(uid)}`;
  const body = { subject, returnUrl: app.returnUrl, ...options };
  const started = await server.expect(200, { method: "POST", path, token: workload, body });
  return { url: text(started, "url"), verifier: text(started, "verifier"), request: text(started, "request") };
}

const tokenFor = (subject: Subject, { uid }: UserConnector = connector) =>
  team.askForToken(uid, workload, { subject }, { "cache-control": "no-cache" });

/** What the browser brought to the app, which it has to reach. */
async function backAtApp({ page }: Person): Promise<URLSearchParams> {
  await page.waitForURL((url) => url.href.startsWith(app.returnUrl));
  return new URL(page.url()).searchParams;
}

async function statusAtProvider(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${server.provider.issuer}/reports`, { headers });
  await response.body?.cancel();
  return response.status;
}

/** Agrees at the demo provider, and keeps the browser from following its answer, whose address is returned. */
async function answerOf({ page, context }: Person): Promise<string> {
  await page.getByRole("button", { name: "Allow" }).waitFor();
  const agreed = await context.request.post(page.url(), { form: { decision: "allow" }, maxRedirects: 0 });
  const answer = await context.request.get(agreed.headers().location ?? "", { maxRedirects: 0 });
  return answer.headers().location ?? "";
}

async function heading({ page }: Person): Promise<string> {
  return (await page.getByRole("heading", { level: 1 }).textContent()) ?? "";
}

describe("a user's whole way", () => {
  // Nothing on it needs a script, and nothing breaks where there is one.
  test.for([true, false])("with scripts: %s", { timeout: 60_000 }, async (javaScriptEnabled) => {
    const ada = user(`ada-${javaScriptEnabled}`);
    const { url, verifier, request } = await start(ada);
    const somebody = await person(chromium, { javaScriptEnabled });
    await goOn(somebody, url);
    await agreeAtProvider(somebody, ada.id);
    const back = await backAtApp(somebody);
    expect(back.get("connect_request")).toBe(request);
    expect((await complete(verifier, back.get("connect_code") ?? "")).status).toBe(200);

    const first = tokenResponse.parse((await tokenFor(ada)).body);
    expect(first.externalSubject).toBe(ada.id);
    expect(await statusAtProvider(first.token)).toBe(200);
    await sleep(Math.max(0, first.expiresAt - Date.now() + 50));
    expect(await statusAtProvider(first.token)).toBe(401);
    const second = tokenResponse.parse((await tokenFor(ada)).body);
    expect(await statusAtProvider(second.token)).toBe(200);
    expect(second.authorizationId).toBe(first.authorizationId);

    const path = `/v1/connect/connectors/${encodeURIComponent(connector.uid)}/tokens`;
    await server.expect(200, { method: "DELETE", path, token: workload, body: { subject: ada } });
    await expect.poll(() => statusAtProvider(second.token), { timeout: 10_000 }).toBe(401);
    expect(refusal(await tokenFor(ada))).toMatchObject({ code: "user_authorization_required" });
    expect(somebody.complaints).toEqual([]);
    await somebody.context.close();
  });

  test("A-10 asks nobody but the three for anything, and tells the app nothing of where it was", async () => {
    const { url, verifier } = await start(user("crawled"));
    const somebody = await person(chromium);
    await goOn(somebody, url);
    await agreeAtProvider(somebody, "crawled");
    const code = (await backAtApp(somebody)).get("connect_code") ?? "";
    const origins = new Set(somebody.requested.map(({ origin }) => origin));
    expect([...origins].toSorted()).toEqual([server.origin, server.provider.issuer, app.origin].toSorted());
    expect(app.arrivals).toHaveLength(1);
    expect(app.arrivals[0]?.headers.referer ?? "").not.toMatch(/code|state|callback|authorize/);

    await complete(verifier, code);
    const secrets = somebody.requested.flatMap(({ searchParams }) =>
      ["code", "state", "connect_code"].flatMap((name) => searchParams.get(name) ?? []),
    );
    expect(secrets.length).toBeGreaterThanOrEqual(3);
    const log = server.harness
      .getLogs()
      .map(({ message }) => message)
      .join("\n");
    expect(log).toContain("/callback/:c");
    expect(log).not.toContain("code=");
    for (const secret of [...secrets, verifier]) expect(log).not.toContain(secret);
    await somebody.context.close();
  });

  test("A-19 consent that the provider remembers leads through to an app elsewhere, under the strict policy", async () => {
    server.provider.approveAs("remembered");
    try {
      const { url, verifier } = await start(user("remembered"));
      const somebody = await person(chromium);
      await goOn(somebody, url);
      const back = await backAtApp(somebody);
      expect((await complete(verifier, back.get("connect_code") ?? "")).status).toBe(200);
      expect(somebody.complaints).toEqual([]);
      await somebody.context.close();
    } finally {
      server.provider.approveAs(null);
    }
  });
});

describe("A-01 a consent link that was sent to somebody else", () => {
  test("finalize: the victim agrees, and the sender still has nothing", async () => {
    const mallory = await person(chromium);
    const victim = await person(chromium);
    const before = exchanges();
    // Mallory is signed in to the app, which keeps the verifier in her session there.
    const attack = await start(user("mallory"));
    await goOn(victim, attack.url);
    await agreeAtProvider(victim, "victim");
    const back = await backAtApp(victim);
    expect(back.get("connect_code")).not.toBe(null);

    expect(refusal(await complete(attack.verifier))).toMatchObject({ status: 400, code: "binding_required" });
    expect(refusal(await complete(attack.verifier, "a".repeat(43)))).toMatchObject({ code: "binding_mismatch" });
    // Her own browser gets nowhere with that link any more.
    await mallory.page.goto(attack.url);
    expect(await heading(mallory)).not.toContain("asks to");
    // The victim's own authorization, if there is one, is not completed by what came back here.
    const own = await start(user("victim"));
    expect(refusal(await complete(own.verifier, back.get("connect_code") ?? ""))).toMatchObject({
      code: "binding_mismatch",
    });
    for (const id of ["mallory", "victim"]) {
      expect(refusal(await tokenFor(user(id)))).toMatchObject({ code: "user_authorization_required" });
    }
    expect(exchanges()).toBe(before);
    await Promise.all([mallory, victim].map(({ context }) => context.close()));
  });

  test("login: whoever signs in as somebody else goes no further, and the right one does", {
    timeout: 60_000,
  }, async () => {
    const { issuer } = server.provider;
    const bound = await connectUsers(team, app, "browser/login", { connector: { minimumBinding: "login" } });
    await registerLogin(issuer);
    const mallory: Subject = { type: "user", id: "mallory", issuer };
    const before = exchanges();

    const attack = await start(mallory, bound);
    const victim = await person(chromium);
    await goOn(victim, attack.url);
    await signIn(victim, "victim");
    await allowIfAsked(victim);
    await victim.page.waitForURL((url) => url.origin === server.origin);
    expect(await heading(victim)).toContain("somebody else");
    expect(await resultOf(attack.verifier)).toMatchObject({ status: "error", error: { code: "subject_mismatch" } });
    expect(refusal(await tokenFor(mallory, bound))).toMatchObject({ code: "user_authorization_required" });
    // The code of the sign-in itself, and no other.
    expect(exchanges()).toBe(before + 1);

    const ada: Subject = { type: "user", id: "ada", issuer };
    const { url, verifier } = await start(ada, bound);
    const somebody = await person(chromium);
    await goOn(somebody, url);
    await signIn(somebody, "ada");
    await allowIfAsked(somebody);
    await allowIfAsked(somebody);
    await backAtApp(somebody);
    expect(await resultOf(verifier)).toMatchObject({ status: "success" });
    expect((await tokenFor(ada, bound)).status).toBe(200);
    await Promise.all([victim, somebody].map(({ context }) => context.close()));
  });

  /** Lets the trusted issuer's users sign in here. */
  async function registerLogin(issuer: string): Promise<void> {
    const listed = await server.expect(200, { method: "GET", path: "/v1/issuers", token: team.owner });
    const issuers = Array.isArray(listed.issuers) ? listed.issuers : [];
    const { id } = issuers.find((one) => one.issuer === issuer);
    const client = demoClient("client_secret_basic", "login-of-users");
    await server.provider.registerUserClient(client, `${server.origin}/login/callback/${id}`);
    const body = { clientId: client.clientId, clientSecret: client.clientSecret };
    await server.expect(200, { method: "PUT", path: `/v1/issuers/${id}/login`, token: team.owner, body });
  }

  /** The demo provider asks again for each client. */
  async function allowIfAsked({ page }: Person): Promise<void> {
    const allow = page.getByRole("button", { name: "Allow" });
    await page.waitForURL((url) => url.origin !== server.provider.issuer || url.pathname.startsWith("/interaction/"));
    if (page.url().startsWith(server.provider.issuer)) await allow.click();
  }
});

describe("a user who turns back, or changes browsers", () => {
  test("cancels on our page, and is back at the app, which learns that it was a no", async () => {
    const { url, verifier, request } = await start(user("canceling"));
    const somebody = await person(chromium);
    await somebody.page.goto(url);
    await somebody.page.getByRole("button", { name: "Cancel" }).click();
    const back = await backAtApp(somebody);
    expect(back.get("connect_request")).toBe(request);
    expect(back.has("connect_code")).toBe(false);
    expect(await resultOf(verifier)).toMatchObject({ status: "canceled", error: { code: "access_denied" } });
    expect(somebody.complaints).toEqual([]);
    await somebody.page.goto(url);
    expect(await heading(somebody)).toBe("This link has been used");
    await somebody.context.close();
  });

  test("A-02 comes back from the provider in another browser, which says so, and then in the right one", async () => {
    const { url, verifier } = await start(user("moving"));
    const [first, second] = [await person(chromium), await person(chromium)];
    await goOn(first, url);
    await signIn(first, "moving");
    const address = await answerOf(first);

    await second.page.goto(address);
    expect(await heading(second)).toBe("Go on in the browser that you started with");
    expect(await second.page.content()).not.toMatch(/moving|code=/);
    expect(await resultOf(verifier)).toMatchObject({ status: "pending" });

    await first.page.goto(address);
    const back = await backAtApp(first);
    expect((await complete(verifier, back.get("connect_code") ?? "")).status).toBe(200);
    // Once more, by the back button or the history.
    await first.page.goto(address);
    expect(await heading(first)).toBe("This link has been used");
    expect((await tokenFor(user("moving"))).status).toBe(200);
    await Promise.all([first, second].map(({ context }) => context.close()));
  });

  test("A-07 opens the link in two browsers, and the second is told that it is open elsewhere", async () => {
    const { url } = await start(user("two"));
    const [first, second] = [await person(chromium), await person(chromium)];
    await second.page.goto(url);
    await goOn(first, url);
    await first.page.waitForURL((at) => at.origin === server.provider.issuer);
    await second.page.getByRole("button", { name: "Continue" }).click();
    await expect.poll(() => heading(second)).toBe("This request is open in another browser");
    await Promise.all([first, second].map(({ context }) => context.close()));
  });
});
