import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agree } from "../../scripts/demo/agree.ts";
import { type Page, SmallBrowser } from "../../scripts/demo/small-browser.ts";
import { type App, startApp } from "./app.ts";
import { parseObject, text } from "./http.ts";
import { tokenResponse } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";
import { connectUsers, type UserConnector } from "./users.ts";

// A user's whole way, with a browser that has neither scripts nor pictures, and our own client as the app.

const sdk: typeof import("valetkey") = await import(import.meta.resolve("valetkey"));

let server: Server;
let team: Team;
let app: App;
let workload: string;
let client: import("valetkey").ConnectClient;

const TOKEN_LIFETIME_MS = 5000;

beforeAll(async () => {
  // An upstream that thinks: callers that come at the same time really overlap.
  server = await startServer({ userTtlSeconds: TOKEN_LIFETIME_MS / 1000, tokenDelayMs: 50 });
  team = await setUpTeam(server);
  app = await startApp();
  workload = await team.workloadToken();
  client = sdk.createConnectClient({ baseUrl: server.origin, credential: workload, cacheSize: 0 });
});
afterAll(async () => {
  await app?.stop();
  await server?.stop();
});

const requests = () => server.provider.requests();
const user = (id: string) => ({ subject: { type: "user", id } }) as const;

/** What comes back to the app in the user's browser. */
function connectCode(page: Page): string {
  expect(page.url.href.startsWith(app.returnUrl)).toBe(true);
  return page.url.searchParams.get("connect_code") ?? "";
}

/** A user of the app, who has authorized by the binding `finalize`. */
async function authorized(connector: UserConnector, id: string, browser = new SmallBrowser()): Promise<void> {
  const { url, verifier } = await client.startAuthorization(connector.uid, user(id), { returnUrl: app.returnUrl });
  const page = await agree(browser, url, id);
  expect(await client.completeAuthorization({ verifier, connectCode: connectCode(page) })).toMatchObject({
    status: "success",
  });
}

