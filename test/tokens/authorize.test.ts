import { describe, expect, test } from "vitest";
import type { AccessTokenCaller, Caller, WorkloadCaller } from "../../src/callers/caller.ts";
import type { Driver } from "../../src/catalog/driver.ts";
import { driverOf } from "../../src/catalog/registry.ts";
import { authorize, callerScope, effectiveSubject } from "../../src/tokens/authorize.ts";
import type { ConnectorSnapshot } from "../../src/tokens/snapshot.ts";
import type { TokenRequest } from "../../src/tokens/token-request.ts";
import { request, snapshot } from "./samples.ts";

const workload = (environment: string): WorkloadCaller => ({
  kind: "workload",
  projectId: "prj_1",
  environment,
  issuer: "https://issuer.example.com",
  subject: "workload",
});
const accessToken = (fields: Partial<AccessTokenCaller> = {}): AccessTokenCaller => ({
  kind: "access-token",
  tokenId: "t",
  role: "developer",
  projectId: "prj_1",
  environment: "production",
  userId: null,
  ...fields,
});

/** A driver that takes any scope, with defaults of the test's choice: the ceiling is under test, not a provider. */
function scoped(defaults: string[]): Driver {
  const base = driverOf("api-key");
  if (base === null) throw new Error("no api-key driver");
  return {
    ...base,
    capabilities: () => ({
      supportedSubjectTypes: ["app"],
      supportsInstallation: false,
      supportsRevocation: false,
      supportsIcon: "false",
      partition: "environment",
    }),
    resolveGroup: (_config, _subject, group) => ({
      ok: true,
      value: { ...group, scopes: group.scopes.length === 0 ? defaults : group.scopes },
    }),
  };
}

function decide(caller: Caller, at: ConnectorSnapshot, asked: TokenRequest = request, driver = scoped(["read"])) {
  const scope = callerScope(caller);
  if (!scope.ok) return scope;
  const subject = effectiveSubject(caller, asked.subject);
  return subject.ok ? authorize(scope.value, subject.value, at, asked, driver) : subject;
}

describe("B-10 environments", () => {
  const ENVIRONMENTS = ["production", "preview", "development"];
  for (const linked of ENVIRONMENTS) {
    for (const asking of ENVIRONMENTS) {
      test(`B-10 a ${asking} workload at a link for ${linked}`, () => {
        const decision = decide(workload(asking), snapshot({ environments: [linked] }));
        if (asking === linked) {
          expect(decision).toMatchObject({ ok: true, value: { identity: { partition: asking } } });
        } else {
          expect(decision).toMatchObject({ ok: false, failure: { code: "forbidden" } });
          expect(!decision.ok && decision.failure.message).toMatch(/^connector is not linked to this project/);
        }
      });
    }
  }
  test.for(["Production", "PRODUCTION", "", "env_custom"])("B-10 %j is not production", (environment) => {
    expect(decide(workload(environment), snapshot())).toMatchObject({ ok: false, failure: { code: "forbidden" } });
  });
});

describe("B-19 access tokens", () => {
  test("B-19 without a project or environment cannot ask for provider tokens", () => {
    for (const caller of [accessToken({ environment: null }), accessToken({ projectId: null, environment: null })]) {
      expect(decide(caller, snapshot())).toMatchObject({ ok: false, failure: { code: "environment_required" } });
    }
  });
  test("B-19 still meet the link's environments", () => {
    expect(decide(accessToken({ environment: "preview" }), snapshot())).toMatchObject({
      ok: false,
      failure: { code: "forbidden" },
    });
  });
  test("B-19 of a viewer cannot ask at all", () => {
    expect(decide(accessToken({ role: "viewer" }), snapshot())).toMatchObject({
      ok: false,
      failure: { code: "forbidden" },
    });
  });
  test("may name their own user only, and mean it when they name nobody", () => {
    const mine = accessToken({ userId: "u1" });
    expect(effectiveSubject(mine, null)).toEqual({ ok: true, value: { type: "user", id: "u1", issuer: null } });
    expect(effectiveSubject(mine, { type: "user", id: "u2", issuer: null }).ok).toBe(false);
    expect(effectiveSubject(mine, { type: "user", id: "u1", issuer: "https://other.example" }).ok).toBe(false);
    expect(effectiveSubject(accessToken(), null)).toEqual({ ok: true, value: { type: "app" } });
    expect(effectiveSubject(accessToken(), { type: "user", id: "u1", issuer: null }).ok).toBe(false);
  });
});

