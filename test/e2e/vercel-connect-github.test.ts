import {
  ConnectError,
  ConnectorInstallationRequiredError,
  experimental_startInstallation,
  getConnectorMetadata,
  getToken,
  getTokenResponse,
} from "@vercel/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GitHubDeployment, startGitHubDeployment } from "./github-deployment.ts";
import type { ByHand, GitHubWorld } from "./github-world.ts";
import { tokenResponse } from "./schemas.ts";
import { routeVercelApi } from "./vercel-route.ts";

// The unmodified package with a GitHub App: only the origin of its requests is rewritten.

let deployment: GitHubDeployment;
let world: GitHubWorld;
let route: ReturnType<typeof routeVercelApi>;
let vercelToken: string;
let bot: ByHand;

beforeAll(async () => {
  deployment = await startGitHubDeployment();
  ({ world } = deployment);
  route = routeVercelApi(deployment.server.origin);
  vercelToken = await deployment.team.workloadToken();
  bot = await world.connect("routed/bot");
});
afterAll(async () => {
  route?.restore();
  await deployment?.stop();
});

const subject = { type: "app" } as const;

/** It is begun by the package, and done by an operator. */
async function install(account: string): Promise<string> {
  world.choose(account);
  const options = { vercelToken, returnUrl: deployment.app.returnUrl, expiresInMs: 600_000 };
  const started = await experimental_startInstallation(bot.uid, {}, options);
  expect(started).toEqual({
    request: expect.stringMatching(/^sci_/),
    verifier: expect.any(String),
    url: expect.stringContaining("/install/"),
    expiresAt: expect.any(Number),
    connector: expect.objectContaining({ id: bot.id, uid: bot.uid, type: "github", name: expect.any(String) }),
  });
  const page = await world.walk(started.url);
  expect(page.url.searchParams.get("connect_request")).toBe(started.request);
  const { data } = await world.installResult(started.verifier);
  expect(data).toEqual({ clientId: bot.id, installationId: expect.stringMatching(/^ins_/) });
  return String(Object(data).installationId);
}

test("getConnectorMetadata: the app's slug is the vendor's", async () => {
  const metadata = await getConnectorMetadata(bot.uid, { vercelToken });
  expect(metadata).toMatchObject({ uid: bot.uid, type: "github", service: "github" });
  expect(metadata.vendor).toMatchObject({ appSlug: bot.slug });
});

test("ConnectorInstallationRequiredError until experimental_startInstallation has led somebody to GitHub", async () => {
  await expect(getToken(bot.uid, { subject }, { vercelToken })).rejects.toBeInstanceOf(
    ConnectorInstallationRequiredError,
  );
  const installationId = await install("acme");
  const issued = await getTokenResponse(bot.uid, { subject, installationId }, { vercelToken });
  tokenResponse.parse(issued);
  expect(issued).toMatchObject({ installationId, metadata: { repository_selection: "all" } });
  expect(await world.use(issued.token, "/repos/acme/web/issues")).toBe(200);
});

test("getToken by installationId and authorizationDetails: one organization, one repository, and what is asked for", async () => {
  const globex = await install("globex");
  const authorizationDetails = [
    { type: "github_app_installation", permissions: ["issues:read"], repositories: ["globex/site"] },
  ];
  const token = await getToken(bot.uid, { subject, installationId: globex, authorizationDetails }, { vercelToken });
  expect(await world.use(token, "/repos/globex/site/issues")).toBe(200);
  expect(await world.use(token, "/repos/acme/web/issues")).toBe(404);
  const byOrganization = [{ type: "github_app_installation", org: "globex", permissions: "issues:read" }];
  const wider = await getToken(bot.uid, { subject, authorizationDetails: byOrganization }, { vercelToken });
  expect(await world.use(wider, "/repos/globex/site/issues")).toBe(200);
  const external = String(await world.externalId(bot, globex));
  const params = { subject, installationId: external, authorizationDetails };
  expect(await getToken(bot.uid, params, { vercelToken })).toBe(token);

  const above = [{ type: "github_app_installation", permissions: "administration:write" }];
  const error = await getToken(bot.uid, { subject, authorizationDetails: above }, { vercelToken }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConnectError);
  expect(error).toMatchObject({ code: "insufficient_scope", status: 403 });
});
