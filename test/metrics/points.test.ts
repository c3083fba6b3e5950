import { beforeEach, describe, expect, test } from "vitest";
import { toDataPoint } from "../../src/metrics/data-point.ts";
import { clock } from "../support/clock.ts";
import { ask, isolate, scene } from "../support/connect.ts";
import { limitsOf } from "../support/limits.ts";
import { objectPoints } from "../support/object-metrics.ts";

beforeEach(() => {
  clock.reset();
  objectPoints.length = 0;
});

describe("a request", () => {
  test("is one point with its route, outcome and caller, and how its token was found", async () => {
    const { api, services } = await isolate();
    const scened = await scene(api, "points");
    services.points.length = 0;
    for (let round = 0; round < 2; round++) await ask(api, scened);
    const common = {
      kind: "request",
      method: "POST",
      route: "/v1/connect/token/:c",
      status: 200,
      outcome: "ok",
      caller: "access-token",
      projectId: scened.projectId,
      environment: "production",
      connectorId: scened.connectorId,
      connectorType: "oauth",
      subjectType: "app",
    };
    expect(services.points).toMatchObject([
      { ...common, rung: "grant", minted: true },
      { ...common, rung: "memory", minted: false },
    ]);
    const other = await isolate();
    await ask(other.api, scened);
    expect(other.services.points).toMatchObject([{ ...common, rung: "grant", minted: false }]);
  });

  test("that is refused is counted with its code, and with the limit that it ran into", async () => {
    const { limits } = limitsOf({ caller: 1 });
    const { api, services } = await isolate({ limits });
    const scened = await scene((await isolate()).api, "refused");
    await ask(api, { uid: "oauth/none", runtime: scened.runtime });
    await ask(api, { uid: "oauth/none-2", runtime: scened.runtime });
    await ask(api, { uid: "oauth/none", runtime: "vk_nobody" });
    expect(services.points).toMatchObject([
      { status: 404, outcome: "not_found", caller: "access-token" },
      { status: 429, outcome: "rate_limited", limit: "caller" },
      {
        status: expect.any(Number),
        outcome: expect.stringMatching(/unauthorized|invalid_token_format/),
        caller: "none",
      },
    ]);
  });

  test("cannot widen the dataset with texts of its own", async () => {
    const { api, services } = await isolate();
    const { runtime, uid } = await scene((await isolate()).api, "texts");
    const mark = "x-chosen-by-the-caller";
    await api.send(`/${mark}?${mark}=1`, { method: "PROPFIND", headers: { "x-custom": mark } });
    await ask(api, { uid: mark, runtime });
    await ask(api, { uid, runtime }, { subject: { type: mark, id: mark }, scopes: [mark] });
    expect(services.points).toMatchObject([
      { method: "(other)", route: "(none)" },
      { route: "/v1/connect/token/:c", outcome: "not_found" },
      { route: "/v1/connect/token/:c", outcome: "unresolved_token", subjectType: "other" },
    ]);
    expect(JSON.stringify(services.points)).not.toContain(mark);
  });
});

describe("a Grant", () => {
  test("counts each call of the provider with its outcome, and none for what it had", async () => {
    const { api } = await isolate();
    const scened = await scene(api, "mints");
    await scened.upstream.control({ mode: "status/500" });
    await ask(api, scened);
    await scened.upstream.control({ mode: "" });
    clock.advance(60_000);
    await ask(api, scened);
    await ask((await isolate()).api, scened);
    const common = { kind: "mint", connectorId: scened.connectorId, connectorType: "oauth", subjectType: "app" };
    expect(objectPoints).toMatchObject([
      { ...common, outcome: "upstream_unreachable" },
      { ...common, outcome: "ok" },
    ]);
  });

  test("C-13 counts a revocation by its numbers, and nothing that was counted holds a secret", async () => {
    const { api, services } = await isolate();
    const scened = await scene(api, "revokes");
    const { body } = await ask(api, scened);
    await api.delete(`/v1/connect/connectors/${scened.connectorId}/tokens`, scened.owner, {});
    expect(objectPoints.at(-1)).toMatchObject({
      kind: "revocation",
      connectorId: scened.connectorId,
      tokensFound: 1,
      providerRevoked: 1,
      providerFailed: 0,
      providerPending: 0,
    });
    const points = [...services.points, ...objectPoints];
    const stored = JSON.stringify([points, points.map(toDataPoint)]);
    expect(points.length).toBeGreaterThan(4);
    for (const secret of [body.token, scened.runtime, scened.owner, "the-client-secret"]) {
      expect(stored).not.toContain(secret);
    }
  });
});
