import { setTimeout as sleep } from "node:timers/promises";
import { agree } from "../../scripts/demo/agree.ts";
import { type Page, SmallBrowser } from "../../scripts/demo/small-browser.ts";
import { type App, startApp } from "./app.ts";
import { type Json, text } from "./http.ts";
import type { Team } from "./team.ts";
import { connectUsers } from "./users.ts";

type Note = (name: string, secret: string) => void;

/**
 * Users on every stretch of the way: asked, at the provider, back but not completed, authorized and refreshed, with a
 * key of their own; and what goes wrong with it. Notes every secret that was met.
 */
export async function authorizeUsers(team: Team, userTtlMs: number, note: Note): Promise<void> {
  const app = await startApp();
  const { uid } = await connectUsers(team, app, "up/users");
  const keys = await connectPastedKeys(team, app);
  const traveller = travellerOf(team, app, note);

  await traveller.start(uid, "asked");
  const away = await traveller.start(uid, "away");
  await traveller.go("away", async (browser) => browser.submit(await browser.open(away.url), { decision: "continue" }));
  const back = await traveller.start(uid, "back");
  await traveller.go("back", (browser) => agree(browser, back.url, "back"));
  const ada = await traveller.start(uid, "ada");
  await traveller.finish(ada.verifier, await traveller.go("ada", (browser) => agree(browser, ada.url, "ada")));
  const workload = await team.workloadToken();
  for (let round = 0; round < 2; round += 1) {
    await team.askForToken(uid, workload, { subject: { type: "user", id: "ada" } });
    await sleep(userTtlMs + 100);
  }
  await team.askForToken(uid, workload, { subject: { type: "user", id: "ada" } });

  for (const id of ["pasted", "pasted and left"]) {
    const key = `key-of-the-user-${crypto.randomUUID()}`;
    note(`key (${id})`, key);
    const { url, verifier } = await traveller.start(keys, id);
    const paste = async (browser: SmallBrowser) =>
      browser.submit(await browser.open(url), { decision: "continue", key });
    const page = await traveller.go(id, paste);
    if (id === "pasted") await traveller.finish(verifier, page);
  }

  // Secrets where they do not belong, on routes that take secrets.
  const misplaced = `misplaced-by-a-user-${crypto.randomUUID()}`;
  note("misplaced by a user", misplaced);
  const { origin } = team.server;
  const browser = new SmallBrowser();
  await browser.open(`${origin}/callback/scl_unknown?code=${misplaced}&state=${misplaced}`);
  await browser.open(`${origin}/authorize/${misplaced}?code=${misplaced}`);
  await team.server.send({ method: "GET", path: `/v1/connect/result/${misplaced}`, token: workload });
  const body = { verifier: misplaced, connectCode: misplaced };
  await team.server.send({ method: "POST", path: "/v1/connect/complete", token: workload, body });
  for (const [index, secret] of team.server.provider.issued().entries()) note(`of the provider, ${index}`, secret);
  await app.stop();
}

async function connectPastedKeys(team: Team, app: App): Promise<string> {
  const data = { subjectType: "user", instructions: "Paste the key from *Settings*." };
  const uid = await team.createConnector({ type: "api-key", uid: "up/keys", name: "Keys", data });
  await team.link(uid, "linked", { environments: ["production"], returnOrigins: [app.origin] });
  return uid;
}

function travellerOf({ server, workloadToken }: Team, app: App, note: Note) {
  const post = async (path: string, body: Json) =>
    server.expect(200, { method: "POST", path, token: await workloadToken(), body });
  return {
    async start(uid: string, id: string): Promise<{ url: string; verifier: string }> {
      const body = { subject: { type: "user", id }, returnUrl: app.returnUrl };
      const started = await post(`/v1/connect/authorize/${encodeURIComponent(uid)}`, body);
      note(`verifier (${id})`, text(started, "verifier"));
      return { url: text(started, "url"), verifier: text(started, "verifier") };
    },

    async go(id: string, travel: (browser: SmallBrowser) => Promise<Page>): Promise<Page> {
      const browser = new SmallBrowser();
      const page = await travel(browser);
      for (const [name, value] of browser.cookies) if (name.includes("vk_flow_")) note(`cookie (${id})`, value);
      for (const name of ["state", "code", "connect_code"]) {
        for (const value of page.visited.flatMap((url) => new URL(url).searchParams.getAll(name))) {
          note(`${name} (${id})`, value);
        }
      }
      return page;
    },

    async finish(verifier: string, page: Page): Promise<void> {
      const connectCode = page.url.searchParams.get("connect_code") ?? "";
      await post("/v1/connect/complete", { verifier, connectCode });
    },
  };
}