/** At the protected resource; whose reports it shows. */
async function readReports(token: string): Promise<{ status: number; user: unknown }> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${server.provider.issuer}/reports`, { headers });
  return { status: response.status, user: parseObject(await response.text()).user };
}

async function expiryOf(token: { expiresAt: number }): Promise<void> {
  await sleep(Math.max(0, token.expiresAt - Date.now() + 50));
}

describe("a user authorizes once", () => {
  let connector: UserConnector;

  beforeAll(async () => {
    connector = await connectUsers(team, app, "users/once");
  });

  test("start, consent, callback, completion, token, expiry, refresh, revocation", async () => {
    const ada = user("ada");
    const required = await client.getToken(connector.uid, ada).catch((error: unknown) => error);
    expect(required).toBeInstanceOf(sdk.UserAuthorizationRequiredError);

    const started = await client.startAuthorization(connector.uid, ada, {
      returnUrl: app.returnUrl,
      webhook: app.webhook,
    });
    expect(started).toMatchObject({ request: expect.stringMatching(/^sca_/), connector: { id: connector.id } });
    expect(started.url.startsWith(`${server.origin}/authorize/sca_`)).toBe(true);
    expect(await client.getAuthorizationResult(started.verifier)).toMatchObject({ status: "pending" });

    const page = await agree(new SmallBrowser(), started.url, "ada");
    expect(page.url.searchParams.get("connect_request")).toBe(started.request);
    expect(page.url.searchParams.get("tab")).toBe("1");
    // PAR, where the provider takes it: what is asked for never stands in the browser.
    expect(requests().pushedRequests).toBe(1);
    expect(page.visited.join(" ")).not.toContain("scope=");
    // The user is back, and nothing has been exchanged: the app has not said that it was its own.
    expect(requests().codeExchanges).toBe(0);
    const early = await client.getToken(connector.uid, ada).catch((error: unknown) => error);
    expect(early).toBeInstanceOf(sdk.UserAuthorizationRequiredError);

    const completion = { verifier: started.verifier, connectCode: connectCode(page) };
    expect(await client.completeAuthorization(completion)).toMatchObject({
      status: "success",
      data: { clientId: connector.id },
    });
    expect(await client.getAuthorizationResult(started.verifier)).toMatchObject({ status: "success" });
    expect(requests().codeExchanges).toBe(1);

    const first = await client.getTokenResponse(connector.uid, ada);
    tokenResponse.parse(first);
    expect(first).toMatchObject({ externalSubject: "ada", claims: { name: "ada of Acme" }, scopes: expect.any(Array) });
    expect(await readReports(first.token)).toEqual({ status: 200, user: "ada" });
    expect((await client.getTokenResponse(connector.uid, ada, { forceRefresh: true })).token).toBe(first.token);

    await expiryOf(first);
    expect((await readReports(first.token)).status).toBe(401);
    const second = await client.getTokenResponse(connector.uid, ada);
    expect(second.token).not.toBe(first.token);
    expect(second.authorizationId).toBe(first.authorizationId);
    expect(await readReports(second.token)).toEqual({ status: 200, user: "ada" });

    const report = await client.revokeToken(connector.uid, ada);
    expect(report).toMatchObject({ local: "revoked" });
    await expect.poll(async () => (await readReports(second.token)).status, { timeout: 10_000 }).toBe(401);
    const revoked = await client.getToken(connector.uid, ada, { forceRefresh: true }).catch((error: unknown) => error);
    expect(revoked).toBeInstanceOf(sdk.UserAuthorizationRequiredError);
    expect(requests()).toMatchObject({ codeExchanges: 1, reuses: 0 });
  });

  test("the app hears of it by a webhook that names it, signed by this deployment over the bytes it sent", async () => {
    await expect.poll(() => app.events.length, { timeout: 10_000 }).toBe(1);
    const [event] = app.events;
    if (!event) throw new Error("no event");
    expect(event.body).toMatchObject({
      type: "authorization.completed",
      status: "success",
      connector: { id: connector.id, uid: connector.uid },
      subject: { id: "ada" },
    });
    const [, jwt = ""] = (event.headers.authorization ?? "").split(" ");
    const configuration = await server.expect(200, { method: "GET", path: "/.well-known/openid-configuration" });
    const keys = createRemoteJWKSet(new URL(text(configuration, "jwks_uri")));
    const { payload } = await jwtVerify(jwt, keys, {
      issuer: text(configuration, "issuer"),
      audience: app.webhook,
      typ: "connect-authorization+jwt",
    });
    expect(payload).toMatchObject({
      sub: `connector:${connector.id}`,
      htm: "POST",
      body_sha256: createHash("sha256").update(event.raw).digest("base64url"),
    });
    expect(JSON.stringify(event.body)).not.toMatch(/token|code"/);
  });

  test("another user, environment or subject has none of it", async () => {
    await authorized(connector, "grace");
    for (const id of ["ada", "Grace", "grace ", "mallory"]) {
      const error = await client.getToken(connector.uid, user(id)).catch((thrown: unknown) => thrown);
      expect([id, error]).toMatchObject([id, { code: "user_authorization_required" }]);
    }
  });

  test("authorizing again in the same browser, where the provider remembers the user, harms nothing", async () => {
    const browser = new SmallBrowser();
    await authorized(connector, "again", browser);
    const first = await client.getTokenResponse(connector.uid, user("again"));
    await authorized(connector, "again", browser);
    const second = await client.getTokenResponse(connector.uid, user("again"), { forceRefresh: true });
    expect(second.authorizationId).not.toBe(first.authorizationId);
    await expiryOf(second);
    const third = await client.getTokenResponse(connector.uid, user("again"));
    expect(await readReports(third.token)).toEqual({ status: 200, user: "again" });
    expect(requests().reuses).toBe(0);
  });
});

describe("a user who says no", () => {
  const refusal = { status: "canceled", error: { code: "access_denied", message: expect.any(String) } };

  test.for(["at the provider", "on our own page"])(
    "%s comes back to the app, which is told so",
    { timeout: 30_000 },
    async (where) => {
      const connector = await connectUsers(team, app, `users/no-${where.split(" ").at(-1)}`);
      app.events.length = 0;
      const { url, verifier, request } = await client.startAuthorization(connector.uid, user("eve"), {
        returnUrl: app.returnUrl,
        webhook: app.webhook,
      });
      const browser = new SmallBrowser();
      const ours = await browser.open(url);
      const page =
        where === "on our own page"
          ? await browser.submit(ours, { decision: "cancel" })
          : await browser.submit(await browser.submit(ours, { decision: "continue" }), { decision: "deny" });
      expect(page.url.searchParams.get("connect_request")).toBe(request);
      expect(page.url.searchParams.has("connect_code")).toBe(false);
      expect(await client.getAuthorizationResult(verifier)).toMatchObject(refusal);
      await expect
        .poll(() => app.events.map(({ body }) => body), { timeout: 10_000 })
        .toMatchObject([{ type: "authorization.failed", status: "canceled", error: { code: "access_denied" } }]);
    },
  );
});

test("a key of the user's own is pasted where the operator says how to get it, and handed out for that user", async () => {
  const data = { subjectType: "user", instructions: "Make a key under *Settings*. <script>alert(1)</script>" };
  const uid = await team.createConnector({ type: "api-key", uid: "users/keys", name: "Mail", data });
  await team.link(uid, "linked", { environments: ["production"], returnOrigins: [app.origin] });
  const { url, verifier } = await client.startAuthorization(uid, user("ada"), { returnUrl: app.returnUrl });
  const browser = new SmallBrowser();
  const ours = await browser.open(url);
  expect(ours.html).toContain("<em>Settings</em>");
  expect(ours.html).not.toContain("<script");
  const key = `adas-own-key-${crypto.randomUUID()}`;
  const page = await browser.submit(ours, { decision: "continue", key });
  await client.completeAuthorization({ verifier, connectCode: connectCode(page) });
  expect(await client.getToken(uid, user("ada"))).toBe(key);
  expect(page.visited.join(" ")).not.toContain(key);
  const other = await client.getToken(uid, user("grace")).catch((error: unknown) => error);
  expect(other).toBeInstanceOf(sdk.UserAuthorizationRequiredError);
});

describe("two hundred callers of one expired grant that rotates strictly", () => {
  // With leases the isolate gathers its callers; without, every one of them reaches the Grant.
  test.for([60, 0])(
    "C-04 under leases of %i s make one refresh, see no error, and leave the family alive",
    { timeout: 60_000 },
    async (leaseSeconds) => {
      const connector = await connectUsers(team, app, `users/crowd-${leaseSeconds}`, { connector: { leaseSeconds } });
      await authorized(connector, "ada");
      // Nobody asked for a token, so nothing is refreshed ahead.
      await sleep(TOKEN_LIFETIME_MS + 100);
      const before = requests();
      const body = user("ada");
      // To all of them any token will do that works: a young one is not too old for the last of them.
      const anyBody = { ...body, validityBufferMs: 0 };
      const answers = await Promise.all(
        Array.from({ length: 200 }, () => team.askForToken(connector.uid, workload, anyBody)),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      const [token, ...others] = new Set(answers.map((answer) => text(answer.body, "token")));
      expect(others).toEqual([]);
      expect(await readReports(token ?? "")).toEqual({ status: 200, user: "ada" });
      expect(requests()).toMatchObject({ refreshes: before.refreshes + 1, reuses: 0 });

      await sleep(TOKEN_LIFETIME_MS + 100);
      const next = tokenResponse.parse((await team.askForToken(connector.uid, workload, body)).body);
      expect(await readReports(next.token)).toEqual({ status: 200, user: "ada" });
      expect(requests().reuses).toBe(0);
    },
  );
});
