import { expect, test } from "vitest";
import { tokenWire } from "../../src/tokens/token-wire.ts";
import { leased, snapshot } from "./samples.ts";

const ASKED = { validityBufferMs: 30_000, nowMs: 0 };

test("the answer has the contract's members and no other, and no member that says nothing", () => {
  expect(tokenWire(leased, snapshot(), ASKED)).toEqual({
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
  expect(tokenWire({ ...leased, ...told }, snapshot(), ASKED)).toMatchObject(told);
  expect(tokenWire({ ...leased, scopes: [] }, snapshot(), ASKED)).toHaveProperty("scopes", []);
});

test("whose token it is, and what the provider said of them, are told where they are known", () => {
  const told = { externalSubject: "00u1", claims: { groups: ["a", "b"], email_verified: true, locale: null } };
  expect(tokenWire({ ...leased, ...told }, snapshot(), ASKED)).toMatchObject(told);
});

test("a static value is told to last as long as its very caller needs, and never longer than it does", () => {
  const told = (fields: object, validityBufferMs: number) =>
    tokenWire({ ...leased, static: true, ...fields }, snapshot(), { validityBufferMs, nowMs: 1_000 }).expiresAt;
  const endless = { expiresAtMs: Number.MAX_SAFE_INTEGER };
  expect(told(endless, 0)).toBe(1_000 + 3_600_000);
  expect(told(endless, 3_540_001)).toBe(1_000 + 3_600_001);
  expect(told(endless, 86_400_000)).toBe(1_000 + 86_460_000);
  expect(told({ expiresAtMs: 5_000 }, 86_400_000)).toBe(5_000);
});

test("what the provider issues is told to last as long as it does, however long that is", () => {
  for (const expiresAtMs of [60_000, 8 * 3_600_000, 400 * 86_400_000]) {
    const told = tokenWire({ ...leased, expiresAtMs }, snapshot(), { validityBufferMs: 30_000, nowMs: 1_000 });
    expect(told.expiresAt).toBe(expiresAtMs);
  }
});
