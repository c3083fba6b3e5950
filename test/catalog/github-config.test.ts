import { beforeAll, describe, expect, test } from "vitest";
import { githubDriver } from "../../src/catalog/github/driver.ts";
import type { RemoteApp } from "../providers/github-client.ts";
import { dataOf, deps, newWorld, opened, type World } from "./github-support.ts";
import { CONTEXT, failed, publishing, succeeded } from "./support.ts";

let world: World;

beforeAll(async () => {
  world = await newWorld();
});

const create = (change: Record<string, unknown> = {}, draft = false) => {
  const data = Object.entries({ ...world.data, ...change }).filter(([, value]) => value !== undefined);
  return githubDriver.create(Object.fromEntries(data), { ...CONTEXT, draft }, deps);
};
const asked = () => world.github.call<number>("count", "app");

describe("an app's credentials", () => {
  test("are split from what may be shown", async () => {
    const owner = { type: "organization", id: 5, slug: "acme", name: "Acme, Inc." };
    const saved = succeeded(await create({ owner, extras: { team: "a" }, webhookSecret: "hush" }));
    expect(Object.keys(saved.secrets).sort()).toEqual(["clientSecret", "privateKeyPem"]);
    expect(saved.trigger).toEqual({ provider: "github", secret: "hush" });
    const shown = githubDriver.redact(saved.config, Object.keys(saved.secrets));
    expect(shown).toEqual({
      appId: world.app.id,
      appSlug: "acme-bot",
      appName: "Acme Bot",
      clientId: world.app.clientId,
      owner,
      extras: { team: "a" },
      host: world.github.webOrigin,
      apiUrl: world.github.apiBase,
      clientSecret: { set: true },
      privateKeyPem: { set: true },
    });
    for (const secret of [world.app.clientSecret, world.app.pem, "hush"]) {
      expect(JSON.stringify([saved.config, shown])).not.toContain(secret);
    }
  });

  test.for([
    [{ appId: undefined }, "data.appId"],
    [{ appSlug: undefined }, "data.appSlug"],
    [{ appName: undefined }, "data.appName"],
    [{ clientId: undefined }, "data.clientId"],
    [{ appId: 0 }, "data.appId"],
    [{ appId: "one" }, "data.appId"],
    [{ appSlug: "a/../b" }, "data.appSlug"],
    [{ owner: { type: "robot" } }, "data.owner"],
    [{ extras: { a: "x".repeat(9000) } }, "data.extras"],
    [{ webhookSecret: " a " }, "data.webhookSecret"],
    [{ host: "https://github.example.com/enterprise" }, "data.host"],
    [{ apiUrl: "https://api.github.com/?a=b" }, "data.apiUrl"],
    [{ privateKeyPem: "no key" }, "data.privateKeyPem"],
  ] as const)("%j is refused", async ([change, named]) => {
    const failure = failed(await create(change));
    expect([failure.code, failure.message]).toEqual(["invalid_config", expect.stringContaining(named)]);
  });

  test("an unknown member is refused", async () => {
    expect(failed(await create({ private_key: "a" })).code).toBe("unknown_field");
  });

  test("numbers may come as digits", async () => {
    expect(succeeded(await create({ appId: String(world.app.id) })).config).toMatchObject({ appId: world.app.id });
  });

  test("a draft may lack them, and says which", async () => {
    const saved = succeeded(await githubDriver.create({}, { ...CONTEXT, draft: true }, deps));
    expect(saved.missing).toHaveLength(4);
    const { supportedSubjectTypes, appTokens, userTokens } = githubDriver.capabilities(opened(saved).config);
    expect([supportedSubjectTypes, appTokens, userTokens]).toEqual([[], undefined, undefined]);
  });

  test("without a secret of its kind, a connector has no tokens of that kind", async () => {
    const appOnly = succeeded(await create({ clientSecret: undefined }));
    expect(githubDriver.capabilities(appOnly.config)).toMatchObject({ supportedSubjectTypes: ["app"] });
    expect(githubDriver.userAuthorization(appOnly.config)).toBeNull();
    const usersOnly = succeeded(await create({ privateKeyPem: undefined }));
    expect(githubDriver.capabilities(usersOnly.config)).toMatchObject({ supportedSubjectTypes: ["user"] });
  });
});

