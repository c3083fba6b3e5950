import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { githubDriver } from "../../src/catalog/github/driver.ts";
import type { FoundInstallation } from "../../src/catalog/installations.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { asserting, type Connector, connect, deps, installed, mint, newWorld, type World } from "./github-support.ts";
import { DEFAULTS, failed, succeeded } from "./support.ts";

let world: World;
let connector: Connector;
let acme: FoundInstallation;

beforeAll(async () => {
  world = await newWorld();
  connector = await connect(world);
  acme = await installed(world, connector, "acme", { repositories: ["web", "api"] });
});

afterEach(async () => {
  await world.github.call("faults.clear");
  await world.github.call("configure", { skewMs: 0, tokenFormat: "stateless" });
});

const state = (token: Secret) => world.github.call("tokenState", token.expose());
const answers = (status: number, body: unknown, headers = {}) =>
  world.github.call("faults.next", "mint", { kind: "answer", status, body, headers });

describe("a token of an installation", () => {
  test("has all that the tenant granted where nothing is asked for", async () => {
    const issued = succeeded(await mint(connector, acme));
    expect(issued).toMatchObject({
      scopes: [],
      static: false,
      authorizationDetails: [
        {
          type: "github_app_installation",
          org: "acme",
          permissions: ["contents:write", "issues:read", "metadata:read"],
        },
      ],
      metadata: {
        permissions: { contents: "write", issues: "read", metadata: "read" },
        repository_selection: "selected",
      },
    });
    expect(await state(issued.accessToken)).toBe("valid");
  });

  test.for(["stateless", "opaque", "unprefixed"])("may be %s, and as long as that is", async (tokenFormat) => {
    await world.github.call("configure", { tokenFormat });
    const { accessToken } = succeeded(await mint(connector, acme));
    expect(accessToken.expose().length > 100).toBe(tokenFormat === "stateless");
  });

  test("is narrowed to permissions and repositories, however they are written", async () => {
    const issued = succeeded(
      await mint(connector, acme, { org: "Acme", permissions: "contents:read", repositories: ["acme/WEB", "web"] }),
    );
    expect(issued.authorizationDetails).toEqual([
      {
        type: "github_app_installation",
        org: "acme",
        permissions: ["contents:read", "metadata:read"],
        repositories: ["web"],
      },
    ]);
    const [request] = await world.github.call<{ path: string }[]>("requests", "mint");
    expect(request?.path).toBe(`/app/installations/${acme.externalId}/access_tokens`);
  });

  test("does not end later than GitHub says, whatever its clock", async () => {
    for (const skewMs of [-50_000, 0, 50_000]) {
      await world.github.call("configure", { skewMs });
      const beforeMs = Date.now();
      const { expiresAtMs } = succeeded(await mint(await connect(world), acme));
      expect(expiresAtMs).toBeLessThanOrEqual(Date.now() + 3_600_000);
      expect(expiresAtMs).toBeGreaterThan(beforeMs + 3_590_000);
    }
  });

  test.for([
    [{ token: "ghs_a b", expires_at: "2100-01-01T00:00:00Z" }, "bad members"],
    [{ token: "ghs_a", expires_at: "2001-01-01T00:00:00Z" }, "bad expires_at"],
    [{ token: "ghs_a", expires_at: "soon" }, "bad expires_at"],
    [{ token: `ghs_${"a".repeat(9000)}`, expires_at: "2100-01-01T00:00:00Z" }, "bad members"],
  ] as const)("is not made of the answer %#", async ([body, reason]) => {
    await answers(201, { permissions: {}, ...body });
    expect(failed(await mint(connector, acme))).toMatchObject({
      code: "upstream_invalid_response",
      reason: expect.stringContaining(reason),
    });
  });

  test.for([
    [{ permissions: ["contents:read"] }, { permissions: { contents: "write" } }],
    [{ permissions: ["contents:read"] }, { permissions: { contents: "read", issues: "read" } }],
    [{ permissions: ["contents:read"] }, { permissions: { metadata: "read" } }],
    [{ permissions: ["contents:read"] }, { permissions: { contents: "maintain" } }],
    [{ permissions: ["contents:read"] }, { permissions: { contents: "read", unheard_of: "own" } }],
    [{ repositories: ["web"] }, { permissions: {}, repositories: [{ name: "web" }, { name: "api" }] }],
    [{ repositories: ["web"] }, { permissions: {}, repositories: [{ name: "infra" }] }],
    [{ repositories: ["web"] }, { permissions: {}, repository_selection: "all" }],
  ] as const)(
    "C-14 that can do other things than asked for is ended, and given to nobody: %#",
    async ([asked, got]) => {
      const other = succeeded(await mint(connector, acme));
      await answers(201, { token: other.accessToken.expose(), expires_at: new Date(Date.now() + 3_600_000), ...got });
      expect(failed(await mint(connector, acme, asked)).code).toBe("upstream_invalid_response");
      expect(await state(other.accessToken)).toBe("revoked");
    },
  );
});

