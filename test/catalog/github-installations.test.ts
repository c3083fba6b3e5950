import { beforeAll, describe, expect, test } from "vitest";
import { utf8 } from "../../src/crypto/bytes.ts";
import { sha256Base64url } from "../../src/crypto/digest.ts";
import { Secret } from "../../src/crypto/secret.ts";
import {
  type Connector,
  connect,
  deps,
  installations,
  installed,
  newWorld,
  REDIRECT_URI,
  type World,
} from "./github-support.ts";
import { failed, succeeded } from "./support.ts";

const VERIFIER = "v".repeat(43);
let world: World;
let connector: Connector;

beforeAll(async () => {
  world = await newWorld();
  connector = await connect(world);
});

const find = (externalId: string) => installations().find({ ...connector, externalId }, deps);

function proof() {
  const { proof: how } = installations();
  if (how === null) throw new Error("nothing is proven");
  return how;
}

/** What comes of `user` showing who they are. */
async function proves(user: string, externalId: string, of: Connector = connector) {
  await world.github.call("configure", { user });
  const challenge = await sha256Base64url(utf8(VERIFIER));
  const where = { ...of, redirectUri: REDIRECT_URI, state: "state-2", codeChallenge: challenge, nonce: "" };
  const answer = await fetch(succeeded(proof().authorizationUrl(where)), { redirect: "manual" });
  await world.github.call("configure", { user: "octocat" });
  const back = new URL(answer.headers.get("location") ?? "").searchParams;
  expect(back.get("state")).toBe("state-2");
  const code = Secret.of(back.get("code") ?? "");
  const request = { ...of, code, codeVerifier: Secret.of(VERIFIER), redirectUri: REDIRECT_URI, externalId };
  return proof().has(request, deps);
}

/** Makes GitHub say that the next user who asks has this installation and no other. */
function lists(installation: object) {
  const body = { total_count: 1, installations: [installation] };
  return world.github.call("faults.next", "user-installations", { kind: "answer", status: 200, body });
}