describe("the private key", () => {
  test("that is another app's is refused, saying so", async () => {
    const { pem } = await world.github.call<{ pem: string }>("registerApp", { name: "Other Bot" });
    const failure = failed(await create({ privateKeyPem: pem }));
    expect(failure).toMatchObject({
      code: "invalid_config",
      message: expect.stringContaining("data.privateKeyPem is not a key of the app"),
    });
  });

  test("whose app has another id or slug than was given is refused, saying which", async () => {
    expect(failed(await create({ appId: 12 })).message).toContain("of data.appId.");
    expect(failed(await create({ appSlug: "another" })).message).toContain("of data.appSlug.");
  });

  test("may be PKCS#8, have its line breaks escaped, or lack the last one", async () => {
    const { pem } = world.app;
    const pkcs8 = await toPkcs8(pem);
    for (const privateKeyPem of [pem.trimEnd(), pem.replaceAll("\n", "\\n"), pem.replaceAll("\n", "\r\n"), pkcs8]) {
      succeeded(await create({ privateKeyPem }));
    }
  });

  test("of less than 2048 bits, cut off, public or encrypted is none", async () => {
    const { pem } = world.app;
    const weak = await generated(1024);
    const bad = [
      weak,
      pem.slice(0, 800),
      pem.replace("MII", "MIJ"),
      pem.replaceAll("RSA PRIVATE", "PUBLIC"),
      pem.replaceAll("RSA PRIVATE", "ENCRYPTED PRIVATE"),
      pem.replace("BEGIN RSA PRIVATE", "BEGIN PRIVATE"),
    ];
    for (const privateKeyPem of bad) {
      const failure = failed(await create({ privateKeyPem }));
      expect([failure.code, failure.message]).toEqual(["invalid_config", expect.stringContaining("RSA private key")]);
    }
  });

  test("is not stored while GitHub cannot be asked", async () => {
    await world.github.call("faults.next", "app", { kind: "answer", status: 502 });
    expect(failed(await create()).code).toBe("upstream_unreachable");
  });

  test("is asked for again only when it or the app changes", async () => {
    const saved = succeeded(await create());
    const before = await asked();
    const update = (data: unknown) => githubDriver.update(saved, data, CONTEXT, deps);
    expect(succeeded(await update({ appName: "Renamed", webhookSecret: "a" })).config).toMatchObject({
      appName: "Renamed",
      clientId: world.app.clientId,
    });
    expect(succeeded(await update({ clientSecret: "" })).secrets.clientSecret).toBeUndefined();
    expect(await asked()).toBe(before);
    succeeded(await update({ privateKeyPem: world.app.pem }));
    expect(await asked()).toBe(before + 1);
    expect(failed(await update({ appId: 12 })).code).toBe("invalid_config");
  });

  test("is asked for when a draft is completed", async () => {
    const draft = succeeded(await create({ appName: undefined, appId: 12 }, true));
    const failure = failed(await githubDriver.update(draft, { appName: "Acme" }, CONTEXT, deps));
    expect(failure.message).toContain("of data.appId.");
  });
});

describe("where GitHub is", () => {
  const draft = async (data: Record<string, unknown>) => {
    const { config } = succeeded(await githubDriver.create(data, { ...CONTEXT, draft: true }, deps));
    return [githubDriver.provider(config), githubDriver.redact(config, [])];
  };

  test.for([
    [{}, "https://github.com https://api.github.com"],
    [{ host: "" }, "https://github.com https://api.github.com"],
    [{ host: "https://github.com/" }, "https://github.com https://api.github.com"],
    [{ host: "https://octocorp.ghe.com" }, "https://octocorp.ghe.com https://api.octocorp.ghe.com"],
    [{ host: "https://git.acme.dev" }, "https://git.acme.dev https://git.acme.dev/api/v3"],
    [{ host: "https://git.acme.dev", apiUrl: "https://api.acme.dev/" }, "https://git.acme.dev https://api.acme.dev"],
  ] as const)("%j is %s", async ([data, places]) => {
    expect((await draft(data))[0]).toBe(places);
  });

  test("is shown where it is not github.com", async () => {
    expect((await draft({}))[1]).toEqual({});
    expect((await draft({ host: "https://git.acme.dev" }))[1]).toEqual({ host: "https://git.acme.dev" });
  });

  test.for([
    "http://git.acme.dev",
    "https://10.0.0.1",
    "https://git.internal",
    "https://git.acme.dev:8443",
    "ftp://a.dev",
  ])("%s is not allowed", async (host) => {
    for (const data of [{ host }, { host: "https://git.acme.dev", apiUrl: host }]) {
      expect(failed(await githubDriver.create(data, { ...CONTEXT, draft: true }, deps)).code).toBe("url_not_allowed");
    }
  });

  test("another host gets no secret that was stored for the one before", async () => {
    const saved = succeeded(await create());
    const other = await newWorld({ layout: "ghes" });
    const { host } = other.data;
    const update = (data: unknown) => githubDriver.update(saved, data, CONTEXT, deps);
    for (const data of [
      { host },
      { host, clientSecret: "a" },
      { host, privateKeyPem: other.app.pem },
      { apiUrl: "" },
    ]) {
      expect(failed(await update(data)).message).toContain("another host");
    }
    const moved = succeeded(await update({ ...dataOf(other.github, other.app, true), apiUrl: "" }));
    expect(githubDriver.provider(moved.config)).toBe(`${host} ${host}/api/v3`);
  });

  test("pages are the app's own", async () => {
    const server = await newWorld({ layout: "ghes" });
    const { config } = succeeded(await githubDriver.create(server.data, CONTEXT, deps));
    expect(githubDriver.capabilities(config).clientUrl).toBe(`${server.github.webOrigin}/github-apps/acme-bot`);
    const owner = { type: "organization", id: 5, slug: "acme" };
    const ours = succeeded(await create({ owner }));
    expect(githubDriver.capabilities(ours.config)).toMatchObject({
      clientUrl: `${world.github.webOrigin}/apps/acme-bot`,
      appTokens: {
        requiresReinstallation: true,
        permissionsUrl: `${world.github.webOrigin}/organizations/acme/settings/apps/acme-bot/permissions`,
      },
      userTokens: { crossInstallation: true },
      supportsInstallation: true,
      installedSubjects: ["app"],
    });
  });
});