describe("C-14 a token that would need more than there is", () => {
  test("is refused before GitHub is asked where the installation is known not to grant it", async () => {
    const before = await world.github.call("count", "mint");
    const failure = failed(
      await mint(connector, acme, { permissions: ["contents:admin", "issues:write", "pages:read"] }),
    );
    expect(failure).toMatchObject({
      code: "insufficient_scope",
      message: expect.stringContaining("contents:admin, issues:write, pages:read"),
    });
    expect(await world.github.call("count", "mint")).toBe(before);
  });

  test("is refused by GitHub's own word where what is known is old", async () => {
    const old = { ...acme, details: { permissions: { contents: "admin", pages: "write" } } };
    const failure = failed(await mint(connector, old, { permissions: ["contents:read", "pages:write"] }));
    expect(failure).toMatchObject({
      code: "insufficient_scope",
      message: expect.stringContaining("granted pages:write."),
    });
  });

  test("names the repositories that the installation does not reach", async () => {
    const failure = failed(await mint(connector, acme, { repositories: ["web", "infra", "nothing"] }));
    expect(failure).toMatchObject({
      code: "insufficient_scope",
      message: "The installation does not reach infra, nothing of acme.",
    });
  });

  test("is not said to lack repositories that nobody asked for", async () => {
    await answers(422, { message: "Invalid request." });
    expect(failed(await mint(connector, acme, { permissions: "contents:read" }))).toMatchObject({
      code: "upstream_rejected",
      vendor: { status: 422 },
    });
  });

  test("says that some are missing where there are too many to look for each", async () => {
    const many = Array.from({ length: 12 }, (_, index) => `api${index}`);
    const failure = failed(await mint(connector, acme, { repositories: ["api", ...many] }));
    expect(failure.code).toBe("insufficient_scope");
    expect(failure.message).not.toContain("api9");
  });
});

describe("the app's JWT", () => {
  test("is signed once for many mints", async () => {
    const own = await connect(world);
    for (let round = 0; round < 3; round++) succeeded(await mint(own, acme));
    expect(own.assertion.signed).toBe(1);
  });

  test.for([-90_000, 900_000, -900_000])(
    "is signed anew by GitHub's clock when ours differs by %d ms",
    async (skewMs) => {
      await world.github.call("configure", { skewMs });
      const own = await connect(world);
      const issued = succeeded(await mint(own, acme));
      expect(own.assertion.signed).toBeLessThanOrEqual(2);
      expect(issued.expiresAtMs).toBeGreaterThan(Date.now() + 3_590_000);
      expect(issued.expiresAtMs).toBeLessThanOrEqual(Date.now() + 3_600_000);
    },
  );

  test("has the client id, and lives ten minutes from a minute ago", async () => {
    succeeded(await mint(connector, acme));
    const latest = await world.github.call<{ header: object; claims: { iat: number; exp: number; iss: string } }>(
      "latestAppJwt",
    );
    const { iat, exp, iss } = latest.claims;
    expect([latest.header, iss, exp - iat]).toEqual([{ alg: "RS256", typ: "JWT" }, world.app.clientId, 600]);
    expect(iat).toBeLessThanOrEqual(Date.now() / 1000 - 59);
  });

  test("may be used for seven of them", async () => {
    const nowMs = Date.now();
    const signed = succeeded((await githubDriver.assertion?.(connector, nowMs)) ?? failed404());
    expect(signed.reuseUntilMs - nowMs).toBe(420_000);
  });

  test("by a key that is not the app's is an unusable client, after two tries", async () => {
    const own = await connect(world);
    const pem = (await newWorld()).app.pem;
    const keyed = { ...own, secrets: { ...own.secrets, privateKeyPem: Secret.of(pem) } };
    const wrong = { ...keyed, assertion: asserting(keyed) };
    expect(failed(await mint(wrong, acme)).code).toBe("upstream_invalid_client");
    expect(wrong.assertion.signed).toBe(2);
  });

  test("is not to be had without a key", async () => {
    const keyless = { config: connector.config, secrets: {} };
    expect(failed((await githubDriver.assertion?.(keyless, 0)) ?? failed404()).code).toBe("no_token");
  });
});

