import { describe, expect, test } from "vitest";
import type { SubjectType, TokenGroup } from "../../src/catalog/driver.ts";
import { githubDriver } from "../../src/catalog/github/driver.ts";
import type { InstalledAt } from "../../src/catalog/installations.ts";
import { detailOf, installations, narrowed } from "./github-support.ts";
import { DEFAULTS, failed, succeeded } from "./support.ts";

const config = {
  appId: 1,
  appSlug: "acme-bot",
  appName: "Acme Bot",
  clientId: "Iv1",
  web: "https://github.com",
  api: "https://api.github.com",
  hasClientSecret: true,
  hasPrivateKey: true,
};
const acme: InstalledAt = {
  externalId: "7",
  tenantId: "42",
  name: "Acme",
  details: { permissions: { contents: "write", metadata: "read" } },
};

const resolve = (group: TokenGroup, at?: InstalledAt, subject: SubjectType = "app") =>
  githubDriver.resolveGroup(config, subject, group, at);
const canonical = (detail: Record<string, unknown>, at?: InstalledAt) =>
  succeeded(resolve(narrowed(detail), at)).authorizationDetails;
const within = (asked: Record<string, unknown> | null, ceiling: Record<string, unknown>) => {
  const group = succeeded(resolve(asked === null ? DEFAULTS : narrowed(asked)));
  if (githubDriver.withinDetails === null) throw new Error("no details");
  return githubDriver.withinDetails(group, [detailOf(ceiling)]);
};

describe("equal narrowings are one group", () => {
  test.for([
    [{ permissions: "contents:read" }, { permissions: ["contents:read", "contents:read"] }],
    [{ permissions: ["issues:read", "contents:read"] }, { permissions: ["contents:read", "issues:read"] }],
    [{ permissions: ["contents:read", "contents:write"] }, { permissions: ["contents:write", "contents:read"] }],
    [{ repositories: "acme/web" }, { repositories: ["ACME/Web", "acme/web"] }],
    [{ repositories: ["web", "api"] }, { repositories: ["api", "web", "API"] }],
    [{ org: "Acme" }, { org: "acme" }],
    [
      { org: "acme", repositories: "web" },
      { org: "acme", repositories: ["acme/web"] },
    ],
  ])("%j and %j", ([one = {}, other = {}]) => {
    expect(canonical(other)).toEqual(canonical(one));
  });

  test("whether or not they name the installation's account, once that is known", () => {
    const plain = canonical({ repositories: ["web"] }, acme);
    expect(plain).toEqual([{ type: "github_app_installation", repositories: ["web"] }]);
    for (const detail of [{ repositories: ["acme/web"] }, { org: "ACME", repositories: "acme/web" }]) {
      expect(canonical(detail, acme)).toEqual(plain);
    }
    expect(canonical({ org: "acme" }, acme)).toEqual([]);
    expect(canonical({}, acme)).toEqual([]);
  });

  test("an account's id is as good as its login", () => {
    expect(canonical({ org: "42" }, acme)).toEqual([]);
  });

  test("A-16 and digits are nothing else: never the login that a stranger gave an account", () => {
    const stranger = { ...acme, tenantId: "666", name: "42" };
    expect(failed(resolve(narrowed({ org: "42" }), stranger)).code).toBe("client_installation_required");
    expect(canonical({ repositories: "42/web" }, stranger)).toEqual([detailOf({ repositories: ["web"] })]);
  });

  test("C-14 but not where a repository's name has it: that is another account's login", () => {
    const failure = failed(resolve(narrowed({ repositories: "42/web" }), acme));
    expect(failure.code).toBe("insufficient_scope");
  });

  test("a level includes those below it", () => {
    expect(canonical({ permissions: ["contents:write", "contents:read", "contents:admin"] })).toEqual([
      { type: "github_app_installation", permissions: ["contents:admin"] },
    ]);
  });

  test("equal details are one, and different ones are no token", () => {
    const twice = { ...DEFAULTS, authorizationDetails: [detailOf({ org: "acme" }), detailOf({ org: "Acme" })] };
    expect(succeeded(resolve(twice)).authorizationDetails).toEqual([detailOf({ org: "acme" })]);
    const union = {
      ...DEFAULTS,
      authorizationDetails: [detailOf({ repositories: "a" }), detailOf({ repositories: "b" })],
    };
    expect(failed(resolve(union)).code).toBe("invalid_target");
  });
});

