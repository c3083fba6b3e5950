import { beforeEach, describe, expect, test } from "vitest";
import { clock } from "../support/clock.ts";
import { ask, isolate, scene } from "../support/connect.ts";

beforeEach(() => clock.reset());

const AHEAD_MS = 10 * 60_000;

describe("C-09 leases that a machine wrote whose clock was minutes ahead", () => {
  /** A scene that KV knows from such a machine, back on the true clock. */
  async function writtenAhead(name: string) {
    const { api } = await isolate();
    const at = await scene(api, name);
    clock.advance(AHEAD_MS);
    // The Grant publishes from the second request within a lease on; the third finds both leases in KV.
    for (let round = 0; round < 2; round++) {
      const fast = await isolate();
      expect((await ask(fast.api, at, {})).status).toBe(200);
      fast.services.tokenCaches.tokens.clear();
      expect((await ask(fast.api, at, {})).status).toBe(200);
    }
    const warm = await isolate();
    await ask(warm.api, at);
    expect(warm.calls).toMatchObject({ d1: 0, objects: 0 });
    clock.advance(-AHEAD_MS);
    return { at, api };
  }

  test("do not keep an unlinked project going past effectiveBy", async () => {
    const { at, api } = await writtenAhead("ahead-snapshot");
    const link = `/v1/connect/connectors/${at.connectorId}/projects/${at.projectId}`;
    const { headers } = await api.delete(link, at.owner);
    clock.advance(Number(headers.get("valetkey-effective-by")) - clock.now());
    const late = await isolate();
    expect((await ask(late.api, at)).body.error.code).toBe("not_found");
  });

  test("do not keep a subject's revoked token going past effectiveBy", async () => {
    const { at, api } = await writtenAhead("ahead-token");
    const { body } = await api.delete(`/v1/connect/connectors/${at.connectorId}/tokens`, at.owner, {
      subject: { type: "app" },
    });
    expect(body.deleted).toBe(1);
    clock.advance(body.effectiveBy - clock.now());
    const late = await isolate();
    expect((await ask(late.api, at)).body.token).toBe("ahead-token-access-token-2");
  });
});