describe("what GitHub cannot or will not do now", () => {
  test("its hourly limit is kept until it says that it ends", async () => {
    for (const status of [403, 429]) {
      await world.github.call("faults.next", "mint", { kind: "primary-limit", status, resetInSeconds: 90 });
      const failure = failed(await mint(connector, acme));
      expect(failure.code).toBe("upstream_rate_limited");
      expect(failure.retryAfterMs).toBeGreaterThan(80_000);
      expect(failure.retryAfterMs).toBeLessThanOrEqual(91_000);
    }
  });

  test("an hourly limit is by GitHub's clock, and no longer than an hour", async () => {
    await world.github.call("faults.next", "mint", { kind: "primary-limit", resetInSeconds: 90_000 });
    expect(failed(await mint(connector, acme)).retryAfterMs).toBe(3_600_000);
  });

  test("a secondary limit is kept as long as it says, or a minute", async () => {
    for (const [status, retryAfterSeconds, expected] of [
      [403, 17, 17_000],
      [429, 17, 17_000],
      [429, undefined, 60_000],
    ]) {
      await world.github.call("faults.next", "mint", { kind: "secondary-limit", status, retryAfterSeconds });
      expect(failed(await mint(connector, acme))).toMatchObject({
        code: "upstream_rate_limited",
        retryAfterMs: expected,
      });
    }
  });

  test("a 403 without a reason is a limit only where the app gets no other answer, either", async () => {
    await answers(403, {});
    expect(failed(await mint(connector, acme))).toMatchObject({ code: "upstream_rejected", retryAfterMs: 60_000 });
    await answers(403, {});
    await world.github.call("faults.next", "installation", { kind: "answer", status: 403, body: {} });
    expect(failed(await mint(connector, acme))).toMatchObject({ code: "upstream_rate_limited", retryAfterMs: 60_000 });
  });

  test("its own trouble is unreachable, and its words go nowhere", async () => {
    await answers(503, { message: "ghs_secret words" });
    const failure = failed(await mint(connector, acme));
    expect(failure).toMatchObject({ code: "upstream_unreachable", vendor: { status: 503 } });
    expect(JSON.stringify(failure)).not.toContain("words");
  });

  test("a reset connection is unreachable", async () => {
    await world.github.call("faults.next", "mint", { kind: "reset" });
    expect(failed(await mint(connector, acme)).code).toBe("upstream_unreachable");
  });

  test("a redirect is not followed", async () => {
    await answers(302, "", { location: world.github.webOrigin });
    expect(failed(await mint(connector, acme)).code).toBe("upstream_redirect_refused");
  });

  test("a status that nobody documents is a refusal", async () => {
    await answers(418, {});
    expect(failed(await mint(connector, acme))).toMatchObject({ code: "upstream_rejected", vendor: { status: 418 } });
  });
});

describe("an installation that changed meanwhile", () => {
  test("suspended during a mint is said to be suspended, and works again afterwards", async () => {
    const own = await installed(world, connector, "globex");
    await world.github.call("suspend", Number(own.externalId));
    expect(failed(await mint(connector, own)).code).toBe("installation_suspended");
    await world.github.call("unsuspend", Number(own.externalId));
    succeeded(await mint(connector, own));
  });

  test("uninstalled is required anew, and said to be removed", async () => {
    const own = await installed(world, connector, "octocat");
    await world.github.call("uninstall", Number(own.externalId));
    expect(failed(await mint(connector, own))).toMatchObject({
      code: "client_installation_required",
      reason: "removed",
    });
  });

  test("is not believed to be removed because the whole app is unknown", async () => {
    const named = { ...connector, config: { ...Object(connector.config), clientId: "Iv23liNobody" } };
    const own = { ...named, assertion: asserting(named) };
    expect(failed(await mint(own, acme)).code).toBe("upstream_invalid_client");
  });

  test("of another app is none of this one's", async () => {
    const other = await newWorld();
    const foreign = await connect(other);
    expect(failed(await mint(foreign, acme))).toMatchObject({ code: "client_installation_required" });
  });

  test("that answers 404 and is there again is a refusal", async () => {
    await answers(404, { message: "Not Found" });
    expect(failed(await mint(connector, acme))).toMatchObject({ code: "upstream_rejected", vendor: { status: 404 } });
  });

  test("nowhere installed, there is no token", async () => {
    const request = { ...connector, group: DEFAULTS, installation: null };
    expect(failed(await githubDriver.mint(request, deps)).code).toBe("client_installation_required");
  });
});

describe("ending an app's token", () => {
  const revoke = (token: Secret) =>
    githubDriver.revoke({ ...connector, token, hint: "access_token", subject: "app" }, deps);

  test("is done by the token itself, and done already for one that has ended", async () => {
    const { accessToken: token } = succeeded(await mint(connector, acme));
    for (let round = 0; round < 2; round++) {
      expect(succeeded(await revoke(token))).toBe("done");
      expect(await state(token)).toBe("revoked");
    }
  });

  test("needs nothing that the token would say of itself: those of old servers say nothing", async () => {
    await world.github.call("configure", { tokenFormat: "unprefixed" });
    const { accessToken: token } = succeeded(await mint(connector, acme));
    expect(token.expose()).toMatch(/^v1\.[0-9a-f]{40}$/);
    expect(succeeded(await revoke(token))).toBe("done");
    expect(await state(token)).toBe("revoked");
  });

  test("is tried again later while GitHub cannot", async () => {
    const { accessToken: token } = succeeded(await mint(connector, acme));
    await world.github.call("faults.next", "revoke-installation-token", { kind: "answer", status: 500 });
    expect(failed(await revoke(token)).code).toBe("upstream_unreachable");
  });
});

test("an Enterprise Server is asked below its own address", async () => {
  const server = await newWorld({ layout: "ghes" });
  const own = await connect(server);
  const installation = await installed(server, own, "acme");
  succeeded(await mint(own, installation, { repositories: "web" }));
  const [request] = await server.github.call<{ path: string }[]>("requests", "mint");
  expect(request?.path).toMatch(/^\/api\/v3\/app\/installations\//);
});

function failed404() {
  return { ok: false as const, failure: { code: "not_found" as const } };
}
