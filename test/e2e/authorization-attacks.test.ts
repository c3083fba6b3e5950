import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agree } from "../../scripts/demo/agree.ts";
import { type Page, SmallBrowser } from "../../scripts/demo/small-browser.ts";
import { type App, startApp } from "./app.ts";
import { type Json, text } from "./http.ts";
import { refusal } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";
import { connectUsers, type UserConnector } from "./users.ts";

let server: Server;
let team: Team;
let app: App;
let workload: string;
/** With the binding that new connectors have, and with the weakest. */
let finalize: UserConnector;
let confirm: UserConnector;

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
  app = await startApp();
  workload = await team.workloadToken();
  finalize = await connectUsers(team, app, "attacked/finalize");
  confirm = await connectUsers(team, app, "attacked/confirm", { connector: { minimumBinding: "confirm" } });
});
afterAll(async () => {
  await app?.stop();
  await server?.stop();
});

const user = (id: string) => ({ subject: { type: "user", id } });
const post = (path: string, body: Json, token = workload) => server.send({ method: "POST", path, token, body });
const complete = (verifier: string, connectCode?: string) =>
  post("/v1/connect/complete", { verifier, ...(connectCode !== undefined && { connectCode }) });
const exchanges = () => server.provider.requests().codeExchanges;

async function start({ uid }: UserConnector, id: string, options: Json = { returnUrl: app.returnUrl }) {
  const path = `/v1/connect/authorize/${encodeURIComponent(uid)}`;
  const body = await server.expect(200, { method: "POST", path, token: workload, body: { ...user(id), ...options } });
  return { url: text(body, "url"), verifier: text(body, "verifier"), request: text(body, "request") };
}

/** The user agrees everywhere, and the provider's answer is caught on its way back. */
async function callbackOf(url: string, id: string): Promise<{ browser: SmallBrowser; callback: URL }> {
  let caught: URL | undefined;
  const browser = new SmallBrowser({
    intercept: (to) => {
      if (!to.href.startsWith(`${server.origin}/callback/`) || caught) return null;
      caught = to;
      return new Response("caught");
    },
  });
  await agree(browser, url, id);
  if (!caught) throw new Error("the provider did not send the browser back");
  return { browser, callback: caught };
}

const tokenFor = (connector: UserConnector, id: string) =>
  team.askForToken(connector.uid, workload, user(id), { "cache-control": "no-cache" });

const codeOf = (page: Page) => page.url.searchParams.get("connect_code") ?? "";

describe("a consent link that was sent to somebody else", () => {
  test("A-01 finalize: the sender has the verifier and not the code, which only the victim's browser gets", async () => {
    const { url, verifier } = await start(finalize, "mallory");
    const before = exchanges();
    const page = await agree(new SmallBrowser(), url, "victim");
    expect(page.url.origin).toBe(app.origin);
    expect(refusal(await complete(verifier))).toMatchObject({ status: 400, code: "binding_required" });
    expect(refusal(await complete(verifier, "guessed-code-of-the-victim"))).toMatchObject({
      status: 400,
      code: "binding_mismatch",
    });
    expect(refusal(await tokenFor(finalize, "mallory"))).toMatchObject({ code: "user_authorization_required" });
    expect(exchanges()).toBe(before);
  });

  test("A-01 finalize: the victim's code does not fit an authorization that the app keeps for the victim", async () => {
    const before = exchanges();
    const attack = await start(finalize, "mallory");
    const own = await start(finalize, "victim");
    const page = await agree(new SmallBrowser(), attack.url, "victim");
    expect(refusal(await complete(own.verifier, codeOf(page)))).toMatchObject({ code: "binding_mismatch" });
    expect(refusal(await tokenFor(finalize, "victim"))).toMatchObject({ code: "user_authorization_required" });
    expect(exchanges()).toBe(before);
  });

  test("A-07 only the first browser that agrees has it", async () => {
    const { url } = await start(finalize, "first");
    const [first, second] = [new SmallBrowser(), new SmallBrowser()];
    const [mine, theirs] = [await first.open(url), await second.open(url)];
    await first.submit(mine, { decision: "continue" });
    const refused = await second.submit(theirs, { decision: "continue" });
    expect(refused.status).toBe(409);
    expect(refused.url.origin).toBe(server.origin);
  });
});

