import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { SmallBrowser } from "../../scripts/demo/small-browser.ts";
import { onEachLayout } from "./github-layouts.ts";
import { isObject, text } from "./http.ts";
import { octokitOfApp, octokitWith } from "./octokit.ts";

// What users do at the fake GitHub, and what GitHub's own clients make of the tokens that they get.

const REPLY = { redirect: "manual" } as const;

onEachLayout((layout, stands) => {
  test("a user's tokens change as one, and end with the grant", async () => {
    const { github, app } = stands();
    const callback = `${app.origin}/callback`;
    const bot = await github.registerApp({ name: `Users ${layout}`, callbackUrls: [callback] });
    const seen = await github.install(bot.id, "globex");
    await github.install(bot.id, "hubot");
    const { clientId: client_id, clientSecret: client_secret } = bot;
    const verifier = "v".repeat(43);
    const challenge = createHash("sha256").update(verifier).digest("base64url");
    const code = async (more: Record<string, string> = {}) => {
      const query = new URLSearchParams({ client_id, redirect_uri: callback, state: "s", ...more });
      const answer = await fetch(`${github.webOrigin}/login/oauth/authorize?${query}`, REPLY);
      return new URL(answer.headers.get("location") ?? "").searchParams.get("code") ?? "";
    };
    const tokens = async (form: Record<string, string>, accept = "application/json") => {
      const body = new URLSearchParams({ client_id, client_secret, ...form });
      const answer = await fetch(`${github.webOrigin}/login/oauth/access_token`, {
        method: "POST",
        headers: { accept },
        body,
      });
      expect(answer.status).toBe(200);
      return answer.text();
    };
    const pkce = { code_challenge: challenge, code_challenge_method: "S256" };
    expect(await tokens({ code: await code(pkce) })).toContain("bad_verification_code");
    expect(await tokens({ code: await code(), client_secret: "x" })).toContain("incorrect_client_credentials");
    expect(await tokens({ code: await code(), redirect_uri: "http://a.test/" })).toContain("redirect_uri_mismatch");
    const form = new URLSearchParams(await tokens({ code: await code(pkce), code_verifier: verifier }, "*/*"));
    expect(Object.fromEntries(form)).toMatchObject({
      access_token: expect.stringMatching(/^ghu_\w{36}$/),
      expires_in: "28800",
      refresh_token: expect.stringMatching(/^ghr_\w{76}$/),
      refresh_token_expires_in: "15897600",
      token_type: "bearer",
      scope: "",
    });

    const first = form.get("access_token") ?? "";
    const as = (token: string) => octokitWith(github, token);
    expect((await as(first).users.getAuthenticated()).data.login).toBe("octocat");
    const { data } = await as(first).apps.listInstallationsForAuthenticatedUser();
    expect(data.installations.map(({ id }) => id)).toEqual([seen]);

    const again = { grant_type: "refresh_token", refresh_token: form.get("refresh_token") ?? "" };
    const second: unknown = JSON.parse(await tokens(again));
    if (!isObject(second)) throw new Error("no tokens");
    await expect(as(first).users.getAuthenticated()).rejects.toMatchObject({ status: 401 });
    expect(await tokens(again)).toContain("bad_refresh_token");

    const asApp = octokitOfApp(github, {
      appId: bot.id,
      privateKey: bot.pem,
      clientId: client_id,
      clientSecret: client_secret,
    });
    const named = { client_id, access_token: text(second, "access_token") };
    expect((await asApp.apps.checkToken(named)).data.user?.login).toBe("octocat");
    expect((await asApp.apps.deleteAuthorization(named)).status).toBe(204);
    await expect(asApp.apps.checkToken(named)).rejects.toMatchObject({ status: 404 });
    expect(github.tokenState(text(second, "refresh_token"))).toBe("revoked");
    // Elsewhere than on github.com, the client finds the token endpoint only below the API's own host.
    if (layout === "github.com") return;
    const token: unknown = await asApp.auth({ type: "oauth-user", code: await code() });
    expect(token).toMatchObject({ tokenType: "oauth", expiresAt: expect.any(String) });
  });

  test("on pages, a user chooses; a member asks; and who cancels gets nothing", async () => {
    const { github, app } = stands();
    const { slug, clientId } = await github.registerApp({
      name: `Pages ${layout}`,
      callbackUrls: [`${app.origin}/callback`],
      setupUrl: `${app.origin}/setup`,
    });
    const browser = new SmallBrowser();
    const pages = `${github.webOrigin}/${layout === "ghes" ? "github-apps" : "apps"}/${slug}/installations/new`;
    github.configure({ consent: "page" });
    const chosen = github.addRepository("acme/chosen");
    const acme = /value="(\d+)">acme</.exec((await browser.open(pages)).html)?.[1] ?? "";
    const choice = { target_id: acme, repository_selection: "selected", repository_ids: String(chosen) };
    const asked = await browser.submit(await browser.open(`${pages}?state=s3`), choice);
    expect(asked.url.searchParams.get("setup_action")).toBe("install");
    const [installed] = github.installations(slug);
    expect(installed).toMatchObject({ account: { login: "acme" }, repository_selection: "selected" });

    github.configure({ user: "hubot" });
    const member = await browser.submit(await browser.open(`${pages}?state=s4`), choice);
    expect(Object.fromEntries(member.url.searchParams)).toEqual({ setup_action: "request", state: "s4" });
    const authorize = `${github.webOrigin}/login/oauth/authorize?client_id=${clientId}&state=s5`;
    const denied = await browser.submit(await browser.open(authorize), { decision: "deny" });
    expect(denied.url.searchParams.get("error")).toBe("access_denied");
    const agreed = await browser.submit(await browser.open(authorize), { decision: "agree", user: "octocat" });
    expect(agreed.url.searchParams.get("code")).toMatch(/^[0-9a-f]{20}$/);

    // From another process.
    const body = JSON.stringify({ call: "configure", args: [{ consent: "automatic", user: "octocat" }] });
    expect((await fetch(`${github.webOrigin}/_control`, { method: "POST", body })).status).toBe(200);
    expect((await browser.open(authorize)).url.searchParams.get("state")).toBe("s5");
  });
});
