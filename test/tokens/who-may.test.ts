import { describe, expect, test } from "vitest";
import type { Caller } from "../../src/callers/caller.ts";
import type { Capabilities } from "../../src/catalog/capabilities.ts";
import type { Driver } from "../../src/catalog/driver.ts";
import { driverOf } from "../../src/catalog/registry.ts";
import { fail, ok } from "../../src/errors.ts";
import { authorize, callerScope, effectiveSubject } from "../../src/tokens/authorize.ts";
import type { ConnectorSnapshot } from "../../src/tokens/snapshot.ts";
import type { RequestedSubject, TokenRequest } from "../../src/tokens/token-request.ts";
import { request, snapshot } from "./samples.ts";

const scope = { projectId: "prj_1", environment: "production" };
const workload: Caller = { kind: "workload", ...scope, issuer: "https://i.example", subject: "s" };
const developer = (userId: string | null): Caller => ({ ...workload, developer: { accessTokenId: "t", userId } });
const binding: Caller = { kind: "service-binding", ...scope };
const token = (change: object = {}): Caller => ({
  kind: "access-token",
  tokenId: "t",
  role: "developer",
  ...scope,
  userId: null,
  ...change,
});

describe("where a caller may ask", () => {
  test.for<[what: string, caller: Caller]>([
    ["a workload", workload],
    ["a developer's workload", developer("u1")],
    ["a bound Worker", binding],
    ["a developer's access token", token()],
    ["an owner's access token", token({ role: "owner" })],
  ])("%s asks as its project and environment", ([, caller]) => {
    expect(callerScope(caller)).toEqual(ok(scope));
  });

  test("a viewer's access token asks nowhere, and is told so", () => {
    expect(callerScope(token({ role: "viewer" }))).toEqual(
      fail("forbidden", { message: "This access token's role may not request provider tokens." }),
    );
  });

  test("an access token that lacks either a project or an environment asks nowhere", () => {
    for (const change of [{ projectId: null }, { environment: null }, { projectId: null, environment: null }]) {
      expect(callerScope(token(change))).toEqual(fail("environment_required"));
    }
  });
});

describe("whom a caller may ask for", () => {
  const app: RequestedSubject = { type: "app" };
  const user = (id: string, issuer: string | null = null): RequestedSubject => ({ type: "user", id, issuer });
  const other: RequestedSubject = { type: "other", name: "robot" };
  const refused = fail("forbidden", {
    message: "An access token, or a token made with one, may ask for the app or for its own user only.",
  });

  test.for<[what: string, caller: Caller]>([
    ["a workload", workload],
    ["a bound Worker", binding],
  ])("%s speaks for the app unless it says otherwise, and for any user", ([, caller]) => {
    expect(effectiveSubject(caller, null)).toEqual(ok(app));
    for (const subject of [app, user("anyone"), user("anyone", "https://i.example"), other]) {
      expect(effectiveSubject(caller, subject)).toEqual(ok(subject));
    }
  });

  test.for<[what: string, caller: Caller, unsaid: RequestedSubject]>([
    ["a user's access token", token({ userId: "u1" }), user("u1")],
    ["a development token that a user made", developer("u1"), app],
  ])("%s asks for the app or for that user", ([, caller, unsaid]) => {
    expect(effectiveSubject(caller, null)).toEqual(ok(unsaid));
    for (const subject of [app, user("u1"), other]) expect(effectiveSubject(caller, subject)).toEqual(ok(subject));
    for (const subject of [user("u2"), user("u1", "https://i.example"), user("u1", "")]) {
      expect(effectiveSubject(caller, subject)).toEqual(refused);
    }
  });

  test.for<[what: string, caller: Caller]>([
    ["an access token of nobody", token()],
    ["a development token that nobody's access token made", developer(null)],
  ])("%s asks for the app and for no user", ([, caller]) => {
    expect(effectiveSubject(caller, null)).toEqual(ok(app));
    expect(effectiveSubject(caller, other)).toEqual(ok(other));
    for (const id of ["u1", "", "null"]) expect(effectiveSubject(caller, user(id))).toEqual(refused);
  });
});

