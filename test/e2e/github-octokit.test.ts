import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { agree } from "../../scripts/demo/agree.ts";
import { SmallBrowser } from "../../scripts/demo/small-browser.ts";
import type { FakeGitHub } from "../providers/github/github.ts";
import { canariesOf, findCanaries } from "./canaries.ts";
import { type GitHubDeployment, startGitHubDeployment } from "./github-deployment.ts";
import type { ByHand, GitHubWorld } from "./github-world.ts";
import { text } from "./http.ts";
import { octokitOfApp, octokitWith } from "./octokit.ts";
import { readEverything } from "./stores.ts";

// GitHub's own clients, unmodified: what we hand out works in them, and is what they would have got by themselves.

const sdk: typeof import("valetkey") = await import(import.meta.resolve("valetkey"));

let deployment: GitHubDeployment;
let github: FakeGitHub;
let world: GitHubWorld;
let bot: ByHand;
let external: number;

beforeAll(async () => {
  deployment = await startGitHubDeployment();
  ({ github, world } = deployment);
  bot = await world.connect("octokit/bot");
  external = await github.install(bot.slug, "acme", { repositories: ["web", "api"], notify: false });
  await world.call(201, "POST", `${bot.path}/installations`, { externalId: String(external) });
});
afterAll(() => deployment?.stop());

const web = { owner: "acme", repo: "web" };

test("@octokit/rest works with a token of ours, as far as that was narrowed", async () => {
  const { token } = await world.minted(bot, { permissions: "issues:read", repositories: "acme/web" });
  const octokit = octokitWith(github, token);
  expect((await octokit.issues.listForRepo(web)).data).toEqual([]);
  const { data } = await octokit.apps.listReposAccessibleToInstallation();
  expect(data.repositories.map(({ full_name }) => full_name)).toEqual(["acme/web"]);
  await expect(octokit.issues.create({ ...web, title: "x" })).rejects.toMatchObject({ status: 403 });
  await expect(octokit.issues.listForRepo({ ...web, repo: "api" })).rejects.toMatchObject({ status: 404 });

  const writer = octokitWith(github, (await world.minted(bot, { permissions: "issues:write" })).token);
  expect((await writer.issues.create({ ...web, title: "Round up" })).data).toMatchObject({ title: "Round up" });
});

/** What `@octokit/auth-app` says of an installation's token. */
const authentication = z.looseObject({
  token: z.string(),
  expiresAt: z.string(),
  permissions: z.record(z.string(), z.string()),
  repositorySelection: z.string(),
  repositoryNames: z.array(z.string()).optional(),
});

test.for([
  { permissions: { issues: "read" }, repositories: ["web"] },
  { permissions: { contents: "read", issues: "write" } },
  { repositories: ["api", "web"] },
  {},
] as { permissions?: Record<string, string>; repositories?: string[] }[])(
  "@octokit/auth-app gets the same by itself, narrowed by %j",
  async ({ permissions, repositories }) => {
    const asApp = octokitOfApp(github, { appId: bot.appId, privateKey: bot.pem });
    const own = authentication.parse(
      await asApp.auth({
        type: "installation",
        installationId: external,
        ...(permissions && { permissions }),
        ...(repositories && { repositoryNames: repositories }),
      }),
    );
    const ours = await world.minted(bot, {
      ...(permissions && { permissions: Object.entries(permissions).map((pair) => pair.join(":")) }),
      ...(repositories && { repositories: repositories.map((name) => `acme/${name}`) }),
    });
    expect(ours.metadata).toEqual({
      permissions: own.permissions,
      repository_selection: own.repositorySelection,
    });
    expect(Math.abs(ours.expiresAt - Date.parse(own.expiresAt))).toBeLessThan(10_000);
    const reach = async (token: string) => {
      const { data } = await octokitWith(github, token).apps.listReposAccessibleToInstallation();
      return data.repositories.map(({ full_name }) => full_name);
    };
    expect(await reach(ours.token)).toEqual(await reach(own.token));
  },
);

test("a user's token acts for that user, is refreshed once for all who ask, and ends with the revocation", async () => {
  const { server, team, app } = deployment;
  github.configure({ userTokenSeconds: 6 });
  const credential = await team.workloadToken();
  const client = sdk.createConnectClient({ baseUrl: server.origin, credential, cacheSize: 0 });
  const ada = { subject: { type: "user", id: "ada" } } as const;
  const { url, verifier } = await client.startAuthorization(bot.uid, ada, { returnUrl: app.returnUrl });
  const back = await agree(new SmallBrowser(), url, "ada");
  const connectCode = back.url.searchParams.get("connect_code") ?? "";
  expect(await client.completeAuthorization({ verifier, connectCode })).toMatchObject({ status: "success" });

  const first = await client.getTokenResponse(bot.uid, ada);
  const as = (token: string) => octokitWith(github, token);
  expect((await as(first.token).users.getAuthenticated()).data.login).toBe("octocat");
  const { data } = await as(first.token).apps.listInstallationsForAuthenticatedUser();
  expect(data.installations.map(({ id }) => id)).toEqual([external]);
  // Of all installations, whichever is named.
  expect((await client.getTokenResponse(bot.uid, { ...ada, installationId: "*" })).token).toBe(first.token);

  const before = github.count("access-token");
  await sleep(Math.max(0, first.expiresAt - Date.now() + 50));
  const asks = Array.from({ length: 20 }, () => team.askForToken(bot.uid, credential, { ...ada, validityBufferMs: 0 }));
  const [second = "", ...others] = new Set((await Promise.all(asks)).map(({ body }) => text(body, "token")));
  expect(others).toEqual([]);
  expect(second).not.toBe(first.token);
  expect(github.count("access-token") - before).toBe(1);
  // Ended by the refresh, whatever was left of it.
  expect(github.tokenState(first.token)).toBe("revoked");
  expect((await as(second).users.getAuthenticated()).data.login).toBe("octocat");

  expect(await client.revokeToken(bot.uid, ada)).toMatchObject({ local: "revoked" });
  await expect.poll(() => github.tokenState(second), { timeout: 15_000 }).toBe("revoked");
  const refused = await client.getToken(bot.uid, ada, { forceRefresh: true }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(sdk.UserAuthorizationRequiredError);
});

test("D-01 C-13 neither GitHub's keys and secrets nor its tokens stand in a store or a log line", async () => {
  const { token } = await world.minted(bot);
  expect(github.issued()).toContain(token);
  const secrets = {
    "a line of the private key": bot.pem.split("\n")[5] ?? "",
    "any private key": "PRIVATE KEY-----",
    "webhook secret": bot.secret,
    "client secret": bot.clientSecret,
    ...Object.fromEntries(github.issued().map((issued, index) => [`token ${index}`, issued])),
    "signature of a token": token.split(".").at(-1) ?? "",
  };
  const found = findCanaries(await readEverything(deployment.server), canariesOf(secrets));
  expect(found).toEqual([]);
});
