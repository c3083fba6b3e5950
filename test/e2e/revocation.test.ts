import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusal, revocation, tokenResponse } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { CLIENT_AUTH_METHODS, setUpTeam, type Team } from "./team.ts";

let server: Server;
let team: Team;

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
});
afterAll(() => server?.stop());

describe("revocation", () => {
  const revoke = (connector: string, token: string, body: Record<string, unknown>) =>
    server.send({
      method: "DELETE",
      path: `/v1/connect/connectors/${encodeURIComponent(connector)}/tokens`,
      token,
      body,
    });

  test.for(CLIENT_AUTH_METHODS)("by %s reaches the upstream, and the next token is another", async (method) => {
    const connector = team.oauth[method];
    const workload = await team.workloadToken();
    const { token } = tokenResponse.parse((await team.askForToken(connector, workload)).body);
    const answer = await revoke(connector, workload, { subject: { type: "app" } });
    expect(answer.status).toBe(200);
    const report = revocation.parse(answer.body);
    expect(report).toMatchObject({
      deleted: report.tokensFound,
      providerFailed: 0,
      providerPending: 0,
      upstream: "done",
    });
    expect(report.providerRevoked).toBeGreaterThan(0);
    expect(report.providerRevoked + report.providerSkipped).toBe(report.tokensFound);
    expect(await team.introspect(token)).toEqual({ active: false });
    const fresh = await team.askForToken(connector, workload, {}, { "cache-control": "no-cache" });
    expect(tokenResponse.parse(fresh.body).token).not.toBe(token);
  });

  test("of all of a connector's tokens is for administrators, and reaches every environment", async () => {
    const connector = await team.freshConnector("up/wide");
    const workload = await team.workloadToken();
    const { token } = tokenResponse.parse((await team.askForToken(connector, workload)).body);
    expect(refusal(await revoke(connector, workload, {}))).toMatchObject({ status: 403, code: "forbidden" });
    expect(await team.introspect(token)).toMatchObject({ active: true });
    revocation.parse((await revoke(connector, team.owner, {})).body);
    await expect.poll(() => team.introspect(token)).toEqual({ active: false });
  });

  test("a deleted connector's tokens are revoked upstream, with what was left of its credentials", async () => {
    const connector = await team.freshConnector("up/gone");
    const workload = await team.workloadToken();
    const { token } = tokenResponse.parse((await team.askForToken(connector, workload)).body);
    const path = `/v1/connect/connectors/${encodeURIComponent(connector)}`;
    await server.expect(204, { method: "DELETE", path, token: team.owner });
    await expect.poll(() => team.introspect(token), { timeout: 15_000 }).toEqual({ active: false });
    const answer = await team.askForToken(connector, workload, {}, { "cache-control": "no-cache" });
    expect(answer.status).not.toBe(200);
  });
});