describe("what a link narrows", () => {
  const asking = (scopes: string[]) => ({ ...request, scopes });
  const linked = snapshot({ scopes: ["read", "list"] });

  test("scopes above the ceiling are refused, never trimmed", () => {
    expect(decide(workload("production"), linked, asking(["read", "write"]))).toMatchObject({
      ok: false,
      failure: { code: "insufficient_scope" },
    });
    expect(decide(workload("production"), linked, asking(["read"]))).toMatchObject({
      ok: true,
      value: { group: { scopes: ["read"] } },
    });
  });
  test("the defaults shrink to the ceiling, and an unknown default becomes it", () => {
    expect(decide(workload("production"), linked, asking([]), scoped(["read", "write"]))).toMatchObject({
      value: { group: { scopes: ["read"] } },
    });
    expect(decide(workload("production"), linked, asking([]), scoped([]))).toMatchObject({
      value: { group: { scopes: ["read", "list"] } },
    });
    expect(decide(workload("production"), linked, asking([]), scoped(["write"]))).toMatchObject({
      ok: false,
      failure: { code: "insufficient_scope" },
    });
  });
  test("a subject type outside the link is forbidden, one outside the connector is unresolved", () => {
    expect(decide(workload("production"), snapshot({ subjects: ["user"] }))).toMatchObject({
      ok: false,
      failure: { code: "forbidden" },
    });
    const unsupported = { ...request, subject: { type: "other" as const, name: "jwt-bearer" } };
    expect(decide(workload("production"), snapshot(), unsupported)).toMatchObject({
      ok: false,
      failure: { code: "unresolved_token" },
    });
    expect(
      authorize({ projectId: "p", environment: "production" }, { type: "app" }, snapshot(), request, null),
    ).toMatchObject({
      ok: false,
      failure: { code: "unresolved_token" },
    });
  });
  test("an installation that a connector without installations cannot have is required, not ignored", () => {
    expect(decide(workload("production"), snapshot(), { ...request, installationId: "ins_1" })).toMatchObject({
      ok: false,
      failure: { code: "client_installation_required" },
    });
  });
});

test("a development laptop never reaches production's grant", () => {
  const both = snapshot({ environments: ["production", "development"] });
  const partitions = ["production", "development"].map((environment) => decide(workload(environment), both));
  expect(partitions).toMatchObject([
    { value: { identity: { partition: "production" } } },
    { value: { identity: { partition: "development" } } },
  ]);
});

describe("C-14 a ceiling of authorization details", () => {
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
  const detail = { type: "github_app_installation" };
  const outcome = (link: Partial<ConnectorSnapshot["link"]>, subject: TokenRequest["subject"]) => {
    const at = snapshot(link);
    const driver = driverOf("github");
    if (driver === null) throw new Error("no github driver");
    const decision = decide(
      workload("production"),
      { ...at, connector: { ...at.connector, type: "github", config } },
      { ...request, subject },
      driver,
    );
    return decision.ok ? decision.value.group.authorizationDetails : decision.failure.code;
  };
  const user = { type: "user", id: "u1", issuer: null } as const;
  const narrow = [{ ...detail, permissions: ["contents:read"] }];

  test("C-14 allows no user's tokens, which reach every installation, however little it says", () => {
    expect(outcome({}, user)).toEqual([]);
    for (const authorizationDetails of [[detail], narrow]) {
      expect(outcome({ authorizationDetails }, user)).toBe("permission_not_allowed");
    }
  });

  test("C-14 holds beside a ceiling of scopes", () => {
    for (const scopes of [null, ["*"]]) {
      expect(outcome({ scopes, authorizationDetails: narrow }, { type: "app" })).toEqual(narrow);
    }
    expect(outcome({ scopes: ["repo"], authorizationDetails: narrow }, { type: "app" })).toBe("invalid_scope");
  });
});
