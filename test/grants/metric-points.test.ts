import { expect, test } from "vitest";
import { fail, ok } from "../../src/errors.ts";
import { mintPoint, revocationPoint } from "../../src/grants/metric-points.ts";
import type { GrantIdentity, GrantTokenRequest } from "../../src/grants/protocol.ts";

const identity: GrantIdentity = {
  connectorId: "scl_1",
  installationId: null,
  subject: { type: "app" },
  partition: "production",
};

test("a mint is counted by connector, environment, subject type, outcome and duration", () => {
  const connector: GrantTokenRequest["connector"] = {
    type: "oauth",
    configRevision: 1,
    region: null,
    leaseSeconds: 60,
  };
  const request = { identity, connector } as GrantTokenRequest;
  const point = {
    kind: "mint",
    connectorId: "scl_1",
    connectorType: "oauth",
    environment: "production",
    subjectType: "app",
    durationMs: 7,
  };
  expect(mintPoint(request, ok(undefined), 7)).toEqual({ ...point, outcome: "ok" });
  expect(mintPoint(request, fail("upstream_timeout"), 7)).toEqual({ ...point, outcome: "upstream_timeout" });
});

test("a revocation is counted by what it found and what the provider said, also of a Grant that never held anything", () => {
  const counts = {
    tokensFound: 1,
    deleted: 2,
    providerRevoked: 3,
    providerSkipped: 4,
    providerFailed: 5,
    providerPending: 6,
  };
  const point = {
    kind: "revocation",
    outcome: "ok",
    tokensFound: 1,
    providerRevoked: 3,
    providerFailed: 5,
    providerPending: 6,
  };
  const whose = { connectorId: "scl_1", environment: "production", subjectType: "app" };
  expect(revocationPoint(identity, counts)).toEqual({ ...point, ...whose });
  const nobody = { connectorId: undefined, environment: undefined, subjectType: undefined };
  expect(revocationPoint(null, counts)).toEqual({ ...point, ...nobody });
});
