import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { grantsOf } from "../housekeeping/support.ts";
import { hostileAnswer } from "../providers/hostile.ts";
import type { Api } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { ask, isolate, type Scene, scene } from "../support/connect.ts";

beforeEach(() => clock.reset());

const narrow = async (api: Api, at: Scene, scopes: string[] | null) => {
  const link = `/v1/connect/connectors/${at.connectorId}/projects/${at.projectId}`;
  expect((await api.post(link, { environments: ["production"], scopes }, at.owner)).status).toBe(200);
  clock.advance(2_000);
};
const refusal = ({ status, body }: Awaited<ReturnType<typeof ask>>) => [status, body.error?.code];

describe("C-08 a link's ceiling of scopes", () => {
  test.for([
    ["resources", { resources: ["https://api.example.com"] }],
    ["an audience", { audience: ["https://api.example.com"] }],
    ["authorization details", { authorizationDetails: [{ type: "payment" }] }],
  ] as const)("is not got around with %s, which it cannot judge", async ([what, narrowing]) => {
    const { api } = await isolate();
    const at = await scene(api, `ceiling-${what.replaceAll(" ", "-")}`, { leaseSeconds: 0 });
    expect((await ask(api, at, narrowing)).status).toBe(200);
    await narrow(api, at, ["read"]);
    const refused = await ask(api, at, narrowing);
    expect(refusal(refused)).toEqual([403, "insufficient_scope"]);
    expect(refused.body.error.message).toContain("ceiling");
    expect((await ask(api, at)).body.scopes).toEqual(["read"]);
  });

  test("leaves the connector's own default audience alone", async () => {
    const { api } = await isolate();
    const at = await scene(api, "ceiling-default-audience", { leaseSeconds: 0 });
    const data = { defaultAudience: "https://api.example.com" };
    expect((await api.patch(`/v2/connect/connectors/${at.connectorId}`, { data }, at.owner)).status).toBe(200);
    await narrow(api, at, ["read"]);
    expect((await ask(api, at)).status).toBe(200);
  });

  test("holds against a provider that grants more: the token is handed to nobody, and revoked", async () => {
    const { api, services } = await isolate();
    const at = await scene(api, "generous", { leaseSeconds: 0 });
    await narrow(api, at, ["read"]);
    const answer = {
      access_token: "too-wide-a-token",
      token_type: "Bearer",
      expires_in: 600,
      scope: "read admin write",
    };
    const serverConfig = { token_endpoint: hostileAnswer(JSON.stringify(answer)) };
    const path = `/v2/connect/connectors/${at.connectorId}`;
    expect((await api.patch(path, { data: { serverConfig } }, at.owner)).status).toBe(200);
    clock.advance(2_000);

    const refused = await ask(api, at);
    expect(refusal(refused)).toEqual([403, "insufficient_scope"]);
    expect(refused.body.error.message).toBe("The provider granted more than the project's link allows: admin write.");
    expect(refused.text + services.lines.join()).not.toContain("too-wide-a-token");
    await vi.waitFor(async () => expect((await at.upstream.state()).revoked).toEqual(["too-wide-a-token"]), {
      timeout: 10_000,
    });
    const [name = ""] = await grantsOf(at.connectorId);
    await runInDurableObject(env.GRANTS.getByName(name), (_, { storage }) => {
      expect(storage.sql.exec("SELECT count(*) AS n FROM tokens").one()).toEqual({ n: 0 });
    });
    // A broken provider is not asked again by every caller, nor is what it gives.
    expect(refusal(await ask(api, at))).toEqual([403, "insufficient_scope"]);

    await narrow(api, at, ["read", "admin", "write"]);
    clock.advance(31_000);
    expect((await ask(api, at)).body.scopes).toEqual(["admin", "read", "write"]);
  });

  test("that is lowered later holds for the tokens that were obtained before", async () => {
    const { api } = await isolate();
    const at = await scene(api, "lowered", { leaseSeconds: 0 });
    const data = { clientCredentials: { scopes: ["read", "write"] } };
    expect((await api.patch(`/v2/connect/connectors/${at.connectorId}`, { data }, at.owner)).status).toBe(200);
    expect((await ask(api, at)).body.scopes).toEqual(["read", "write"]);
    await narrow(api, at, ["read"]);
    expect((await ask(api, at)).body).toMatchObject({ scopes: ["read"], token: "lowered-access-token-2" });
    const tokens = `/v1/connect/connectors/${at.connectorId}/tokens`;
    expect((await api.delete(tokens, at.runtime, { subject: { type: "app" } })).body.providerRevoked).toBe(2);
  });
});