describe("an installation", () => {
  test("is found with its account and what was granted", async () => {
    const acme = await installed(world, connector, "acme", { repositories: ["web"] });
    expect(acme).toMatchObject({
      name: "acme",
      state: "active",
      details: {
        permissions: { contents: "write", issues: "read", metadata: "read" },
        repository_selection: "selected",
        account: { login: "acme", type: "Organization" },
      },
    });
    expect([acme.tenantId, acme.externalId].every((id) => /^\d+$/.test(id))).toBe(true);
    expect(Math.abs((acme.changedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
    await world.github.call("suspend", Number(acme.externalId));
    expect(succeeded(await find(acme.externalId))?.state).toBe("suspended");
  });

  test("A-16 of another app, of nobody, or that is no id, is none", async () => {
    const other = await world.github.call<{ id: number }>("registerApp", { name: "Other Bot" });
    const foreign = await world.github.call<number>("install", other.id, "globex");
    for (const id of [String(foreign), "999", "../app", "1e3", "-1", "", "9".repeat(40)]) {
      expect(succeeded(await find(id))).toBeNull();
    }
  });

  test("is not said to be none while GitHub has trouble", async () => {
    for (const [fault, code] of [
      [{ kind: "answer", status: 500 }, "upstream_unreachable"],
      [{ kind: "secondary-limit" }, "upstream_rate_limited"],
      [{ kind: "answer", status: 200, body: { id: 1 } }, "upstream_invalid_response"],
    ] as const) {
      await world.github.call("faults.next", "installation", fault);
      expect(failed(await find("12")).code).toBe(code);
    }
  });

  test("is removed at GitHub, once", async () => {
    const own = await installed(world, connector, "octocat");
    for (let round = 0; round < 2; round++) {
      expect(succeeded(await installations().remove({ ...connector, externalId: own.externalId }, deps))).toBe("done");
    }
    expect(succeeded(await find(own.externalId))).toBeNull();
  });

  test("begins on the app's page, with the tenant chosen where it is known", () => {
    const url = (tenantId: string | null) =>
      succeeded(installations().installUrl({ config: connector.config, state: "a&b", tenantId }));
    const page = `${world.github.webOrigin}/apps/acme-bot/installations/new`;
    expect(url(null)).toBe(`${page}?state=a%26b`);
    expect(url("42")).toBe(`${page}/permissions?state=a%26b&suggested_target_id=42`);
    expect(url("acme&x=y")).toBe(`${page}?state=a%26b`);
    expect(url("enterprise:42")).toBe(`${page}?state=a%26b`);
  });

  test.for([
    [{ hasClientSecret: false }, "data.clientSecret"],
    [{ hasPrivateKey: false }, "data.privateKeyPem"],
    [{ hasClientSecret: false, hasPrivateKey: false }, "data.privateKeyPem and data.clientSecret"],
  ] as const)("is not begun with %j, where it could not be found or proven", ([lacks, named]) => {
    const config = { ...Object(connector.config), ...lacks };
    const failure = failed(installations().installUrl({ config, state: "s", tenantId: null }));
    expect(failure).toMatchObject({ code: "no_token", message: expect.stringContaining(`Set ${named}:`) });
  });
});

describe("A-16 whoever names an installation", () => {
  let globex: string;
  beforeAll(async () => {
    await world.github.call("addUser", "mallory");
    globex = (await installed(world, connector, "globex")).externalId;
  });

  test("has it if GitHub lists it for them", async () => {
    expect(succeeded(await proves("octocat", globex))).toBe(true);
  });

  test("does not have it because it exists, nor because they have another", async () => {
    const own = await world.github.call<number>("install", world.app.id, "mallory");
    expect(succeeded(await proves("mallory", globex))).toBe(false);
    expect(succeeded(await proves("mallory", String(own)))).toBe(true);
    expect(succeeded(await proves("mallory", "0"))).toBe(false);
  });

  test("A-16 does not have that of another's personal account, however often GitHub lists it", async () => {
    const own = await installed(world, connector, "hubot");
    const account = { id: Number(own.tenantId), login: "hubot", type: "User" };
    await lists({ id: Number(own.externalId), account });
    expect(succeeded(await proves("mallory", own.externalId))).toBe(false);
    await lists({ id: Number(own.externalId), account });
    expect(succeeded(await proves("hubot", own.externalId))).toBe(true);
    await world.github.call("faults.next", "user", { kind: "answer", status: 500 });
    expect(failed(await proves("hubot", own.externalId)).code).toBe("upstream_unreachable");
  });

  test.for([
    [{ login: "hubot" }, false],
    [{ login: "hubot", type: "Bot" }, false],
    [{}, false],
    [null, false],
    [{ login: null, slug: null, type: null }, false],
    [{ slug: "octo-corp" }, true],
    [{ login: "acme", type: "Organization" }, true],
  ] as const)("A-16 of an account that GitHub describes as %j has it: %s", async ([described, has]) => {
    const listed = { id: 4711, account: described && { id: 1_000_000_001, ...described } };
    await lists(listed);
    expect(succeeded(await proves("mallory", "4711"))).toBe(has);
  });

  test("leaves no token behind, found or not, or when the list cannot be read", async () => {
    await world.github.call("faults.next", "user-installations", { kind: "answer", status: 500 });
    expect(failed(await proves("octocat", globex)).code).toBe("upstream_unreachable");
    await proves("mallory", globex);
    const users = (await world.github.call<string[]>("issued")).filter((token) => token.startsWith("ghu_"));
    expect(users.length).toBeGreaterThan(2);
    for (const token of users) expect(await world.github.call("tokenState", token)).toBe("revoked");
  });

  test("is found on a later page", async () => {
    const accounts = Array.from({ length: 120 }, (_, index) => `tenant-${index}`);
    let last = 0;
    for (const account of accounts) {
      await world.github.call("addOrganization", account);
      last = await world.github.call<number>("install", world.app.id, account);
    }
    const before = await world.github.call<number>("count", "user-installations");
    expect(succeeded(await proves("octocat", String(last)))).toBe(true);
    expect(await world.github.call("count", "user-installations")).toBe(before + 2);
  });

  test("cannot reuse a code", async () => {
    const request = {
      ...connector,
      code: Secret.of("0".repeat(20)),
      codeVerifier: Secret.of(VERIFIER),
      redirectUri: REDIRECT_URI,
      externalId: globex,
    };
    expect(failed(await proof().has(request, deps)).code).toBe("upstream_rejected");
  });

  test("cannot show it where the app has no client secret", async () => {
    const config = { ...Object(connector.config), hasClientSecret: false };
    const where = { ...connector, config, redirectUri: REDIRECT_URI, state: "s", codeChallenge: "c", nonce: "" };
    expect(failed(proof().authorizationUrl(where)).code).toBe("invalid_config");
  });
});

describe("an event", () => {
  const installation = {
    id: 7,
    app_id: 1,
    account: { id: 42, login: "acme", type: "Organization" },
    permissions: { contents: "read" },
    repository_selection: "all",
    updated_at: "2026-11-22T12:00:00Z",
    suspended_at: null,
  };
  const news = (type: string | null, payload: unknown) => installations().newsOf(type, payload);

  test.for([
    ["created", { state: "active" }],
    ["new_permissions_accepted", { state: "active" }],
    ["unsuspend", { state: "active" }],
    ["deleted", { state: "removed" }],
  ] as const)("that it was %s", ([action, expected]) => {
    expect(news(`installation.${action}`, { action, installation })).toEqual({
      externalId: "7",
      tenantId: "42",
      name: "acme",
      details: {
        permissions: { contents: "read" },
        repository_selection: "all",
        account: { login: "acme", type: "Organization" },
      },
      changedAtMs: Date.UTC(2026, 10, 22, 12),
      ...expected,
    });
  });

  test("that it was suspended", () => {
    const suspended = { ...installation, suspended_at: "2026-11-22T12:00:00Z" };
    expect(news("installation.suspend", { action: "suspend", installation: suspended })?.state).toBe("suspended");
  });

  test.for(["added", "removed"])("that repositories were %s says how many there are now", (action) => {
    const payload = { action, installation: { ...installation, repository_selection: "selected" } };
    const told = news(`installation_repositories.${action}`, payload);
    expect(told).toMatchObject({ state: "active", details: { repository_selection: "selected" } });
  });

  test("may give its time in seconds, or an enterprise's name", () => {
    const odd = { ...installation, updated_at: 1_795_000_000, account: { id: 9, slug: "octo-corp" } };
    expect(news("installation.created", { action: "created", installation: odd })).toMatchObject({
      tenantId: "enterprise:9",
      name: "octo-corp",
      changedAtMs: 1_795_000_000_000,
      details: { account: { login: "octo-corp", type: "Enterprise" } },
    });
  });

  test.for([
    ["push", { action: "created", installation }],
    ["installation_target.renamed", { action: "renamed", installation: { id: 7 } }],
    ["installation.created", { action: "created" }],
    ["installation.created", { action: "created", installation: { id: "7" } }],
    ["installation.other", { action: "other", installation }],
    ["installation.created", null],
    ["constructor", { action: "created", installation }],
    [null, { action: "created", installation }],
  ] as const)("%s says nothing", ([type, payload]) => {
    expect(news(type, payload)).toBeNull();
  });

  test("of the stand-in is understood, each of them", async () => {
    const own = await newWorld({ app: { hookUrl: "http://127.0.0.1:9/" } });
    const id = await own.github.call<number>("install", own.app.id, "acme", { repositories: ["web"] });
    for (const [call, ...args] of [
      ["addRepositories", ["api"]],
      ["removeRepositories", ["api"]],
      ["suspend"],
      ["unsuspend"],
      ["uninstall"],
    ] as const) {
      await own.github.call(call, id, ...args);
    }
    const deliveries = await own.github.call<{ event: string; action: string; body: string }[]>("deliveries");
    const told = deliveries.map(({ event, action, body }) => [
      action,
      news(`${event}.${action}`, JSON.parse(body))?.state,
    ]);
    expect(told).toEqual([
      ["created", "active"],
      ["added", "active"],
      ["removed", "active"],
      ["suspend", "suspended"],
      ["unsuspend", "active"],
      ["deleted", "removed"],
    ]);
  });
});