describe("what is refused, and what the refusal says", () => {
  const base = driverOf("api-key");
  if (base === null) throw new Error("no api-key driver");
  /** A driver that grants what is asked, with these capabilities. */
  const driver = (change: Partial<Capabilities> = {}): Driver => ({
    ...base,
    capabilities: () => ({
      supportedSubjectTypes: ["app", "user"],
      supportsInstallation: false,
      supportsRevocation: false,
      supportsIcon: "false",
      partition: "environment",
      ...change,
    }),
    resolveGroup: (_config, _subject, group) => ok(group),
  });
  const decide = (
    at: ConnectorSnapshot,
    asked: Partial<TokenRequest> = {},
    by: Driver | null = driver(),
    subject: RequestedSubject = { type: "app" },
  ) => authorize(scope, subject, at, { ...request, ...asked }, by);
  const link = (change: Partial<ConnectorSnapshot["link"]>) => snapshot(change);
  const draft = { ...snapshot(), connector: { ...snapshot().connector, draft: true } };

  test("another environment than the link's", () => {
    expect(decide(link({ environments: ["preview"] }))).toEqual(
      fail("forbidden", {
        message:
          'connector is not linked to this project for the environment "production". Add the environment to the link.',
      }),
    );
  });

  test("a draft, and before it what is not even linked", () => {
    expect(decide(draft)).toEqual(
      fail("no_token", { message: "This connector is a draft. Complete its configuration before asking for tokens." }),
    );
    expect(decide({ ...draft, link: link({ environments: [] }).link })).toMatchObject({
      failure: { code: "forbidden" },
    });
  });

  test("a subject that nobody, or this connector, supports", () => {
    expect(decide(snapshot(), {}, null)).toEqual(fail("unresolved_token"));
    expect(decide(snapshot(), {}, driver(), { type: "other", name: "app" })).toEqual(fail("unresolved_token"));
    const say = (supported: Capabilities["supportedSubjectTypes"]) => {
      const result = decide(snapshot(), {}, driver({ supportedSubjectTypes: supported }));
      return result.ok ? "ok" : `${result.failure.code}: ${result.failure.message}`;
    };
    const refusal = 'unresolved_token: This connector does not support the subject "app". It supports: ';
    expect(say(["user", "token"])).toBe(`${refusal}user, token.`);
    expect(say([])).toBe(`${refusal}none yet.`);
  });

  test("a subject that the link leaves out", () => {
    expect(decide(link({ subjects: ["user"] }))).toEqual(
      fail("forbidden", { message: 'The project\'s link does not allow the subject "app".' }),
    );
    expect(decide(link({ subjects: ["user", "app"] })).ok).toBe(true);
  });

  test("installations, of the link or of the request", () => {
    expect(decide(link({ installations: [] }))).toEqual(
      fail("client_installation_required", {
        message: "The project's link allows certain installations only, and this connector has none of them.",
      }),
    );
    expect(decide(snapshot(), { installationId: "ins_1" })).toEqual(
      fail("client_installation_required", { message: "This connector has no installation of that id." }),
    );
  });

  test.for<[what: string, asked: Partial<TokenRequest>]>([
    ["resources", { resources: ["https://a.example"] }],
    ["audience", { audience: ["a"] }],
    ["authorization details", { authorizationDetails: [{ type: "a" }] }],
    ["resources and audience", { resources: ["https://a.example"], audience: ["a"] }],
    ["all three", { resources: ["https://a.example"], audience: ["a"], authorizationDetails: [{ type: "a" }] }],
    ["audience and details", { audience: ["a"], authorizationDetails: [{ type: "a" }] }],
  ])("%s under a ceiling of scopes, which cannot judge them", ([, asked]) => {
    expect(decide(link({ scopes: ["read"] }), { scopes: ["read"], ...asked })).toEqual(
      fail("insufficient_scope", {
        message:
          "The project's link has a ceiling of scopes, which cannot judge resources, audience or authorizationDetails. Omit them.",
      }),
    );
    expect(decide(snapshot(), { scopes: ["read"], ...asked }).ok).toBe(true);
  });

  test("scopes above the ceiling, with what it does allow", () => {
    const say = (scopes: string[]) => {
      const result = decide(link({ scopes }), { scopes: ["admin"] });
      return result.ok ? "ok" : `${result.failure.code}: ${result.failure.message}`;
    };
    expect(say(["read", "write"])).toBe("insufficient_scope: The project's link allows only these scopes: read write.");
    expect(say([])).toBe("insufficient_scope: The project's link allows only these scopes: none.");
  });

  test("nothing else: the Grant is the subject's, in the link's namespace, of the environment or shared", () => {
    const user: RequestedSubject = { type: "user", id: "u1", issuer: "https://i.example" };
    const decision = decide(link({ subjectNamespace: "n" }), {}, driver(), user);
    expect(decision).toMatchObject({
      ok: true,
      value: {
        identity: {
          connectorId: "scl_1",
          installationId: null,
          subject: { type: "user", namespace: "n", issuer: "https://i.example", id: "u1" },
          partition: "production",
        },
      },
    });
    expect(decide(snapshot(), {}, driver({ partition: "shared" }))).toMatchObject({
      value: { identity: { subject: { type: "app" }, partition: "shared" } },
    });
  });
});
