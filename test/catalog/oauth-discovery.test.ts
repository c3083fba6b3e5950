import { describe, expect, test } from "vitest";
import { discover, metadataUrls } from "../../src/catalog/oauth/discovery.ts";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { hostile } from "../providers/hostile.ts";
import { CLIENT_SECRET, CONTEXT, deps, failed, publishing, succeeded } from "./support.ts";

const AS = "https://as.example.com";

function metadataOf(issuer: string, members: Record<string, unknown> = {}) {
  return { issuer, token_endpoint: `${AS}/token`, ...members };
}

describe("where metadata is looked for", () => {
  test("RFC 8414 insertion, then OpenID insertion, then OpenID appending", () => {
    expect(metadataUrls(new URL(`${AS}/tenant/1`))).toEqual([
      `${AS}/.well-known/oauth-authorization-server/tenant/1`,
      `${AS}/.well-known/openid-configuration/tenant/1`,
      `${AS}/tenant/1/.well-known/openid-configuration`,
    ]);
  });

  test("an issuer without a path has two places, and a final slash is not doubled", () => {
    const expected = [`${AS}/.well-known/oauth-authorization-server`, `${AS}/.well-known/openid-configuration`];
    expect(metadataUrls(new URL(AS))).toEqual(expected);
    expect(metadataUrls(new URL(`${AS}/`))).toEqual(expected);
    expect(metadataUrls(new URL(`${AS}/t/`))[2]).toBe(`${AS}/t/.well-known/openid-configuration`);
  });

  test("the first usable document ends the search", async () => {
    const [first, second, third] = metadataUrls(new URL(`${AS}/t`));
    const documents = { [second ?? ""]: metadataOf(`${AS}/t`), [third ?? ""]: metadataOf(`${AS}/t`) };
    const provider = publishing(documents);
    expect(succeeded(await discover(`${AS}/t`, provider)).token_endpoint).toBe(`${AS}/token`);
    expect(provider.asked).toEqual([first, second]);
  });

  test("a real server over HTTP is found, and a page of HTML is not metadata", async () => {
    expect(succeeded(await discover(hostile("/as/good"), deps)).issuer).toBe(hostile("/as/good"));
    const failure = failed(await discover(hostile("/as/html"), deps));
    expect(failure.code).toBe("invalid_config");
    expect(failure.message).toContain("/.well-known/oauth-authorization-server/as/html: not a JSON document.");
    expect(failure.message).toContain("data.serverConfig");
  });

  test("a document over 128 KiB is not read", async () => {
    expect(failed(await discover(hostile("/as/huge"), deps)).message).toContain("upstream_too_large");
  });

  test("a server that is down is asked once", async () => {
    let asked = 0;
    const fetch: typeof deps.fetch = async () => {
      asked += 1;
      return { ok: false, failure: { code: "upstream_timeout" } };
    };
    expect(failed(await discover(AS, { ...deps, fetch })).code).toBe("invalid_config");
    expect(asked).toBe(1);
  });
});

describe("whose metadata is believed", () => {
  const spoofs: [serverUrl: string, issuer: string][] = [
    [AS, "https://honest.example.com"],
    [AS, `${AS}/`],
    [`${AS}/`, AS],
    [AS, "https://AS.example.com"],
    [AS, "https://as.example.com:443"],
    [AS, "HTTPS://as.example.com"],
    [`${AS}/t`, `${AS}/t/`],
    [`${AS}/t`, AS],
    [`${AS}/a%2Db`, `${AS}/a-b`],
  ];
  test.for(spoofs)("E-05 asked for %s, a document of %s is issuer_mismatch", async ([serverUrl, issuer]) => {
    const urls = metadataUrls(new URL(serverUrl));
    const provider = publishing(Object.fromEntries(urls.map((url) => [url, metadataOf(issuer)])));
    expect(failed(await discover(serverUrl, provider)).code).toBe("issuer_mismatch");
  });

  test("E-05 a spoofing server over HTTP is 400 issuer_mismatch at create", async () => {
    for (const variant of ["wrong-issuer", "trailing-slash"]) {
      const data = { clientId: "client", serverUrl: hostile(`/as/${variant}`) };
      expect(failed(await oauthDriver.create(data, CONTEXT, deps)).code).toBe("issuer_mismatch");
    }
  });

  test("a root slash is fine when asked and published alike", async () => {
    const provider = publishing({ [`${AS}/.well-known/oauth-authorization-server`]: metadataOf(`${AS}/`) });
    expect(succeeded(await discover(`${AS}/`, provider)).issuer).toBe(`${AS}/`);
  });

  test("another tenant's document at the first place does not hide the right one at the last", async () => {
    const [first, , last] = metadataUrls(new URL(`${AS}/t`));
    const provider = publishing({ [first ?? ""]: metadataOf(AS), [last ?? ""]: metadataOf(`${AS}/t`) });
    expect(succeeded(await discover(`${AS}/t`, provider)).issuer).toBe(`${AS}/t`);
  });

  test("a document with an endpoint of the wrong type is named, not repaired", async () => {
    const provider = publishing({
      [`${AS}/.well-known/oauth-authorization-server`]: { issuer: AS, token_endpoint: ["https://x"] },
    });
    expect(failed(await discover(AS, provider)).message).toContain("bad token_endpoint");
  });
});

