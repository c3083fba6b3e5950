import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SmallBrowser } from "../../scripts/demo/small-browser.ts";
import { type FakeGitHub, startFakeGitHub } from "../providers/github/github.ts";
import { type App, startApp } from "./app.ts";
import { type GitHubWorld, githubWorld, type Registered } from "./github-world.ts";
import type { Json } from "./http.ts";
import { refusal } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";

// From an app that there is not yet to tokens of two organizations, and back to nothing.

/** An isolate decides from one reading of connector and link for a second. */
const DECIDED_FOR_MS = 1100;

let server: Server;
let team: Team;
let app: App;

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
  app = await startApp();
});
afterAll(async () => {
  await app?.stop();
  await server?.stop();
});

for (const layout of ["github.com", "ghes"] as const) {
  describe(layout, () => {
    let github: FakeGitHub;
    let world: GitHubWorld;
    let bot: Registered;
    let globex: string;

    beforeAll(async () => {
      github = await startFakeGitHub({ layout, host: "localhost" });
      world = githubWorld(team, github, app);
    });
    afterAll(() => github?.stop());

    const minted = (detail: Json | null = null, more = {}) => world.minted(bot, detail, more);
    const relink = async (link: Json) => {
      await team.link(bot.uid, "linked", link);
      await sleep(DECIDED_FOR_MS);
    };
    const setDefault = async (defaultInstallationId: string | null) => {
      await world.call(200, "PATCH", bot.path.replace("/v1", "/v2"), { defaultInstallationId });
      await sleep(DECIDED_FOR_MS);
    };
    const refused = async (detail: Json | null, more = {}) => refusal(await world.ask(bot, detail, more));

    test("an operator has the app registered and installed, and never sees its keys", async () => {
      const other = await world.startRegistration(`${layout}/unfinished`);
      expect(await world.result(other.verifier)).toMatchObject({ status: "pending" });
      bot = await world.register(`${layout}/bot`, { triggers: true, events: ["issues.*"] });
      expect(github.count("convert")).toBe(1);
      // GitHub's first ping came too early; what comes now is received.
      expect(await github.sendEvent(bot.slug, "issues", { action: "opened" })).toMatchObject({ status: 200 });
      expect(await github.sendEvent(bot.slug, "push", { ref: "refs/heads/main" })).toBeNull();
      const connector = await world.call(200, "GET", bot.path);
      expect(connector).toMatchObject({
        type: "github",
        service: "github",
        creationMode: "managed",
        defaultInstallationId: bot.installationId,
        supportsInstallation: true,
        data: { appSlug: bot.slug, privateKeyPem: { set: true }, clientSecret: { set: true } },
      });
      expect(JSON.stringify(connector)).not.toContain("PRIVATE KEY-----");
      expect(await world.installations(bot)).toMatchObject([
        { id: bot.installationId, name: "acme", state: "active", default: true },
      ]);
    });

    test("an app has it installed in another organization, and hears which that is", async () => {
      globex = await world.install(bot, "globex");
      expect(globex).toMatch(/^ins_/);
      expect(await world.installations(bot)).toMatchObject([{ name: "acme" }, { id: globex, name: "globex" }]);
      expect(app.arrivals.at(-1)?.url.searchParams.get("connect_request")).toMatch(/^sci_/);
      const connector = expect.objectContaining({ id: bot.id, uid: bot.uid });
      await expect
        .poll(() => app.events.map(({ body }) => body), { timeout: 10_000 })
        .toContainEqual(expect.objectContaining({ status: "success", connector }));
      expect(await world.install(bot, "globex"), "the same again").toBe(globex);
      // Who installed it was asked, and nothing of that was kept.
      const ofUsers = github.issued().filter((token) => token.startsWith("ghu_"));
      expect(ofUsers.length).toBeGreaterThan(1);
      expect(new Set(ofUsers.map(github.tokenState))).toEqual(new Set(["revoked"]));
    });

    test("A-16 an installation that is not the browser's, or not the app's, is refused and not recorded", async () => {
      const stranger = await github.install(bot.slug, "hubot", { notify: false });
      const elsewhere = await github.registerApp({ name: `Elsewhere ${layout}` });
      const foreign = await github.install(elsewhere.id, "acme");
      for (const externalId of [stranger, foreign, 1]) {
        const started = await world.startInstallation(bot);
        const page = await world.forge(bot, started, externalId);
        expect([externalId, page.status, page.url.origin]).toEqual([externalId, 403, server.origin]);
        expect(await world.installResult(started.verifier)).toMatchObject({
          status: "error",
          error: { code: "installation_not_verified" },
        });
      }
      const started = await world.startInstallation(bot);
      const callback = `${server.origin}/callback/${bot.id}?installation_id=${stranger}&setup_action=install`;
      const stray = await new SmallBrowser().open(`${callback}&state=${"s".repeat(43)}`);
      expect(stray.status).toBeGreaterThanOrEqual(400);
      expect(await world.installResult(started.verifier)).toMatchObject({ status: "pending" });
      expect(await world.installations(bot)).toHaveLength(2);
      await github.uninstall(stranger, { notify: false });
    });

    test("a narrowed token does what it says, where it says, and nothing else", async () => {
      const issued = await minted({ permissions: ["issues:read"], repositories: ["acme/web"] });
      expect(issued).toMatchObject({
        installationId: bot.installationId,
        connector: { uid: bot.uid, type: "github" },
        metadata: { permissions: { issues: "read", metadata: "read" }, repository_selection: "selected" },
      });
      expect(issued.expiresAt).toBeLessThanOrEqual(Date.now() + 3_600_000);
      expect(await world.use(issued.token, "/repos/acme/web/issues")).toBe(200);
      expect(await world.use(issued.token, "/repos/acme/api/issues")).toBe(404);
      expect(await world.use((await minted()).token, "/repos/acme/api/issues")).toBe(200);

      const other = await minted({ permissions: "issues:read" }, { installationId: globex });
      expect(other.installationId).toBe(globex);
      expect(await world.use(other.token, "/repos/globex/site/issues")).toBe(200);
      expect(await world.use(other.token, "/repos/acme/web/issues")).toBe(404);
    });

    test("an installation is known by our id, by GitHub's, by its account's, and by the name that a request says", async () => {
      const external = await world.externalId(bot, globex);
      const { token } = await minted(null, { installationId: globex });
      const [, listed] = await world.installations(bot);
      for (const installationId of [String(external), String(listed?.tenantId), "globex", "GLOBEX"]) {
        expect([installationId, (await minted(null, { installationId })).token]).toEqual([installationId, token]);
      }
      expect((await minted({ org: "Globex" })).token).toBe(token);
      expect(await refused(null, { installationId: "initech" })).toMatchObject({
        code: "client_installation_required",
      });
    });

    test("equal requests, however written, are one mint; fifty at once, too; and one signature serves all", async () => {
      const [mints, jwts] = [github.count("mint"), github.appJwts()];
      const spellings = [
        { permissions: ["contents:read", "issues:read"], repositories: ["acme/api", "acme/web"] },
        { permissions: ["issues:read", "contents:read"], repositories: ["WEB", "api", "acme/Web"] },
        { org: "acme", permissions: ["issues:read", "contents:read", "issues:read"], repositories: ["api", "web"] },
      ];
      const tokens = await Promise.all(spellings.map((detail) => minted(detail)));
      expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
      expect(new Set(tokens.map(({ tokenGroupId }) => tokenGroupId)).size).toBe(1);
      expect(github.count("mint") - mints).toBe(1);

      const crowd = await Promise.all(Array.from({ length: 50 }, () => minted({ permissions: "issues:write" })));
      expect(new Set(crowd.map(({ token }) => token)).size).toBe(1);
      expect(github.count("mint") - mints).toBe(2);
      expect(github.appJwts()).toBe(jwts);
    });

    test("C-14 more than was granted is refused with the name of what is missing, and nothing asks for it by scopes", async () => {
      const mints = github.count("mint");
      const above = await refused({ permissions: ["contents:write", "issues:read"] });
      expect(above).toMatchObject({ status: 403, code: "insufficient_scope" });
      expect(above.message).toContain("contents:write");
      expect(await refused({ permissions: ["everything:write"] })).toMatchObject({
        status: 400,
        code: "invalid_target",
      });
      const ofAcme = { installationId: bot.installationId };
      expect(await refused({ repositories: ["globex/site"] }, ofAcme)).toMatchObject({ status: 403 });
      expect(await refused(null, { scopes: ["repo"] })).toMatchObject({ status: 400, code: "invalid_scope" });
      expect(github.count("mint")).toBe(mints);
      const outside = await refused({ repositories: ["acme/infra"] });
      expect(outside).toMatchObject({ status: 403, code: "insufficient_scope" });
      expect(outside.message).toContain("infra");
    });

    test("C-14 a link's ceiling holds against whoever asks, and is what the defaults are", async () => {
      const ceiling = { type: "github_app_installation", permissions: ["issues:read"], repositories: ["acme/web"] };
      const environments = { environments: ["production"] };
      await relink({ ...environments, authorizationDetails: [ceiling] });
      for (const detail of [
        { permissions: "issues:write" },
        { permissions: "contents:read" },
        { repositories: "api" },
      ]) {
        expect(await refused(detail)).toMatchObject({ status: 403, code: "permission_not_allowed" });
      }
      const { token, metadata } = await minted();
      expect(metadata).toMatchObject({ permissions: { issues: "read" }, repository_selection: "selected" });
      expect(await world.use(token, "/repos/acme/web/issues")).toBe(200);
      expect(await world.use(token, "/repos/acme/api/issues")).toBe(404);
      await relink({ ...environments, authorizationDetails: null, installations: ["globex"] });
      expect(await refused({ org: "acme" })).toMatchObject({ code: "client_installation_required" });
      await relink({ ...environments, installations: null });
    });

    test("without a default, a request has to say which of two organizations it means", async () => {
      await setDefault(null);
      expect(await refused(null)).toMatchObject({ status: 422, code: "client_installation_required" });
      expect((await minted({ repositories: ["acme/web"] })).installationId).toBe(bot.installationId);
      await setDefault(globex);
      expect((await minted()).installationId).toBe(globex);
    });

    test("revoking one installation's tokens ends those at GitHub, and no others", async () => {
      const [ours, theirs] = [await minted({ org: "acme" }), await minted()];
      const report = await world.call(200, "DELETE", `${bot.path}/tokens`, { installationId: bot.installationId });
      expect(report).toMatchObject({ local: "revoked" });
      await expect.poll(() => github.tokenState(ours.token), { timeout: 15_000 }).toBe("revoked");
      expect(github.tokenState(theirs.token)).toBe("valid");
      expect((await minted()).token).toBe(theirs.token);
      expect((await minted({ org: "acme" })).token).not.toBe(ours.token);
    });

    test("an operator who removes an installation uninstalls the app there, if they say so", async () => {
      const { token } = await minted();
      const external = await world.externalId(bot, globex);
      const removal = await server.send({
        method: "DELETE",
        path: `${bot.path}/installations/${globex}?uninstall=true`,
        token: team.owner,
      });
      expect(removal.status).toBeLessThan(300);
      await expect.poll(() => github.tokenState(token), { timeout: 15_000 }).toBe("revoked");
      expect(github.installations(bot.slug).map(({ id }) => id)).not.toContain(external);
      expect(await refused(null, { installationId: globex })).toMatchObject({ code: "client_installation_required" });
    });
  });
}
