import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { ConnectBinding } from "../../src/sdk/service-binding.ts";
import { project } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { type Isolate, isolate, type Scene, scene } from "../support/connect.ts";

/** Connect as a Worker sees it that was deployed with these props. */
const bound = (props?: unknown): ConnectBinding =>
  (exports as unknown as { Connect: (options: { props?: unknown }) => ConnectBinding }).Connect({ props });

/** What a caller can see of a failure: its own properties. */
async function failureOf(call: Promise<unknown>): Promise<Record<string, unknown>> {
  const thrown: unknown = await call.then(
    () => ({}),
    (error: unknown) => error,
  );
  if (!(thrown instanceof Error)) throw new Error("the call did not fail");
  const { message, ...rest } = thrown as Error & Record<string, unknown>;
  return { message, ...rest };
}

describe("the entrypoint for service bindings", () => {
  let deployment: Isolate;
  let at: Scene;
  let unlinked: string;

  beforeAll(async () => {
    clock.reset();
    deployment = await isolate();
    at = await scene(deployment.api, "bound", { environments: ["production"] });
    unlinked = await project(deployment.api, at.owner, "unlinked");
  });

  test("answers the project that its props name, by slug or id, without any token", async () => {
    for (const ref of ["bound", at.projectId]) {
      const connect = bound({ project: ref, environment: "production" });
      const answer = await connect.getTokenResponse(at.uid, { subject: { type: "app" } });
      expect(answer).toMatchObject({ tokenId: expect.stringMatching(/^stk_/), connector: { uid: at.uid } });
      expect(await connect.getToken(at.connectorId)).toBe(answer.token);
      const metadata = await connect.getConnectorMetadata(at.uid);
      expect(metadata).toMatchObject({ id: at.connectorId, uid: at.uid, type: "oauth", vendor: expect.any(Object) });
    }
  });

  test("a workload's HTTP request and a binding's call get the same cached token", async () => {
    const overHttp = await deployment.api.post(`/v1/connect/token/${encodeURIComponent(at.uid)}`, {}, at.runtime);
    const overRpc = await bound({ project: "bound", environment: "production" }).getTokenResponse(at.uid);
    expect(overRpc).toEqual(overHttp.body);
  });

  test("B-10 B-11 what is not linked to its project does not exist, and another environment is refused", async () => {
    const strangers: [unknown, string, number][] = [
      [{ project: "unlinked", environment: "production" }, "not_found", 404],
      [{ project: unlinked, environment: "production" }, "not_found", 404],
      [{ project: "nobody", environment: "production" }, "not_found", 404],
      [{ project: "prj_00000000000000000000", environment: "production" }, "not_found", 404],
      [{ project: "bound", environment: "preview" }, "forbidden", 403],
      [{ project: "bound", environment: "Production" }, "forbidden", 403],
    ];
    for (const [props, code, status] of strangers) {
      const connect = bound(props);
      const calls = [
        () => connect.getToken(at.uid),
        () => connect.getConnectorMetadata(at.uid),
        () => connect.revokeToken(at.uid, { subject: { type: "app" } }),
      ];
      for (const call of calls) expect(await failureOf(call())).toMatchObject({ code, status });
    }
  });

  test("props that do not say whose Worker it is are refused by name, and their values are not shown", async () => {
    const unusable: [unknown, RegExp][] = [
      [undefined, /project/],
      [{}, /project.*environment/],
      [{ project: "bound" }, /environment/],
      [{ project: 7, environment: "production" }, /\(project\)/],
      [{ project: "bound", environment: ["production"] }, /\(environment\)/],
      [{ project: "bound", environment: "production", env: "SECRET-VALUE" }, /unknown env/],
    ];
    for (const [props, names] of unusable) {
      const failure = await failureOf(bound(props).getToken(at.uid));
      expect(failure).toMatchObject({ code: "invalid_config", status: 400, requestId: expect.stringMatching(/^req_/) });
      expect(failure.message).toMatch(names);
      expect(failure.message).not.toContain("SECRET-VALUE");
    }
  });

  test("a caller cannot name another project in its arguments, nor reach another route by them", async () => {
    const connect = bound({ project: "unlinked", environment: "production" });
    const params = { project: "bound", projectId: at.projectId, props: { project: "bound" } };
    expect(await failureOf(connect.getToken(at.uid, params as object))).toMatchObject({ code: "not_found" });
    for (const connector of ["..", ".", "", "\ud800", 7, null, {}, ["x"]] as string[]) {
      expect(await failureOf(connect.getToken(connector))).toMatchObject({ code: "bad_request", status: 400 });
    }
    for (const connector of ["../../projects", "../v1/access-tokens", "x?teamId=y", "x/tokens", "%2e%2e"]) {
      expect(await failureOf(connect.getConnectorMetadata(connector))).toMatchObject({ code: "not_found" });
    }
  });

  test("arguments of any type get an answer of the contract, and no stack", async () => {
    const connect = bound({ project: "bound", environment: "production" });
    const junk = [null, 7, "text", [1], { scopes: "read" }, { subject: "app" }, { big: 10n }, { validityBufferMs: -1 }];
    for (const params of junk as object[]) {
      const failure = await failureOf(connect.getToken(at.uid, params));
      expect(failure).toMatchObject({ code: "bad_request", status: 400 });
    }
    expect(await failureOf(connect.revokeToken(at.uid, undefined as unknown as object))).toMatchObject({
      code: "bad_request",
    });
    for (const params of [null, 7, "text", [1], { big: 10n }] as object[]) {
      for (const call of [
        () => connect.startAuthorization(at.uid, params),
        () => connect.startAuthorization(at.uid, {}, params),
        () => connect.startInstallation(at.uid, params),
        () => connect.completeAuthorization(params as never),
        () => connect.getAuthorizationResult([params] as never),
      ]) {
        expect(await failureOf(call())).toMatchObject({ code: "bad_request", status: 400 });
      }
    }
    const unknownSubject = { subject: { type: "robot" } } as unknown as object;
    expect(await failureOf(connect.getToken(at.uid, unknownSubject))).toMatchObject({ code: "unresolved_token" });
  });

  test("it revokes for its own environment, and not a whole connector", async () => {
    const connect = bound({ project: "bound", environment: "production" });
    await connect.getToken(at.uid);
    expect(await failureOf(connect.revokeToken(at.uid, {}))).toMatchObject({ code: "forbidden", status: 403 });
    const report = await connect.revokeToken(at.uid, { subject: { type: "app" } });
    expect(report).toMatchObject({ deleted: 1, local: "revoked", effectiveBy: expect.any(Number) });
  });
});
