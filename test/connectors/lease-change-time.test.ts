import { beforeEach, expect, test } from "vitest";
import { sql } from "../../src/store/database.ts";
import { clock } from "../support/clock.ts";
import { isolate, scene } from "../support/connect.ts";

beforeEach(() => clock.reset());

test("a shorter lease counts from when it is stored, however long the discovery in the same change takes", async () => {
  const { api } = await isolate();
  const at = await scene(api, "slow-change", { leaseSeconds: 300 });
  const slow = await isolate({
    fetch: async () => {
      clock.advance(5_000);
      return { ok: false, failure: { code: "upstream_invalid_response" } };
    },
  });
  const { status } = await slow.api.patch(
    `/v2/connect/connectors/${at.connectorId}`,
    { leaseSeconds: 0, data: { clientSecret: "the-client-secret", serverUrl: at.upstream.issuer } },
    at.owner,
  );
  expect(status).toBe(200);
  const row = await slow.services.db.first<{ changedAtMs: number }>(
    sql("SELECT lease_changed_at_ms AS changedAtMs FROM connectors WHERE id = ?", at.connectorId),
  );
  expect(clock.now() - (row?.changedAtMs ?? 0)).toBeLessThan(5_000);
});
