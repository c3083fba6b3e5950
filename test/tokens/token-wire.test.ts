import { expect, test } from "vitest";
import { tokenWire } from "../../src/tokens/token-wire.ts";
import { leased, snapshot } from "./samples.ts";

test("the answer has the contract's members and no other, and no member that says nothing", () => {
  expect(tokenWire(leased, snapshot())).toEqual({
    token: "the-token",
    tokenId: "stk_1",
    expiresAt: 3_600_000,
    connector: { id: "scl_1", uid: "oauth/one", type: "oauth" },
    name: "one",
    authorizationId: "aut_1",
    tokenGroupId: "group",
    scopes: ["read"],
  });
});

test("resources, authorization details and metadata are told where there are any", () => {
  const told = { resources: ["https://a.example"], authorizationDetails: [{ type: "x" }], metadata: { team: "t" } };
  expect(tokenWire({ ...leased, ...told }, snapshot())).toMatchObject(told);
  expect(tokenWire({ ...leased, scopes: [] }, snapshot())).toHaveProperty("scopes", []);
});
