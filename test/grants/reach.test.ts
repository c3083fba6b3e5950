import { beforeEach, describe, expect, test, vi } from "vitest";
import { hostile } from "../providers/hostile.ts";
import { type Api, accessToken, project } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { ask, isolate, type Scene, scene } from "../support/connect.ts";

beforeEach(() => clock.reset());

const APP = { subject: { type: "app" } };
const revoke = (api: Api, { connectorId }: Scene, token: string, body: object = APP) =>
  api.delete(`/v1/connect/connectors/${connectorId}/tokens`, token, body);

/** Another project behind the same connector, and with the same environment: the two share a grant. */
async function neighbour(api: Api, at: Scene): Promise<Scene> {
  const projectId = await project(api, at.owner, `${at.name}-neighbour`);
  const link = `/v1/connect/connectors/${at.connectorId}/projects/${projectId}`;
  await api.post(link, { environments: ["production"] }, at.owner);
  const runtime = await accessToken(api, at.owner, { role: "developer", projectId, environment: "production" });
  return { ...at, projectId, runtime };
}

describe("D-07 a project's revocation", () => {
  test("leaves another project's token alive, here and at the provider; a team admin's ends both", async () => {
    const { api } = await isolate();
    const at = await scene(api, "neighbours", { leaseSeconds: 0 });
    const other = await neighbour(api, at);
    const mine = await ask(api, at);
    expect((await ask(api, other)).body.token).toBe("neighbours-access-token-2");

    expect((await revoke(api, at, other.runtime)).body).toMatchObject({ tokensFound: 1, providerRevoked: 1 });
    expect((await at.upstream.state()).revoked).toEqual(["neighbours-access-token-2"]);
    expect((await ask(api, at)).body.tokenId).toBe(mine.body.tokenId);
    expect((await ask(api, other)).body.token).toBe("neighbours-access-token-3");

    expect((await revoke(api, at, at.owner)).body).toMatchObject({ tokensFound: 2, providerRevoked: 2 });
    expect((await at.upstream.state()).revoked.toSorted()).toEqual(
      [1, 2, 3].map((n) => `neighbours-access-token-${n}`),
    );
  });

  test("does not cost another project the token that is just being fetched for it", async () => {
    const { api } = await isolate();
    const at = await scene(api, "fetching", { leaseSeconds: 0 });
    const other = await neighbour(api, at);
    await ask(api, other);
    await at.upstream.control({ delayMs: 400 });
    const fetching = ask(api, at);
    await vi.waitFor(async () => expect((await at.upstream.state()).waiting).toBe(1), { interval: 10 });
    await at.upstream.control({ delayMs: 0 });
    expect((await revoke(api, at, other.runtime)).body).toMatchObject({ tokensFound: 1, providerPending: 0 });
    expect((await fetching).body.token).toBe("fetching-access-token-2");
    expect((await at.upstream.state()).revoked).toEqual(["fetching-access-token-1"]);
  });
});

describe("C-09 a revocation reaches what was issued before", () => {
  test("and replaced because the provider was said to reject it", async () => {
    const { api } = await isolate();
    const at = await scene(api, "replaced", { leaseSeconds: 0 });
    const first = await ask(api, at);
    clock.advance(31_000);
    const second = await ask(api, at, { rejectedTokenId: first.body.tokenId });
    expect(second.body.token).toBe("replaced-access-token-2");
    const { body } = await revoke(api, at, at.runtime);
    expect(body).toMatchObject({ tokensFound: 2, deleted: 2, providerRevoked: 2, providerPending: 0 });
    expect((await at.upstream.state()).revoked.toSorted()).toEqual([
      "replaced-access-token-1",
      "replaced-access-token-2",
    ]);
  });

  test("and renewed before it expired; one that has expired is not counted", async () => {
    const { api } = await isolate();
    const at = await scene(api, "renewed-early", { leaseSeconds: 0 });
    await at.upstream.control({ expiresIn: 100 });
    await ask(api, at);
    clock.advance(80_000);
    await ask(api, at);
    clock.advance(19_000);
    expect((await revoke(api, at, at.owner)).body).toMatchObject({ tokensFound: 2, providerRevoked: 2 });
    await ask(api, at);
    clock.advance(80_000);
    await ask(api, at);
    clock.advance(30_000);
    expect((await revoke(api, at, at.owner)).body).toMatchObject({ tokensFound: 1, providerRevoked: 1 });
  });

  test("and replaced, when all tokens of the connector are revoked", async () => {
    const { api } = await isolate();
    const at = await scene(api, "replaced-wide", { leaseSeconds: 0 });
    const first = await ask(api, at);
    clock.advance(31_000);
    await ask(api, at, { rejectedTokenId: first.body.tokenId });
    expect((await revoke(api, at, at.owner, {})).body).toMatchObject({ tokensFound: 2, providerRevoked: 2 });
  });
});

describe("U-14 tokens that are to be revoked", () => {
  const server = (name: string) => ({
    issuer: hostile(`/provider/${name}`),
    token_endpoint: hostile(`/provider/${name}/token`),
    revocation_endpoint: hostile(`/provider/${name}/revoke`),
  });
  const elsewhere = (url: string) => url.replace("127.0.0.1", "localhost");

  test.for([
    ["another provider", (at: Scene) => server(`${at.name}-evil`)],
    [
      "a revocation endpoint elsewhere, under the old issuer's name",
      (at: Scene) => ({
        ...server(at.name),
        revocation_endpoint: elsewhere(server(`${at.name}-evil`).revocation_endpoint),
      }),
    ],
  ] as const)("are not sent to %s that the connector was pointed at since", async ([what, moved]) => {
    const { api, services } = await isolate();
    const at = await scene(api, `moved-${what.length}`, { leaseSeconds: 0 });
    await ask(api, at);
    const data = { serverConfig: moved(at), clientSecret: "of the new server" };
    const changed = await api.patch(`/v2/connect/connectors/${at.connectorId}`, { data }, at.owner);
    expect([changed.status, changed.text]).toEqual([200, changed.text]);
    const { body } = await revoke(api, at, at.owner, {});
    expect(body).toMatchObject({ tokensFound: 1, providerRevoked: 0, providerSkipped: 1, providerPending: 0 });
    const evil = await (await fetch(hostile(`/provider/${at.name}-evil/state`))).json<{ revoked: string[] }>();
    expect([evil.revoked, (await at.upstream.state()).revoked]).toEqual([[], []]);
    expect(services.lines.join()).not.toContain("access-token-1");
  });
});
