import type { ConnectBindingProps } from "valetkey";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agree } from "../../scripts/demo/agree.ts";
import { SmallBrowser } from "../../scripts/demo/small-browser.ts";
import { startApp } from "./app.ts";
import type { BoundAnswer, BoundCall } from "./bound-worker.ts";
import { parseObject, text } from "./http.ts";
import { revocation, tokenResponse } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";
import { connectUsers } from "./users.ts";

let server: Server;
let team: Team;

const production = { project: "linked", environment: "production" } satisfies ConnectBindingProps;
/** Binding → its `props`, as the calling Worker's configuration has them. */
const bindings: Record<string, Record<string, unknown> | undefined> = {
  CONNECT: production,
  UNLINKED: { ...production, project: "unlinked" },
  PREVIEW: { ...production, environment: "preview" },
  PROPLESS: undefined,
  MISTYPED: { ...production, project: ["linked"] },
};

beforeAll(async () => {
  const services = Object.entries(bindings).map(([binding, props]) => ({
    binding,
    service: "valetkey",
    entrypoint: "Connect",
    ...(props !== undefined && { props }),
  }));
  const config = { name: "agent", main: "test/e2e/bound-worker.ts", compatibility_date: "2026-11-01", services };
  server = await startServer({}, [{ config }]);
  team = await setUpTeam(server);
});
afterAll(() => server?.stop());

async function call(binding: string, method: string, ...args: unknown[]): Promise<BoundAnswer> {
  const body = JSON.stringify({ binding, method, args } satisfies BoundCall);
  const response = await server.harness.getWorker("agent").fetch("/", { method: "POST", body });
  return JSON.parse(await response.text());
}

describe("a Worker of the same account, bound to the entrypoint", () => {
  test("gets a token that the provider honours, with no credential at all", async () => {
    const uid = team.oauth.client_secret_basic;
    const answer = await call("CONNECT", "getTokenResponse", uid, { subject: { type: "app" } });
    const { token } = tokenResponse.parse("value" in answer ? answer.value : answer);
    expect(await team.introspect(token)).toMatchObject({ active: true, scope: "reports:read" });
    expect(await call("CONNECT", "getToken", uid)).toEqual({ value: token });
    const overHttp = await team.askForToken(uid, await team.workloadToken());
    expect(overHttp.body.token).toBe(token);
  });

  test("B-11 knows nothing of a connector that its project is not linked to, whatever it says in its arguments", async () => {
    const uid = team.oauth.client_secret_post;
    for (const params of [{}, { project: "linked" }, { projectId: team.linked, props: production }]) {
      expect(await call("UNLINKED", "getToken", uid, params)).toMatchObject({
        error: { code: "not_found", status: 404, message: expect.any(String), requestId: expect.any(String) },
      });
    }
    expect(await call("UNLINKED", "getConnectorMetadata", uid)).toMatchObject({ error: { code: "not_found" } });
    expect(await call("UNLINKED", "getToken", "no/such")).toMatchObject({ error: { code: "not_found" } });
  });

  test("B-10 is refused where its environment is not linked", async () => {
    expect(await call("PREVIEW", "getToken", team.oauth.client_secret_basic)).toMatchObject({
      error: {
        code: "forbidden",
        status: 403,
        message: expect.stringMatching(/^connector is not linked to this project/),
      },
    });
  });

  test("without props, or with wrong ones, is told how to configure them", async () => {
    for (const binding of ["PROPLESS", "MISTYPED"]) {
      expect(await call(binding, "getToken", team.apiKey)).toMatchObject({
        error: { code: "invalid_config", status: 400, message: expect.stringContaining("props = { project =") },
      });
    }
  });

  test("reads a connector's metadata, and revokes its own tokens", async () => {
    const uid = await team.freshConnector("up/bound");
    const first = await call("CONNECT", "getTokenResponse", uid);
    const { token } = tokenResponse.parse("value" in first ? first.value : first);
    expect(await call("CONNECT", "getConnectorMetadata", uid)).toMatchObject({ value: { uid, type: "oauth" } });
    const report = await call("CONNECT", "revokeToken", uid, { subject: { type: "app" } });
    expect(revocation.parse("value" in report ? report.value : report)).toMatchObject({ deleted: 1 });
    expect(await team.introspect(token)).toMatchObject({ active: false });
    expect(await call("CONNECT", "revokeToken", uid, {})).toMatchObject({ error: { code: "forbidden", status: 403 } });
  });

  test("sends a user through the consent, and acts for that user from then on", async () => {
    const app = await startApp();
    const { uid, id } = await connectUsers(team, app, "up/bound-users");
    const subject = { type: "user", id: "ada" };
    expect(await call("CONNECT", "getToken", uid, { subject })).toMatchObject({
      error: { code: "user_authorization_required", status: 422 },
    });
    const answer = await call("CONNECT", "startAuthorization", uid, { subject }, { returnUrl: app.returnUrl });
    const started = parseObject(JSON.stringify("value" in answer ? answer.value : answer));
    const verifier = text(started, "verifier");
    expect(await call("CONNECT", "getAuthorizationResult", verifier)).toMatchObject({ value: { status: "pending" } });
    const { url } = await agree(new SmallBrowser(), text(started, "url"), "ada");
    const completion = { verifier, connectCode: url.searchParams.get("connect_code") };
    expect(await call("UNLINKED", "completeAuthorization", completion)).toMatchObject({ error: { code: "not_found" } });
    expect(await call("CONNECT", "completeAuthorization", completion)).toMatchObject({
      value: { status: "success", data: { clientId: id } },
    });
    const token = await call("CONNECT", "getTokenResponse", uid, { subject });
    expect(token).toMatchObject({ value: { externalSubject: "ada" } });
    await app.stop();
  });

  test("can call the methods that are documented and nothing else", async () => {
    for (const method of ["fetchBound", "send", "answer", "#send", "#app", "app", "env", "ctx"]) {
      expect([method, await call("CONNECT", method, "x")]).toEqual([method, { error: expect.any(Object) }]);
    }
  });
});