describe("what a connector keeps of it", () => {
  const base = { clientId: "client", clientSecret: CLIENT_SECRET, clientCredentials: { enabled: true } };

  test.for([
    "http://169.254.169.254/latest",
    "https://localhost.internal/token",
    "http://as.example.com/token",
    "http://127.0.0.1:8787/v1/connect/token",
    "https://user@as.example.com/token",
  ])("E-01 published or configured endpoints that the policy refuses fail the create: %s", async (endpoint) => {
    const provider = publishing({
      [`${AS}/.well-known/oauth-authorization-server`]: metadataOf(AS, { revocation_endpoint: endpoint }),
    });
    const discovered = failed(await oauthDriver.create({ ...base, serverUrl: AS }, CONTEXT, provider));
    const configured = failed(
      await oauthDriver.create({ ...base, serverConfig: { token_endpoint: endpoint } }, CONTEXT, provider),
    );
    expect([discovered.code, configured.code]).toEqual(["url_not_allowed", "url_not_allowed"]);
    expect(discovered.message).toContain("revocation_endpoint");
    expect(configured.message).toContain("token_endpoint");
  });

  test("E-01 a serverUrl that the policy refuses is never fetched", async () => {
    const provider = publishing({});
    const result = await oauthDriver.create({ ...base, serverUrl: "https://10.0.0.1" }, CONTEXT, provider);
    expect(failed(result).code).toBe("url_not_allowed");
    expect(provider.asked).toEqual([]);
  });

  test("serverConfig wins over what was discovered, and removing it brings that back", async () => {
    const provider = publishing({
      [`${AS}/.well-known/oauth-authorization-server`]: metadataOf(AS, { revocation_endpoint: `${AS}/revoke` }),
    });
    const serverConfig = { token_endpoint: "https://other.example.com/token", unknown_member: true };
    const saved = succeeded(await oauthDriver.create({ ...base, serverUrl: AS, serverConfig }, CONTEXT, provider));
    expect(oauthDriver.redact(saved.config, [])).toMatchObject({
      serverConfig: { token_endpoint: "https://other.example.com/token" },
      server: { token_endpoint: "https://other.example.com/token", revocation_endpoint: `${AS}/revoke` },
    });
    expect(JSON.stringify(saved.config)).not.toContain("unknown_member");

    const asked = provider.asked.length;
    const updated = succeeded(
      await oauthDriver.update(saved, { serverConfig: { token_endpoint: "" } }, CONTEXT, provider),
    );
    expect(oauthDriver.redact(updated.config, []).server).toMatchObject({ token_endpoint: `${AS}/token` });
    expect(provider.asked.length).toBe(asked);
  });

  test("metadata is pinned: it changes only when serverUrl is named again", async () => {
    const well = `${AS}/.well-known/oauth-authorization-server`;
    const saved = succeeded(
      await oauthDriver.create({ ...base, serverUrl: AS }, CONTEXT, publishing({ [well]: metadataOf(AS) })),
    );
    const moved = publishing({ [well]: metadataOf(AS, { token_endpoint: `${AS}/moved` }) });
    const renamed = succeeded(await oauthDriver.update(saved, { clientName: "n" }, CONTEXT, moved));
    expect(oauthDriver.redact(renamed.config, []).server).toMatchObject({ token_endpoint: `${AS}/token` });
    const repinned = succeeded(await oauthDriver.update(renamed, { serverUrl: AS }, CONTEXT, moved));
    expect(oauthDriver.redact(repinned.config, []).server).toMatchObject({ token_endpoint: `${AS}/moved` });
  });

  test("a configured token endpoint makes up for a server that publishes nothing, but not for a spoof", async () => {
    const serverConfig = { token_endpoint: `${AS}/token` };
    const silent = await oauthDriver.create({ ...base, serverUrl: AS, serverConfig }, CONTEXT, publishing({}));
    expect(silent.ok).toBe(true);
    const spoof = publishing({
      [`${AS}/.well-known/oauth-authorization-server`]: metadataOf("https://honest.example.com"),
    });
    expect(failed(await oauthDriver.create({ ...base, serverUrl: AS, serverConfig }, CONTEXT, spoof)).code).toBe(
      "issuer_mismatch",
    );
  });

  test("metadata without a token endpoint says what to do", async () => {
    const failure = failed(
      await oauthDriver.create({ ...base, serverUrl: hostile("/as/no-token-endpoint") }, CONTEXT, deps),
    );
    expect(failure).toMatchObject({ code: "invalid_config" });
    expect(failure.message).toContain("data.serverConfig.token_endpoint");
  });
});
