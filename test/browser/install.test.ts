import { createHash, randomBytes } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Json, text } from "../e2e/http.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { setUpTeam, type Team } from "../e2e/team.ts";
import { type FakeGitHub, startFakeGitHub } from "../providers/github/github.ts";
import { launchChromium } from "./chromium.ts";
import { goOn, type Person, person } from "./people.ts";

// The production build, a GitHub that asks on pages, and operators in Chromium.

let server: Server;
let team: Team;
let github: FakeGitHub;
let chromium: Browser;

beforeAll(async () => {
  chromium = await launchChromium();
  server = await startServer({ host: "localhost" });
  team = await setUpTeam(server);
  github = await startFakeGitHub({ host: "localhost" });
  github.configure({ consent: "page" });
});
afterAll(async () => {
  await chromium?.close();
  await github?.stop();
  await server?.stop();
});

const call = (status: number, method: "GET" | "POST", path: string, body?: Json) =>
  server.expect(status, { method, path, token: team.owner, ...(body !== undefined && { body }) });
const resultOf = (verifier: string) => call(200, "POST", "/v1/connect/result", { verifier });

async function registration(name: string) {
  const verifier = randomBytes(32).toString("base64url");
  const refused = await call(422, "POST", "/v1/connect/connectors/managed?autoinstall=true", {
    service: "github",
    name,
    triggers: true,
    request_code: createHash("sha256").update(verifier).digest("base64url"),
    data: { host: github.webOrigin, apiUrl: github.apiBase, public: true },
  });
  return { verifier, url: text(refused, "error.registerUrl") };
}

const press = ({ page }: Person, name: RegExp | string) => page.getByRole("button", { name }).click();

// Nothing on the way needs a script of ours, and nothing breaks where there is one.
test.for([true, false])("registered, installed and proven, with scripts: %s", async (javaScriptEnabled) => {
  const { verifier, url } = await registration(`Robot ${javaScriptEnabled}`);
  const operator = await person(chromium, { javaScriptEnabled });
  const { page } = operator;
  await page.goto(url);
  await page.getByRole("heading", { name: `Register Robot ${javaScriptEnabled} at localhost` }).waitFor();
  await press(operator, "Continue");
  await press(operator, /^Continue to localhost/);
  await press(operator, /^Create GitHub App for octocat/);
  await page.getByRole("button", { name: "Install" }).waitFor();
  const partial = await resultOf(verifier);
  expect(text(partial, "status")).toBe("partial");

  // Whoever comes back to the page in the same browser goes on from there.
  await page.goto(url);
  await page.getByLabel("Address of its settings page").waitFor();
  await press(operator, "Continue");
  await page.getByRole("button", { name: "Install" }).waitFor();
  await page.getByLabel("Account").selectOption({ label: "acme" });
  await press(operator, "Install");
  await press(operator, /^Authorize Robot/);
  await page.getByRole("heading", { name: `Robot ${javaScriptEnabled} is installed` }).waitFor();
  expect(new URL(page.url()).search).toBe("");

  const done = await resultOf(verifier);
  expect(text(done, "status")).toBe("success");
  const path = `/v1/connect/connectors/${text(partial, "data.clientId")}/installations/${text(done, "data.installationId")}`;
  expect(text(await call(200, "GET", path), "name")).toBe("acme");
  expect(operator.complaints).toEqual([]);
  // No address with a code or a state of ours is told to anybody by the browser.
  const code = /[?&](?:code|state)=/;
  for (const request of operator.requested) {
    if (request.origin === new URL(url).origin && code.test(request.search))
      expect(request.pathname).toMatch(/^\/callback\//);
  }
  await operator.context.close();
});

test("what was mistyped is mended where it was typed", async () => {
  const { url } = await registration("Robot mistyped");
  const operator = await person(chromium);
  const { page } = operator;
  await goOn(operator, url);
  await press(operator, /^Continue to localhost/);
  await press(operator, /^Create GitHub App/);
  await page.getByRole("button", { name: "Install" }).waitFor();
  await page.goto(url);
  const field = page.getByLabel("Address of its settings page");
  await field.fill("number 47");
  await press(operator, "Continue");
  await page.getByRole("alert").waitFor();
  expect(await page.title()).toMatch(/^Problem: /);
  expect(await field.inputValue()).toBe("number 47");
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  await field.fill("");
  await press(operator, "Continue");
  await page.getByRole("button", { name: "Install" }).waitFor();
  await page.goto(url);
  await press(operator, "Cancel");
  await page.getByText("The connector is made, and no installation of it is confirmed.").waitFor();
  await operator.context.close();
});

test("A-07 the link in a second browser leads nowhere", async () => {
  const { url } = await registration("Robot twice");
  const [first, second] = [await person(chromium), await person(chromium)];
  await goOn(first, url);
  await second.page.goto(url);
  expect(await second.page.getByRole("heading", { level: 1 }).textContent()).toContain("open in another browser");
  await Promise.all([first.context.close(), second.context.close()]);
});

test("somebody who refuses to say who they are installs nothing", async () => {
  const { verifier, url } = await registration("Robot shy");
  const operator = await person(chromium);
  await goOn(operator, url);
  await press(operator, /^Continue to localhost/);
  await press(operator, /^Create GitHub App/);
  await press(operator, "Install");
  await press(operator, "Cancel");
  await operator.page.getByRole("heading", { name: "Canceled" }).waitFor();
  expect(text(await resultOf(verifier), "status")).toBe("canceled");
  await operator.context.close();
});