describe("the app's owner", () => {
  const permissionsUrl = (config: unknown) => githubDriver.capabilities(config).appTokens?.permissionsUrl;
  const settings = (of: string, slug: string) => `${world.github.webOrigin}/${of}/apps/${slug}/permissions`;
  const named = { type: "organization", id: 5, slug: "acme" };
  const appOf = (name: string, owner: string) => world.github.call<RemoteApp>("registerApp", { name, owner });
  /** On github.com, whose `GET /app` answers with that owner. */
  const createdBy = (owner: unknown) => {
    const { host, apiUrl, ...data } = world.data;
    const answers = publishing({ "https://api.github.com/app": { id: world.app.id, owner } });
    return githubDriver.create(data, CONTEXT, answers);
  };

  test("is learned with the key, a user or an organization", async () => {
    const own = succeeded(await create());
    expect(own.config).toMatchObject({ owner: { type: "user", id: expect.any(Number), slug: "octocat" } });
    expect(permissionsUrl(own.config)).toBe(settings("settings", "acme-bot"));
    const app = await appOf("Team Bot", "acme");
    const team = succeeded(await githubDriver.create(dataOf(world.github, app), CONTEXT, deps));
    expect(githubDriver.redact(team.config, [])).toMatchObject({ owner: { type: "organization", slug: "acme" } });
    expect(permissionsUrl(team.config)).toBe(settings("organizations/acme/settings", "team-bot"));
  });

  test("is learned with the next key of a connector that does not know it", async () => {
    const { config, secrets } = succeeded(await create());
    const before = { config: { ...Object(config), owner: undefined }, secrets };
    expect(permissionsUrl(before.config)).toBeUndefined();
    const after = await githubDriver.update(before, { privateKeyPem: world.app.pem }, CONTEXT, deps);
    expect(succeeded(after).config).toMatchObject({ owner: { slug: "octocat" } });
  });

  test("stays what the operator named, until it is another app's", async () => {
    const draft = succeeded(await githubDriver.create({ owner: named }, { ...CONTEXT, draft: true }, deps));
    const completed = succeeded(await githubDriver.update(draft, world.data, CONTEXT, deps));
    expect(completed.config).toMatchObject({ owner: named });
    const update = async (data: unknown) => succeeded(await githubDriver.update(completed, data, CONTEXT, deps)).config;
    expect(await update({ privateKeyPem: world.app.pem })).toMatchObject({ owner: named });
    const other = dataOf(world.github, await appOf("Globex Bot", "globex"));
    expect(await update(other)).toMatchObject({ owner: { type: "organization", slug: "globex" } });
    expect(await update({ ...other, owner: named })).toMatchObject({ owner: named });
  });

  test.for([
    { id: 7, slug: "octo-enterprise", name: "Octo", html_url: "https://github.com/enterprises/octo-enterprise" },
    { id: 7, login: "octo", type: "Mannequin" },
    { login: "octo", type: "User" },
    null,
    undefined,
  ])("%j is none whose settings are known", async (owner) => {
    const { config } = succeeded(await createdBy(owner));
    expect(config).not.toHaveProperty("owner");
    expect(githubDriver.capabilities(config).appTokens).not.toHaveProperty("permissionsUrl");
  });
});

test("nothing of what GitHub says of an app but who and whose it is counts", async () => {
  const answers = publishing({ "https://api.github.com/app": { id: world.app.id } });
  const { host, apiUrl, ...data } = world.data;
  succeeded(await githubDriver.create(data, CONTEXT, answers));
  const odd = publishing({ "https://api.github.com/app": { id: "1" } });
  expect(failed(await githubDriver.create(data, CONTEXT, odd)).code).toBe("upstream_invalid_response");
});

/** PKCS#1 of that many bits: the inner key of a PKCS#8. */
async function generated(modulusLength: number): Promise<string> {
  const parameters = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    modulusLength,
    publicExponent: Uint8Array.of(1, 0, 1),
  };
  const pair = await crypto.subtle.generateKey(parameters, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("no pair");
  return pemOf(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
}

async function toPkcs8(pem: string): Promise<string> {
  const { createPrivateKey } = await import("node:crypto");
  return String(createPrivateKey(pem).export({ type: "pkcs8", format: "pem" }));
}

function pemOf(der: ArrayBuffer | JsonWebKey): string {
  if (!(der instanceof ArrayBuffer)) throw new Error("no DER");
  const text = btoa(String.fromCharCode(...new Uint8Array(der))).replace(/.{64}/g, "$&\n");
  return `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`;
}
