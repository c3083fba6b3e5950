import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import { Webhooks } from "@octokit/webhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeGitHub, startFakeGitHub } from "../providers/github/github.ts";
import { type App, startApp } from "./app.ts";

// The fake GitHub is held to what GitHub's own clients take for GitHub, on github.com as on a server of one's own.

const REPLY = { redirect: "manual" } as const;

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

for (const layout of ["github.com", "ghes"] as const) {
  let github: FakeGitHub;
  beforeAll(async () => {
    github = await startFakeGitHub({ layout });
  });
  afterAll(() => github.stop());

  const octokit = (auth: Record<string, unknown>) =>
    new Octokit({ authStrategy: createAppAuth, auth, baseUrl: github.apiBase, log: silent });

  test(`${layout}: an app that a manifest described is created once, installed, and told so with its own secret`, async () => {
    const manifest = {
      name: "Acme Bot",
      url: "https://example.com/",
      hook_attributes: { url: app.webhook },
      redirect_url: `${app.origin}/created`,
      callback_urls: [`${app.origin}/callback`],
      setup_url: `${app.origin}/installed`,
      public: true,
      default_permissions: { issues: "write", contents: "read" },
      default_events: ["issues"],
    };
    const form = new URLSearchParams({ manifest: JSON.stringify(manifest) });
    const made = await fetch(`${github.webOrigin}/settings/apps/new?state=s1`, {
      method: "POST",
      body: form,
      ...REPLY,
    });
    const back = new URL(made.headers.get("location") ?? "");
    expect([made.status, back.pathname, back.searchParams.get("state")]).toEqual([302, "/created", "s1"]);

    const anybody = new Octokit({ baseUrl: github.apiBase, log: silent });
    const code = back.searchParams.get("code") ?? "";
    const { data: created } = await anybody.apps.createFromManifest({ code });
    expect(created.pem).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
    await expect(anybody.apps.createFromManifest({ code })).rejects.toMatchObject({ status: 404 });

    const before = app.events.length;
    const pages = `${created.html_url}/installations/new`;
    const installed = await fetch(`${pages}?state=s2`, REPLY);
    const arrived = new URL(installed.headers.get("location") ?? "");
    expect(Object.fromEntries(arrived.searchParams)).toEqual({
      installation_id: expect.stringMatching(/^\d+$/),
      setup_action: "install",
      state: "s2",
    });
    await github.settled();
    const event = app.events.slice(before).find(({ headers }) => headers["x-github-event"] === "installation");
    const signature = String(event?.headers["x-hub-signature-256"]);
    expect(event?.body).toMatchObject({ action: "created", installation: { app_id: created.id } });
    expect(await new Webhooks({ secret: String(created.webhook_secret) }).verify(event?.raw ?? "", signature)).toBe(
      true,
    );
    expect(await new Webhooks({ secret: "another" }).verify(event?.raw ?? "", signature)).toBe(false);
  });

  test(`${layout}: a narrowed token reaches what it was narrowed to and nothing else, until it is revoked`, async () => {
    const { id: appId, pem: privateKey } = await github.registerApp({
      name: `Narrow ${layout}`,
      permissions: { issues: "write", contents: "read" },
    });
    const installationId = await github.install(appId, "acme", { repositories: ["web", "api"] });
    const asApp = octokit({ appId, privateKey });
    const { data: installation } = await asApp.apps.getOrgInstallation({ org: "acme" });
    expect([installation.id, installation.repository_selection]).toEqual([installationId, "selected"]);

    const narrow = { repositories: ["web"], permissions: { issues: "read" } as const };
    const { data: minted } = await asApp.apps.createInstallationAccessToken({
      installation_id: installationId,
      ...narrow,
    });
    expect(minted.token).toMatch(/^ghs_\d+_[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(minted.token.length).toBeGreaterThan(450);
    expect(minted).toMatchObject({
      permissions: { issues: "read", metadata: "read" },
      repositories: [{ full_name: "acme/web" }],
    });
    const bearer = new Octokit({ auth: minted.token, baseUrl: github.apiBase, log: silent });
    const web = { owner: "acme", repo: "web" };
    expect((await bearer.issues.listForRepo(web)).data).toEqual([]);
    expect((await bearer.apps.listReposAccessibleToInstallation()).data.total_count).toBe(1);
    const write = bearer.issues.create({ ...web, title: "x" });
    await expect(write).rejects.toMatchObject({ status: 403, message: /Resource not accessible by integration/ });
    await expect(bearer.repos.get({ owner: "acme", repo: "api" })).rejects.toMatchObject({ status: 404 });
    await bearer.apps.revokeInstallationAccessToken();
    await expect(bearer.issues.listForRepo(web)).rejects.toMatchObject({ status: 401, message: /Bad credentials/ });

    // The client's own cache and retries do the same without a token in hand.
    const whole = octokit({ appId, privateKey, installationId });
    expect((await whole.issues.create({ ...web, title: "y" })).data.number).toBe(1);

    const mint = (more: object) =>
      asApp.apps.createInstallationAccessToken({ installation_id: installationId, ...more });
    const unprocessable = { status: 422 };
    await expect(mint({ repositories: ["infra"] })).rejects.toMatchObject(unprocessable);
    await expect(mint({ permissions: { contents: "write" } })).rejects.toMatchObject(unprocessable);
    await github.suspend(installationId);
    await expect(mint({})).rejects.toMatchObject({ status: 403, message: /This installation has been suspended/ });
    await github.uninstall(installationId);
    await expect(mint({})).rejects.toMatchObject({ status: 404 });
  });
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
