import { beforeEach, describe, expect, test } from "vitest";
import { addEmptyGrants } from "../housekeeping/support.ts";
import { clock } from "../support/clock.ts";
import { ask, isolate, type Scene, scene } from "../support/connect.ts";

beforeEach(() => clock.reset());

const tokensOf = ({ connectorId }: Scene) => `/v1/connect/connectors/${connectorId}/tokens`;

describe("C-09 a Grant that does not answer", () => {
  /** An isolate whose objects are all out of reach. */
  async function cutOff() {
    const seen = { nudges: 0 };
    const unreachable = () => Promise.reject(new Error("overloaded"));
    const { services } = await isolate();
    const here = await isolate({
      grants: { ...services.grants, grant: () => ({ ...services.grants.grant("g1:none", null), revoke: unreachable }) },
      nudgeHousekeeper: async () => void seen.nudges++,
    });
    return { ...here, seen };
  }

  test("leaves the rest of a wide revocation in force, and to the walk", async () => {
    const { api } = await isolate();
    const at = await scene(api, "wide-unreachable");
    const { body: before } = await ask(api, at);
    const here = await cutOff();
    const { status, body } = await here.api.delete(tokensOf(at), at.owner, {});
    expect(status).toBe(200);
    expect(body).toMatchObject({ local: "revoked", upstream: "pending", progress: { grantsTold: 0 } });
    expect(here.seen.nudges).toBe(1);
    clock.advance(body.effectiveBy - clock.now());
    expect((await ask(api, at)).body.tokenId).not.toBe(before.tokenId);
  });

  test("fails the revocation of a subject, which nobody would repeat", async () => {
    const { api } = await isolate();
    const at = await scene(api, "narrow-unreachable");
    await ask(api, at);
    const here = await cutOff();
    const { status, body } = await here.api.delete(tokensOf(at), at.owner, { subject: { type: "app" } });
    expect([status, body.error.code]).toEqual([503, "storage_unavailable"]);
  });
});

test("C-09 a subject's revocation reaches all of its grants, however many there are", { timeout: 30_000 }, async () => {
  const { api } = await isolate();
  const at = await scene(api, "many-partitions");
  await addEmptyGrants(at.connectorId, 130);
  await ask(api, at);
  // Behind all the others in the order in which they are told, whatever its hash is.
  const { services } = await isolate();
  const names = await services.db.all<{ name: string }>({
    sql: "SELECT name FROM grants WHERE connector_id = ? AND partition = 'production'",
    values: [at.connectorId],
  });
  const [real] = names;
  await services.db.run({
    sql: "UPDATE grants SET name = '!' || name WHERE connector_id = ? AND partition <> 'production'",
    values: [at.connectorId],
  });
  expect(names).toHaveLength(1);
  const { body } = await api.delete(tokensOf(at), at.owner, { subject: { type: "app" } });
  expect(body).toMatchObject({ tokensFound: 1, providerRevoked: 1 });
  expect(real?.name).toMatch(/^g1:/);
});
