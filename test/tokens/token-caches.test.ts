import { expect, test } from "vitest";
import type { LeasedToken } from "../../src/grants/protocol.ts";
import { createTokenCaches, recall, remember } from "../../src/tokens/token-caches.ts";

const leased: LeasedToken = {
  token: "t".repeat(1000),
  tokenId: "stk_1",
  expiresAtMs: 9_000_000,
  static: false,
  lifetimeMs: 3_600_000,
  scopes: [],
  resources: [],
  authorizationDetails: [],
  authorizationId: "aut_1",
  groupId: "group",
  snapshotVersion: "1",
  revokedBeforeMs: 0,
  leaseFromMs: 0,
  leaseUntilMs: 60_000,
};

test("a caller whose every request is long and different does not fill the memory of the isolate", () => {
  const { tokens } = createTokenCaches(10_000, 100_000);
  for (let index = 0; index < 1000; index++) {
    remember(tokens, `${index}:${"x".repeat(9000)}`, leased, leased, 0);
  }
  expect(tokens.size).toBeLessThanOrEqual(10);
  expect(recall(tokens, `999:${"x".repeat(9000)}`, 0, 1)).toEqual(leased);
});
