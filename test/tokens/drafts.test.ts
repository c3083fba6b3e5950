import { expect, test } from "vitest";
import { clock } from "../support/clock.ts";
import { ask, isolate, scene } from "../support/connect.ts";

test("a draft issues no token and asks no provider; completed, it does", async () => {
  const { api } = await isolate();
  const made = await scene(api, "draft", { leaseSeconds: 0, draft: true });
  const refused = await ask(api, made);
  expect([refused.status, refused.body.error.code]).toEqual([422, "no_token"]);
  expect(refused.body.error.message).toContain("draft");
  expect((await made.upstream.state()).issued).toEqual([]);
  const live = await api.patch(`/v2/connect/connectors/${made.connectorId}`, { draft: false }, made.owner);
  expect([live.status, live.body.connector?.draft]).toEqual([200, undefined]);
  clock.advance(2_000);
  expect((await ask(api, made)).status).toBe(200);
});