describe("C-14 what is no narrowing that GitHub knows", () => {
  test.for([
    { permissions: "contents:own" },
    { permissions: "content:read" },
    { permissions: "contents" },
    { permissions: "contents:read:write" },
    { permissions: "constructor:read" },
    { permissions: ["contents:read", ""] },
    { permissions: [] },
    { permissions: { contents: "read" } },
    { repositories: [] },
    { repositories: "" },
    { repositories: ".." },
    { repositories: "a/b/c" },
    { repositories: "a b" },
    { repositories: "../../user" },
    { repositories: ["acme/web", "globex/site"] },
    { org: "acme", repositories: "globex/site" },
    { repositories: Array.from({ length: 501 }, (_, index) => `r${index}`) },
    { org: "" },
    { org: "a/b" },
    { everything: true },
  ])("%j is refused", (detail) => {
    expect(failed(resolve(narrowed(detail))).code).toBe("invalid_target");
  });

  test("and is named, where it can be shown", () => {
    expect(failed(resolve(narrowed({ permissions: "content:read" }))).message).toContain('"content:read"');
    expect(failed(resolve(narrowed({ permissions: "<script>:read" }))).message).not.toContain("script");
  });

  test("500 repositories are not too many", () => {
    const repositories = Array.from({ length: 500 }, (_, index) => `r${index}`);
    expect(resolve(narrowed({ repositories })).ok).toBe(true);
  });

  test("a detail of another type is refused", () => {
    const group = { ...DEFAULTS, authorizationDetails: [{ type: "payment" }] };
    expect(failed(resolve(group)).code).toBe("invalid_target");
  });

  test.for(["app", "user"] as const)(
    "scopes of a token for the %s are refused, but for those that mean the defaults",
    (subject) => {
      const failure = failed(resolve({ ...DEFAULTS, scopes: ["repo"] }, undefined, subject));
      expect(failure.code).toBe("invalid_scope");
      expect(failure.message?.includes("authorizationDetails")).toBe(subject === "app");
      expect(succeeded(resolve({ ...DEFAULTS, scopes: ["*"] }, undefined, subject))).toEqual(DEFAULTS);
    },
  );

  test("resources and audiences are refused, and so are details of a user's token", () => {
    for (const group of [{ resources: ["https://a.example"] }, { audience: ["a"] }]) {
      expect(failed(resolve({ ...DEFAULTS, ...group })).code).toBe("invalid_target");
    }
    expect(failed(resolve(narrowed({ org: "acme" }), undefined, "user")).code).toBe("invalid_target");
  });
});

describe("in an installation", () => {
  test("of another account, the organization is not installed, and its repositories are out of reach", () => {
    expect(failed(resolve(narrowed({ org: "globex" }), acme)).code).toBe("client_installation_required");
    expect(failed(resolve(narrowed({ repositories: "globex/site" }), acme)).code).toBe("insufficient_scope");
  });

  test("C-14 more than was granted is refused, and named", () => {
    const failure = failed(
      resolve(narrowed({ permissions: ["contents:admin", "contents:read", "issues:read"] }), acme),
    );
    expect(failure.code).toBe("insufficient_scope");
    expect(failure.message).toContain("contents:admin, issues:read");
  });

  test("what was granted, and metadata, may be asked for", () => {
    const details = { permissions: { contents: "write" } };
    expect(resolve(narrowed({ permissions: ["contents:read", "metadata:read"] }), { ...acme, details }).ok).toBe(true);
  });

  test("whose grants are unknown, GitHub decides", () => {
    expect(resolve(narrowed({ permissions: "issues:write" }), { ...acme, details: {} }).ok).toBe(true);
  });

  test.for([
    [{ org: "Acme" }, "acme"],
    [{ repositories: ["Acme/web"] }, "acme"],
    [{ repositories: ["web"] }, null],
    [{ permissions: "contents:read" }, null],
  ] as const)("%j names the tenant %s", ([detail, tenant]) => {
    expect(installations().tenantNamedBy(narrowed(detail))).toBe(tenant);
  });
});

describe("C-14 within a link's ceiling", () => {
  const ceiling = { permissions: ["contents:write", "issues:read"], repositories: ["acme/web", "acme/api"] };

  test("the defaults shrink to it", () => {
    expect(succeeded(within(null, ceiling)).authorizationDetails).toEqual([
      {
        type: "github_app_installation",
        permissions: ["contents:write", "issues:read"],
        repositories: ["acme/api", "acme/web"],
      },
    ]);
  });

  test("what is below it is asked for as it was, in the ceiling's account", () => {
    const group = succeeded(within({ permissions: "contents:read", repositories: "web" }, ceiling));
    expect(group.authorizationDetails).toEqual([
      detailOf({ permissions: ["contents:read"], repositories: ["acme/web"] }),
    ]);
  });

  test("half of it is filled in", () => {
    const group = succeeded(within({ permissions: "contents:read" }, ceiling));
    expect(group.authorizationDetails[0]?.repositories).toEqual(["acme/api", "acme/web"]);
  });

  test.for([
    [{ permissions: "contents:admin" }, "contents:admin"],
    [{ permissions: ["contents:read", "pages:read"] }, "pages:read"],
    [{ repositories: ["web", "infra"] }, "infra"],
    [{ repositories: "globex/web" }, "globex"],
    [{ org: "globex" }, "globex"],
  ] as const)("%j is above it", ([asked, named]) => {
    const failure = failed(within(asked, ceiling));
    expect([failure.code, failure.message]).toEqual(["permission_not_allowed", expect.stringContaining(named)]);
  });

  test("a name without an owner is never another account's repository of that name", () => {
    const group = succeeded(within({ repositories: "web" }, ceiling));
    expect(failed(resolve(group, { ...acme, name: "globex", tenantId: "43" })).code).toBe("insufficient_scope");
    expect(installations().tenantNamedBy(group)).toBe("acme");
  });

  test("one that names an account only keeps to it", () => {
    const group = succeeded(within({ repositories: "web" }, { org: "acme" }));
    expect(failed(resolve(group, { ...acme, name: "globex", tenantId: "43" })).code).toBe(
      "client_installation_required",
    );
    expect(resolve(group, acme).ok).toBe(true);
  });

  test("one that names repositories without an owner means them anywhere", () => {
    expect(within({ repositories: "globex/web" }, { repositories: ["web"] }).ok).toBe(true);
  });

  test("one that is not usable allows nothing", () => {
    expect(failed(within(null, { permissions: ["nothing:read"] })).code).toBe("invalid_target");
  });
});
