import { createHash, randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { type Call, type Json, request, text } from "./api.ts";
import { startEventReceiver } from "./event-receiver.ts";
import { operatorGoes } from "./operator-goes.ts";
import { GITHUB_CONNECTOR, type Scene } from "./scene.ts";
import { type Page, SmallBrowser } from "./small-browser.ts";
import { askForToken } from "./steps.ts";
import { shorten } from "./transcript.ts";
import { addDestination, arrival } from "./webhook-story.ts";

const PATH = `/v1/connect/connectors/${encodeURIComponent(GITHUB_CONNECTOR)}`;

/** An app of our own at GitHub, which nobody copied a key of: two installations, a narrowed token, and an event. */
export async function tellGitHubStory(scene: Scene, accessToken: string, workloadToken: string): Promise<void> {
  await register(scene, accessToken);
  await installElsewhere(scene, workloadToken);
  await narrow(scene, workloadToken);
  await hearOfOne(scene, accessToken);
}

function stepsOf({ transcript, origin }: Scene) {
  return (title: string, call: Call): Promise<Json> => transcript.step(title, () => request(origin, call));
}

/** From nothing to an app that is installed in acme. */
async function register(scene: Scene, token: string): Promise<void> {
  const { transcript, github } = scene;
  const step = stepsOf(scene);
  transcript.heading("Create a GitHub App, as the operator, without seeing its keys");
  const verifier = randomBytes(32).toString("base64url");
  const refused = await step("Ask for a GitHub connector: there is a page to go through first", {
    method: "POST",
    path: "/v1/connect/connectors/managed?autoinstall=true",
    token,
    body: {
      service: "github",
      uid: GITHUB_CONNECTOR,
      name: "Acme Bot",
      triggers: true,
      events: ["issues.*"],
      data: {
        host: github.webOrigin,
        apiUrl: github.apiBase,
        public: true,
        permissions: ["contents:read", "issues:write"],
      },
      request_code: createHash("sha256").update(verifier).digest("base64url"),
    },
    expect: 422,
    show: (answer) => ({ code: text(answer, "error.code"), page: text(answer, "error.registerUrl") }),
  });
  await goThrough(scene, "The operator creates it at GitHub, and installs it in acme", {
    url: text(refused, "error.registerUrl"),
    account: "acme",
  });
  await transcript.step("Ask how it went", async () => {
    const { value, shown } = await request(scene.origin, {
      method: "GET",
      path: `/v1/connect/result/${verifier}`,
      token,
      expect: 200,
      show: (answer) => ({ status: text(answer, "status"), installation: text(answer, "data.installationId") }),
    });
    return { value, shown: { ...shown, path: `/v1/connect/result/${shorten(verifier)}` } };
  });
  await step(`Link ${GITHUB_CONNECTOR} to invoices`, {
    method: "POST",
    path: `${PATH}/projects/invoices`,
    token,
    body: { environments: ["production", "development"] },
    expect: 200,
    show: (answer) => ({ environments: text(answer, "enabledEnvironments") }),
  });
}

/** A customer of invoices wants it, too. */
async function installElsewhere(scene: Scene, token: string): Promise<void> {
  const step = stepsOf(scene);
  scene.transcript.heading("Another organization installs it");
  const started = await step("Start an installation, as the workload", {
    method: "POST",
    path: `/v1/connect/install/${encodeURIComponent(GITHUB_CONNECTOR)}`,
    token,
    body: {},
    expect: 200,
    show: (answer) => ({ page: text(answer, "url") }),
  });
  await goThrough(scene, "An owner of globex installs it, and proves to be one", {
    url: text(started, "url"),
    account: "globex",
  });
  await step("Ask how it went", {
    method: "POST",
    path: "/v1/connect/result",
    token,
    body: { verifier: text(started, "verifier") },
    expect: 200,
    show: (answer) => ({ status: text(answer, "status"), installation: text(answer, "data.installationId") }),
  });
}

async function goThrough(
  { transcript, github }: Scene,
  title: string,
  { url, account }: { url: string; account: string },
): Promise<void> {
  await transcript.step(title, async () => {
    github.configure({ selection: { account, repositories: "all" } });
    const startedMs = performance.now();
    const page = await operatorGoes(new SmallBrowser(), url);
    const { origin, pathname } = page.url;
    if (page.status !== 200) throw new Error(`The operator ended at ${page.status}: ${headingOf(page)}`);
    const fields = { browser: wayOf(page, github.webOrigin) };
    const elapsedMs = performance.now() - startedMs;
    return { value: null, shown: { method: "GET", path: origin + pathname, status: page.status, elapsedMs, fields } };
  });
}

/** Whose pages the browser went through after the first one, in order. */
function wayOf({ visited }: Page, githubOrigin: string): string {
  const hosts = visited.map((url) => (new URL(url).origin === githubOrigin ? "GitHub" : "Valetkey"));
  return hosts.filter((host, index) => host !== hosts[index - 1]).join(" → ");
}

function headingOf({ html }: Page): string {
  return /<h1>([\s\S]*?)<\/h1>/.exec(html)?.[1]?.replaceAll(/<[^>]*>/g, "") ?? "";
}

/** One organization, one repository, one permission. */
async function narrow(scene: Scene, workloadToken: string): Promise<void> {
  scene.transcript.heading("Ask for as little as a job needs");
  const detail = { type: "github_app_installation", permissions: ["issues:read"], repositories: ["acme/web"] };
  const token = await askForToken(scene, "Ask for a token to read the issues of acme/web", {
    connector: GITHUB_CONNECTOR,
    token: workloadToken,
    narrowing: { authorizationDetails: [detail] },
    show: (answer) => ({
      installation: text(answer, "installationId"),
      permissions: JSON.stringify(Object(answer.metadata).permissions),
    }),
  });
  const use = (title: string, call: Omit<Call, "token">, show: Call["show"]) =>
    scene.transcript.step(title, async () => {
      const { value, shown } = await request(scene.github.apiBase, { ...call, token, ...(show && { show }) });
      return { value, shown: { ...shown, path: scene.github.apiBase + shown.path } };
    });
  const message = (answer: Json) => ({ message: text(answer, "message") });
  await use("Read that repository", { method: "GET", path: "/repos/acme/web", expect: 200 }, (answer) => ({
    repository: text(answer, "full_name"),
  }));
  const issue = { title: "Round up" };
  await use(
    "Write an issue there: refused by GitHub",
    { method: "POST", path: "/repos/acme/web/issues", body: issue, expect: 403 },
    message,
  );
  await use("Read another repository: not there", { method: "GET", path: "/repos/acme/api", expect: 404 }, message);
}

/** An event of globex, which the app can tell from those of acme. */
async function hearOfOne(scene: Scene, accessToken: string): Promise<void> {
  const { transcript, github, origin } = scene;
  const step = stepsOf(scene);
  const receiver = await startEventReceiver(origin);
  try {
    transcript.heading("An event of one organization");
    const listed = await step("Say where the app is installed", {
      method: "GET",
      path: `${PATH}/installations`,
      token: accessToken,
      expect: 200,
      show: (answer) => Object.fromEntries(installationsOf(answer).map((one) => [text(one, "name"), text(one, "id")])),
    });
    await addDestination(scene, accessToken, receiver, { connector: GITHUB_CONNECTOR, path: "/bot" });
    const globex = installationsOf(listed).find(({ name }) => name === "globex") ?? {};
    const slug = text(await connectorOf(scene, accessToken), "data.appSlug");
    await transcript.step("GitHub tells of an issue in globex", async () => {
      const startedMs = performance.now();
      const payload = { action: "opened", issue: { number: 7, title: "Round down" } };
      const installation = Number(text(globex, "externalId"));
      const sent = await github.sendEvent(slug, "issues", payload, { installation });
      if (sent?.status !== 200) throw new Error(`The ingress answered ${sent?.status}.`);
      const { pathname } = new URL(sent.url);
      const fields = { signature: shorten(String(sent.headers["x-hub-signature-256"]).slice("sha256=".length)) };
      const elapsedMs = performance.now() - startedMs;
      return { value: null, shown: { method: "POST", path: pathname, status: sent.status, elapsedMs, fields } };
    });
    const { trigger } = await arrival(scene, receiver, "/bot", "It arrives, with the installation that it is of");
    if (trigger.installationId !== globex.id) throw new Error("The event is of another installation.");
  } finally {
    await receiver.stop();
  }
}

async function connectorOf({ origin }: Scene, token: string): Promise<Json> {
  return (await request(origin, { method: "GET", path: PATH, token, expect: 200 })).value;
}

function installationsOf({ installations }: Json): Json[] {
  return Array.isArray(installations) ? installations.map((one) => ({ ...one })) : [];
}