describe("the provider's answer", () => {
  test("A-08 coming ten times at once is exchanged once", async () => {
    const { url, verifier } = await start(confirm, "ada");
    const { browser, callback } = await callbackOf(url, "ada");
    const before = exchanges();
    const pages = await Promise.all(Array.from({ length: 10 }, () => browser.open(callback)));
    expect(pages.filter(({ url: at }) => at.origin === app.origin)).toHaveLength(1);
    expect(exchanges()).toBe(before + 1);
    await browser.open(callback);
    expect(exchanges()).toBe(before + 1);
    expect(await post("/v1/connect/result", { verifier })).toMatchObject({ body: { status: "success" } });
    // A spent code that reached the provider twice would have ended everything it stood for (RFC 6749 §4.1.2).
    expect(server.provider.requests().reuses).toBe(0);
    expect((await tokenFor(confirm, "ada")).status).toBe(200);
  });

  test.for(["finalize", "confirm"] as const)(
    "A-02 in a foreign browser (%s) is refused, and stays good for the one that asked",
    async (binding) => {
      const connector = binding === "confirm" ? confirm : finalize;
      const id = `foreign-${binding}`;
      const { url, verifier } = await start(connector, id);
      const { browser, callback } = await callbackOf(url, id);
      const before = exchanges();
      const page = await new SmallBrowser().open(callback);
      expect(page.status).toBe(400);
      expect(page.url.origin).toBe(server.origin);
      expect(exchanges()).toBe(before);
      expect((await post("/v1/connect/result", { verifier })).body.status).toBe("pending");
      const back = await browser.open(callback);
      expect(back.url.origin).toBe(app.origin);
      if (binding === "finalize") expect((await complete(verifier, codeOf(back))).status).toBe(200);
      expect((await tokenFor(connector, id)).status).toBe(200);
    },
  );

  test("A-03 A-04 at another connector's callback is refused, and nothing is exchanged", async () => {
    const { url } = await start(confirm, "moved");
    const { browser, callback } = await callbackOf(url, "moved");
    const before = exchanges();
    callback.pathname = new URL(finalize.redirectUri).pathname;
    const page = await browser.open(callback);
    expect(page.status).toBe(400);
    expect(exchanges()).toBe(before);
  });

  test.for([
    ["A-05 of another issuer", (to: URL) => to.searchParams.set("iss", "https://evil.example.com")],
    ["A-05 of nobody", (to: URL) => to.searchParams.set("iss", "")],
    [
      "A-05 of an issuer that is one slash longer",
      (to: URL) => to.searchParams.set("iss", `${server.provider.issuer}/`),
    ],
    ["A-05 without the issuer that always sends it", (to: URL) => to.searchParams.delete("iss")],
    ["A-09 with two codes", (to: URL) => to.searchParams.append("code", "another")],
    ["A-09 with two states", (to: URL) => to.searchParams.append("state", "another")],
  ] as const)("%s is refused", async ([name, change]) => {
    const id = name.replaceAll(" ", "-");
    const { url } = await start(confirm, id);
    const { browser, callback } = await callbackOf(url, id);
    change(callback);
    const before = exchanges();
    const page = await browser.open(callback);
    expect(page.status).toBe(400);
    expect(exchanges()).toBe(before);
    expect(refusal(await tokenFor(confirm, id))).toMatchObject({ code: "user_authorization_required" });
  });
});

describe("the app's side", () => {
  test("A-08 a connect code is good for once", async () => {
    const { url, verifier } = await start(finalize, "twice");
    const code = codeOf(await agree(new SmallBrowser(), url, "twice"));
    const before = exchanges();
    const answers = await Promise.all(Array.from({ length: 5 }, () => complete(verifier, code)));
    expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
    expect(exchanges()).toBe(before + 1);
    expect((await tokenFor(finalize, "twice")).status).toBe(200);
  });

  test("A-13 another project's credential learns nothing from a verifier, nor completes with it", async () => {
    const { url, verifier } = await start(finalize, "theirs");
    const code = codeOf(await agree(new SmallBrowser(), url, "theirs"));
    const stranger = await team.workloadToken({ project: "unlinked" });
    for (const [path, body] of [
      ["/v1/connect/result", { verifier }],
      ["/v1/connect/complete", { verifier, connectCode: code }],
    ] as const) {
      expect(refusal(await post(path, body, stranger))).toMatchObject({ status: 404, code: "not_found" });
    }
    expect((await complete(verifier, code)).status).toBe(200);
  });

  test("A-11 a user is sent to no origin but the app's", async () => {
    const path = `/v1/connect/authorize/${encodeURIComponent(finalize.uid)}`;
    for (const returnUrl of [
      "https://evil.example.com/",
      `${app.origin}@evil.example.com/`,
      `${app.origin}.evil.example.com/`,
      `//${new URL(app.origin).host}/`,
      `${app.origin}/\\evil.example.com`,
      `${app.origin.replace("http:", "https:")}/`,
      "javascript:alert(1)",
      "data:text/html,x",
    ]) {
      const answer = await post(path, { ...user("sent-away"), returnUrl });
      expect([returnUrl, refusal(answer)]).toMatchObject([returnUrl, { status: 400, code: "invalid_return_url" }]);
    }
  });
});

test("A-10 A-13 no code, state or verifier stands in any log line", async () => {
  const { url, verifier } = await start(finalize, "logged");
  const page = await agree(new SmallBrowser(), url, "logged");
  const secrets = page.visited.flatMap((visited) => {
    const query = new URL(visited).searchParams;
    return ["code", "state", "connect_code"].flatMap((name) => query.get(name) ?? []);
  });
  expect(secrets.length).toBeGreaterThanOrEqual(3);
  await complete(verifier, codeOf(page));
  await server.send({ method: "GET", path: `/v1/connect/result/${verifier}`, token: workload });
  const log = server.harness
    .getLogs()
    .map(({ message }) => message)
    .join("\n");
  expect(log).toContain("/callback/:c");
  for (const secret of [...secrets, verifier]) expect(log).not.toContain(secret);
});
