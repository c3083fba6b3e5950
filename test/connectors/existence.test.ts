import { expect, test } from "vitest";
import { isolate, scene } from "../support/connect.ts";

test("D-07 another project's connector costs the same queries as one that nobody has", async () => {
  const here = await isolate();
  const mine = await scene(here.api, "asker");
  const theirs = await scene(here.api, "asked");
  const path = (reference: string) => `/v1/connect/connectors/${encodeURIComponent(reference)}`;
  const costs = async (send: (reference: string) => Promise<{ status: number }>) => {
    const seen: unknown[] = [];
    for (const reference of [theirs.connectorId, theirs.uid, "scl_00000000000000000000", "no/body"]) {
      here.reset();
      const { status } = await send(reference);
      seen.push(`${status}, ${here.calls.d1} queries`);
    }
    return [...new Set(seen)];
  };
  await here.api.get(path(mine.uid), mine.runtime);
  expect(await costs((reference) => here.api.get(path(reference), mine.runtime))).toEqual(["404, 2 queries"]);
  expect(
    await costs((reference) =>
      here.api.delete(`${path(reference)}/tokens`, mine.runtime, { subject: { type: "app" } }),
    ),
  ).toEqual(["404, 2 queries"]);
});

test("D-07 a stranger cannot find out which connectors there are by asking for their keys by uid", async () => {
  const { api } = await isolate();
  const at = await scene(api, "signs", {
    data: {
      clientId: "client",
      tokenEndpointAuthMethod: "private_key_jwt",
      serverConfig: { issuer: "https://as.example.net", token_endpoint: "https://as.example.net/token" },
      clientCredentials: { enabled: true },
    },
  });
  const keys = (reference: string) => api.get(`/v1/connectors/${encodeURIComponent(reference)}/jwks.json`);
  expect((await keys(at.connectorId)).status).toBe(200);
  expect((await keys(at.uid)).status).toBe(404);
});
