import { describe, expect, test } from "vitest";
import { githubDriver } from "../../src/catalog/github/driver.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { startGitHub } from "../providers/github-client.ts";
import { deps, opened, REDIRECT_URI } from "./github-support.ts";
import { CONTEXT, failed, succeeded } from "./support.ts";

function registration() {
  if (githubDriver.registration === null) throw new Error("apps are not registered");
  return githubDriver.registration;
}

const plan = (options: unknown) => registration().plan(options, deps.urlPolicy);
const form = (options: unknown, webhook: { url: string; events: string[] } | null = null, name = "Acme Bot") => {
  const { url, fields } = registration().form({
    plan: JSON.parse(JSON.stringify(succeeded(plan(options)))),
    name,
    state: "state-1",
    redirectUri: REDIRECT_URI,
    webhook,
    publicOrigin: "https://connect.example.com",
  });
  return { url, fields, manifest: JSON.parse(fields.manifest ?? "") };
};

describe("what is asked of GitHub", () => {
  test("is a private app that reads, unless something else is wanted", () => {
    const { url, manifest } = form(undefined);
    expect(url).toBe("https://github.com/settings/apps/new?state=state-1");
    expect(manifest).toEqual({
      name: "Acme Bot",
      url: "https://connect.example.com",
      redirect_url: REDIRECT_URI,
      callback_urls: [REDIRECT_URI],
      setup_url: REDIRECT_URI,
      setup_on_update: true,
      request_oauth_on_install: false,
      public: false,
      default_permissions: { contents: "read", metadata: "read" },
    });
  });

  test("may be an organization's, on another host, with permissions and a description", () => {
    const { url, manifest } = form({
      host: "https://git.acme.dev",
      organization: "acme",
      public: true,
      permissions: ["issues:write", "issues:read"],
      description: "Reads",
    });
    expect(url).toBe("https://git.acme.dev/organizations/acme/settings/apps/new?state=state-1");
    expect(manifest).toMatchObject({ public: true, default_permissions: { issues: "write" }, description: "Reads" });
  });

  test("are whole events, and none that every app gets", () => {
    const events = ["issues.opened", "issues.closed", "push", "*", "pull_request.*", "installation.created", "ping"];
    const { manifest } = form({}, { url: "https://connect.example.com/hooks/1", events });
    expect(manifest.default_events).toEqual(["issues", "push", "pull_request"]);
    expect(manifest.hook_attributes).toEqual({ url: "https://connect.example.com/hooks/1", active: true });
  });

  test("goes to github.com where an empty host means the usual one", () => {
    expect(form({ host: "", apiUrl: "" }).url).toBe("https://github.com/settings/apps/new?state=state-1");
  });

  test("has a name that GitHub takes", () => {
    expect(form({}, null, "x".repeat(60)).manifest.name).toHaveLength(34);
  });

  test.for([
    [{ organization: "a/b" }, "data.organization"],
    [{ permissions: ["everything:write"] }, "data.permissions"],
    [{ permissions: "contents:read" }, "data.permissions"],
    [{ public: "yes" }, "data.public"],
    [{ token: "a" }, "data"],
    // What `create` would refuse once the app is there, and its keys lost with it.
    [{ host: "https://git.acme.dev/enterprise" }, "data.host"],
    [{ host: "https://git.acme.dev", apiUrl: "https://git.acme.dev/api/v3?x" }, "data.apiUrl"],
    [[], "data"],
  ] as const)("%j is no plan", ([options, named]) => {
    const failure = failed(plan(options));
    expect([failure.code, failure.message]).toEqual([
      expect.stringMatching(/^(bad_request|invalid_config)$/),
      expect.stringContaining(named),
    ]);
  });

  test.for(["http://git.acme.dev", "https://127.0.0.2", "https://git.internal"])("%s is not allowed", (host) => {
    const policy = { ...deps.urlPolicy, allowLoopback: false };
    expect(failed(registration().plan({ host }, policy)).code).toBe("url_not_allowed");
    expect(failed(registration().plan({ apiUrl: host }, policy)).code).toBe("url_not_allowed");
  });
});

describe.for(["github.com", "ghes"] as const)("registering at %s", (layout) => {
  async function registered() {
    const github = await startGitHub({ layout });
    const place = layout === "ghes" ? {} : { apiUrl: github.apiBase };
    const options = { host: github.webOrigin, organization: "acme", permissions: ["issues:read"], ...place };
    const { url, fields } = form(options, { url: "http://127.0.0.1:9/hooks/1", events: ["issues"] });
    const posted = await fetch(url, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
    const back = new URL(posted.headers.get("location") ?? "").searchParams;
    expect(back.get("state")).toBe("state-1");
    return { plan: succeeded(plan(options)), code: Secret.of(back.get("code") ?? ""), github };
  }

  test("makes a connector that works", async () => {
    const { plan: planned, code } = await registered();
    const { data, name } = succeeded(await registration().finish({ plan: planned, code }, deps));
    const saved = succeeded(await githubDriver.create(data, CONTEXT, deps));
    expect([name, saved.missing, saved.trigger?.provider]).toEqual(["Acme Bot", [], "github"]);
    expect(saved.trigger?.secret).toMatch(/^\w{40}$/);
    const connector = opened(saved);
    expect(githubDriver.capabilities(connector.config)).toMatchObject({ supportedSubjectTypes: ["app", "user"] });
    expect(githubDriver.redact(connector.config, [])).toMatchObject({
      appSlug: "acme-bot",
      owner: { type: "organization", slug: "acme" },
    });
  });

  test("is refused by GitHub where an event lacks its permission", async () => {
    const { webOrigin: host } = await startGitHub({ layout });
    const { url, fields } = form({ host }, { url: "http://127.0.0.1:9/hooks/1", events: ["issues.*", "push"] });
    const posted = await fetch(url, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
    expect(posted.status).toBe(422);
    expect(await posted.text()).toContain("Default events are not supported by permissions: issues<");
  });

  test("makes none of an app that whoever opened the page registered for another account", async () => {
    const { plan: planned, code } = await registered();
    const failure = failed(await registration().finish({ plan: { ...planned, organization: "globex" }, code }, deps));
    expect([failure.code, failure.reason]).toEqual(["invalid_config", "registered for another account"]);
  });

  test("takes a code once", async () => {
    const { plan: planned, code } = await registered();
    succeeded(await registration().finish({ plan: planned, code }, deps));
    expect(failed(await registration().finish({ plan: planned, code }, deps))).toMatchObject({
      code: "upstream_rejected",
      vendor: { status: 404 },
    });
  });

  test("may be tried again after GitHub's own trouble, and takes no half app", async () => {
    const { plan: planned, code, github } = await registered();
    await github.call("faults.next", "convert", { kind: "answer", status: 500 });
    expect(failed(await registration().finish({ plan: planned, code }, deps)).code).toBe("upstream_unreachable");
    await github.call("faults.next", "convert", { kind: "answer", status: 201, body: { id: 1 } });
    expect(failed(await registration().finish({ plan: planned, code }, deps)).code).toBe("upstream_invalid_response");
    succeeded(await registration().finish({ plan: planned, code }, deps));
  });
});
