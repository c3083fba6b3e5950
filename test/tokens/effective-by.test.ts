import { beforeEach, describe, expect, test } from "vitest";
import type { Services } from "../../src/services.ts";
import { clock } from "../support/clock.ts";
import { isolate, type Scene, scene } from "../support/connect.ts";

beforeEach(() => clock.reset());

/** What the longest lease adds to now; nothing shorter can have been meant. */
const LONGEST_MS = 300_000;

describe("C-09 a lease that is made longer while something is being taken away counts in effectiveBy", () => {
  /** A scene with short leases, and an isolate in which they become long just before that statement runs. */
  async function racing(name: string, before: RegExp) {
    const plain = await isolate();
    const at = await scene(plain.api, name, { leaseSeconds: 1 });
    const lengthen = async () => {
      const { status } = await plain.api.patch(
        `/v2/connect/connectors/${at.connectorId}`,
        { leaseSeconds: 300 },
        at.owner,
      );
      if (status !== 200) throw new Error(`the change answered ${status}`);
    };
    let raced = false;
    const db: Services["db"] = {
      ...plain.services.db,
      async batch(statements) {
        if (!raced && statements.some(({ sql }) => before.test(sql))) {
          raced = true;
          await lengthen();
        }
        return plain.services.db.batch(statements);
      },
    };
    const revoke = async () => {
      await lengthen();
      return {
        tokensFound: 0,
        deleted: 0,
        providerRevoked: 0,
        providerSkipped: 0,
        providerFailed: 0,
        providerPending: 0,
      };
    };
    const { grants } = plain.services;
    const stub = grants.grant("g1:none", null);
    return {
      at,
      byDatabase: await isolate({ db }),
      byGrant: await isolate({ grants: { ...grants, grant: () => ({ ...stub, token: stub.token, revoke }) } }),
      plain,
    };
  }
  const tokens = ({ connectorId }: Scene) => `/v1/connect/connectors/${connectorId}/tokens`;

  test("by a revocation of everything", async () => {
    const { at, byDatabase } = await racing("race-all", /revocation_walks/);
    const { body } = await byDatabase.api.delete(tokens(at), at.owner, {});
    expect(body.effectiveBy - clock.now()).toBeGreaterThan(LONGEST_MS);
  });

  test("by a revocation of a subject", async () => {
    const { at, byGrant, plain } = await racing("race-subject", /never/);
    await plain.api.post(`/v1/connect/token/${at.connectorId}`, {}, at.runtime);
    const { body } = await byGrant.api.delete(tokens(at), at.owner, { subject: { type: "app" } });
    expect(body.effectiveBy - clock.now()).toBeGreaterThan(LONGEST_MS);
  });

  test("by an unlink", async () => {
    const { at, byDatabase } = await racing("race-unlink", /DELETE FROM links/);
    const path = `/v1/connect/connectors/${at.connectorId}/projects/${at.projectId}`;
    const { headers } = await byDatabase.api.delete(path, at.owner);
    expect(Number(headers.get("valetkey-effective-by")) - clock.now()).toBeGreaterThan(LONGEST_MS);
  });

  test("by the deletion of the connector, which then has to look again", async () => {
    const { at, byDatabase } = await racing("race-delete", /deleted_at_ms = \?1/);
    const { status, headers } = await byDatabase.api.delete(`/v1/connect/connectors/${at.connectorId}`, at.owner);
    expect(status).toBe(204);
    expect(Number(headers.get("valetkey-effective-by")) - clock.now()).toBeGreaterThan(LONGEST_MS);
  });
});

test("a change of a connector's data says when the last token of the old configuration is gone", async () => {
  const { api } = await isolate();
  const at = await scene(api, "changed-data", { leaseSeconds: 120 });
  const path = `/v2/connect/connectors/${at.connectorId}`;
  const changed = await api.patch(path, { data: { clientSecret: "another-secret" } }, at.owner);
  const effectiveBy = Number(changed.headers.get("valetkey-effective-by"));
  expect(effectiveBy - clock.now()).toBeGreaterThan(115_000);
  expect(effectiveBy - clock.now()).toBeLessThan(125_000);
  expect((await api.patch(path, { name: "Another" }, at.owner)).headers.has("valetkey-effective-by")).toBe(false);
});
