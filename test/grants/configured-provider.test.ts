import { describe, expect, test } from "vitest";
import type { Driver, GrantPolicy } from "../../src/catalog/driver.ts";
import { driverOf } from "../../src/catalog/registry.ts";
import type { Authorization } from "../../src/grants/authorization-store.ts";
import { configuredFor } from "../../src/grants/configured-provider.ts";
import type { Provider } from "../../src/grants/provider-call.ts";
import { UNTRIED } from "../../src/grants/refresh-decisions.ts";

const policy: GrantPolicy = {
  rotation: "strict",
  oldAccessTokenDies: false,
  revocationScope: "grant",
  codeLifetimeMs: 60_000,
};
const stable: GrantPolicy = { ...policy, rotation: "stable" };
const authorization: Authorization = {
  ...UNTRIED,
  authorizationId: "aut_1",
  ordinal: 1,
  linkId: "lnk_1",
  revokedBeforeMs: 0,
  authorizedAtMs: 0,
  provider: "https://as.example.com",
  configuredProvider: "https://as.example.com",
  configRevision: 3,
  policy,
  asked: { scopes: [], resources: [], audience: [], authorizationDetails: [] },
  granted: { scopes: [], resources: [], authorizationDetails: [] },
  subjectHash: null,
  fingerprint: "fingerprint",
  lastGroup: null,
  notice: null,
  indexed: true,
};

function provider(configRevision: number, how: ReturnType<Driver["userAuthorization"]>, name = "https://new.example") {
  const oauth = driverOf("oauth");
  if (oauth === null) throw new Error("there is no oauth driver");
  const credentials: Provider["credentials"] = { type: "oauth", config: {}, configRevision, secrets: {} };
  return { driver: { ...oauth, userAuthorization: () => how }, credentials, name };
}
const redirect = (of: GrantPolicy) => ({ kind: "redirect", policy: of, issuer: null, sendsIssuer: false }) as const;

describe("U-14 an authorization under the connector's configuration", () => {
  test("stays as it is for one that is not newer", () => {
    for (const revision of [2, 3]) {
      expect(configuredFor(authorization, provider(revision, redirect(stable)))).toBe(authorization);
    }
  });

  test("goes with a newer one: whom it names, and how that provider treats tokens", () => {
    expect(configuredFor(authorization, provider(4, redirect(stable)))).toEqual({
      ...authorization,
      configuredProvider: "https://new.example",
      configRevision: 4,
      policy: stable,
    });
  });

  test.for([
    ["pasted keys", { kind: "pasted-key", instructions: null }],
    ["no users", null],
  ] as const)("is treated as before where the connector takes %s by now", ([, how]) => {
    expect(configuredFor(authorization, provider(4, how)).policy).toBe(policy);
  });

  test.for([
    ["upstream_invalid_client", null],
    ["invalid_config", null],
    ["upstream_grant_refused", 9],
    ["upstream_unreachable", 9],
    ["ok", 9],
    [null, 9],
  ] as const)("may be tried again at once where the old one was to blame (%s)", ([lastOutcome, nextAttemptAtMs]) => {
    const blamed = { ...authorization, lastOutcome, nextAttemptAtMs: 9 };
    expect(configuredFor(blamed, provider(4, redirect(policy)))).toMatchObject({ lastOutcome, nextAttemptAtMs });
    expect(configuredFor(blamed, provider(3, redirect(policy))).nextAttemptAtMs).toBe(9);
  });
});
