import { get } from "node:http";
import { Webhooks } from "@octokit/webhooks";
import { expect, test, vi } from "vitest";
import { onEachLayout } from "./github-layouts.ts";
import { octokitOfApp, octokitWith } from "./octokit.ts";

// The fake GitHub is held to what GitHub's own clients take for GitHub, on github.com as on a server of one's own.

const REPLY = { redirect: "manual" } as const;

onEachLayout((layout, stands) => {
  test("an app that a manifest described is created once, installed, and told so with its own secret", async () => {
    const { github, app } = stands();
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

    const anybody = octokitWith(github);
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

  test("a narrowed token reaches what it was narrowed to and nothing else, until it is revoked", async () => {
    const { github } = stands();
    const { id: appId, pem: privateKey } = await github.registerApp({
      name: `Narrow ${layout}`,
      permissions: { issues: "write", contents: "read" },
    });
    const installationId = await github.install(appId, "acme", { repositories: ["web", "api"] });
    const asApp = octokitOfApp(github, { appId, privateKey });
    const { data: installation } = await asApp.apps.getOrgInstallation({ org: "acme" });
    expect([installation.id, installation.repository_selection]).toEqual([installationId, "selected"]);

    const narrow = { repositories: ["web"], permissions: { issues: "read" } as const };
    const { data: minted } = await asApp.apps.createInstallationAccessToken({
      installation_id: installationId,
      ...narrow,
    });
    // Servers of one's own keep the format of before.
    expect(minted.token).toMatch(layout === "ghes" ? /^ghs_\w{36}$/ : /^ghs_\d+_[\w-]+\.[\w-]+\.[\w-]{342}$/);
    expect(minted).toMatchObject({
      permissions: { issues: "read", metadata: "read" },
      repositories: [{ full_name: "acme/web" }],
    });
    const bearer = octokitWith(github, minted.token);
    const web = { owner: "acme", repo: "web" };
    expect((await bearer.issues.listForRepo(web)).data).toEqual([]);
    expect((await bearer.apps.listReposAccessibleToInstallation()).data.total_count).toBe(1);
    const write = bearer.issues.create({ ...web, title: "x" });
    await expect(write).rejects.toMatchObject({ status: 403, message: /Resource not accessible by integration/ });
    await expect(bearer.repos.get({ owner: "acme", repo: "api" })).rejects.toMatchObject({ status: 404 });
    await bearer.apps.revokeInstallationAccessToken();
    await expect(bearer.issues.listForRepo(web)).rejects.toMatchObject({ status: 401, message: /Bad credentials/ });

    // The client's own cache and retries do the same without a token in hand.
    const whole = octokitOfApp(github, { appId, privateKey, installationId });
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

  test("clocks that differ, keys of others, limits and lost answers look as GitHub's do", async () => {
    const { github } = stands();
    const bot = await github.registerApp({ name: `Faults ${layout}`, permissions: { issues: "read" } });
    const installation_id = await github.install(bot.id, "octocat");
    const other = await github.registerApp({ name: `Other ${layout}` });
    const asApp = octokitOfApp(github, { appId: bot.id, privateKey: bot.pem });
    const mint = () => asApp.apps.createInstallationAccessToken({ installation_id });

    github.configure({ skewMs: -900_000 });
    expect((await mint()).status).toBe(201);
    expect(github.requests("mint").slice(-2)).toMatchObject([{ status: 401 }, { status: 201 }]);
    github.configure({ skewMs: 0 });
    expect(github.latestAppJwt()?.claims.iss).toBe(bot.id);

    const undecoded = { status: 401, message: /A JSON web token could not be decoded/ };
    await expect(
      octokitOfApp(github, { appId: other.id, privateKey: bot.pem }).apps.getAuthenticated(),
    ).rejects.toMatchObject(undecoded);
    const unknown = octokitOfApp(github, { appId: 1, privateKey: bot.pem }).apps.getAuthenticated();
    await expect(unknown).rejects.toMatchObject({ status: 404, message: /Integration not found/ });
    const foreign = octokitOfApp(github, { appId: other.id, privateKey: other.pem }).apps.getInstallation({
      installation_id,
    });
    await expect(foreign).rejects.toMatchObject({ status: 404 });

    github.faults.next("mint", { kind: "primary-limit", resetInSeconds: 90 });
    await expect(mint()).rejects.toMatchObject({
      status: 403,
      response: { headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": expect.stringMatching(/^\d{10}$/) } },
    });
    github.faults.next("mint", { kind: "secondary-limit", retryAfterSeconds: 7 });
    await expect(mint()).rejects.toMatchObject({ status: 403, response: { headers: { "retry-after": "7" } } });
    const issued = github.issued().length;
    github.faults.next("mint", { kind: "reset" });
    await expect(mint()).rejects.toMatchObject({ status: 500 });
    expect(github.issued().length).toBe(issued);
    github.faults.next("mint", { kind: "lost-answer" });
    await expect(mint()).rejects.toMatchObject({ status: 500 });
    expect(github.issued().length).toBe(issued + 1);

    github.faults.next("mint", { kind: "hold" });
    const late = mint();
    await vi.waitFor(() => expect(github.faults.held("mint")).toBe(1));
    await github.suspend(installation_id);
    github.faults.release("mint");
    await expect(late).rejects.toMatchObject({ status: 403 });
  });

  test("who does not say what software asks, or asks for a version that there is not, is refused", async () => {
    const { github } = stands();
    const status = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        get(`${github.apiBase}/app`, { headers }, (answer) => resolve(answer.resume().statusCode)).on("error", reject);
      });
    expect(await status({})).toBe(403);
    expect(await status({ "user-agent": "x" })).toBe(401);
    expect(await status({ "user-agent": "x", "x-github-api-version": "1999-01-01" })).toBe(400);
  });

  test("a list of installations goes on by its links", async () => {
    const { github } = stands();
    const bot = await github.registerApp({ name: `Many ${layout}` });
    const made: number[] = [];
    for (let at = 0; at < 35; at += 1) {
      github.addOrganization(`many-${at}`);
      made.push(await github.install(bot.id, `many-${at}`));
    }
    const asApp = octokitOfApp(github, { appId: bot.id, privateKey: bot.pem });
    const before = github.count("installations");
    const all = await asApp.paginate(asApp.apps.listInstallations);
    expect(all.map(({ id }) => id)).toEqual(made);
    expect(github.count("installations") - before).toBe(2);
  });
});
