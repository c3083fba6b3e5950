import { describe, expect, test } from "vitest";
import type { GrantPolicy } from "../../src/catalog/driver.ts";
import { groupOfKey, isEqualGrant, notGranted, userGroupKey, wantedGroup } from "../../src/grants/user-group.ts";

type Granted = Parameters<typeof isEqualGrant>[0]["granted"];

const NOTHING = { scopes: [], resources: [], audience: [], authorizationDetails: [] };
const group = (...scopes: string[]) => ({ ...NOTHING, scopes });
const policy: GrantPolicy = {
  rotation: "strict",
  oldAccessTokenDies: false,
  revocationScope: "grant",
  codeLifetimeMs: 60_000,
};
const authorization = (...scopes: string[]) => ({ granted: group(...scopes), asked: group("asked"), policy });
const details = [{ type: "payment", b: 2, a: 1 }, { type: "account" }];

describe("the key of a user's tokens", () => {
  test("is this very text, since it lies in Grants that nobody has asked for long", () => {
    const full = { ...group("a", "b"), resources: ["r"], audience: ["u"], authorizationDetails: details };
    const [first, second] = ['{"a":1,"b":2,"type":"payment"}', '{"type":"account"}'];
    expect(userGroupKey({ linkId: "lnk_1", narrow: true, group: full })).toBe(
      `["lnk_1",true,["a","b"],["r"],["u"],[${first},${second}]]`,
    );
    expect(userGroupKey({ linkId: "lnk_1", narrow: false, group: group("a") })).toBe('["lnk_1",false,[],[],[],[]]');
    expect(userGroupKey({ linkId: null, narrow: false, group: full })).toBe("only");
  });

  test("says what they are, so that they can be refreshed", () => {
    const narrow = { linkId: "lnk_1", narrow: true, group: { ...group("a"), authorizationDetails: details } };
    expect(groupOfKey(userGroupKey(narrow), authorization("a", "b"))).toEqual(narrow);
    const whole = { linkId: "lnk_1", narrow: false, group: { ...NOTHING, resources: ["r"] } };
    expect(groupOfKey(userGroupKey(whole), authorization("a", "b"))).toEqual({
      ...whole,
      group: { ...whole.group, scopes: ["a", "b"] },
    });
    expect(groupOfKey("only", { ...authorization("a", "b"), asked: { ...group("x"), resources: ["r"] } })).toEqual({
      linkId: null,
      narrow: false,
      group: { ...group("a", "b"), resources: ["r"] },
    });
  });
});

describe("C-08 under a ceiling below what was granted", () => {
  const request = { linkId: "lnk_1", narrow: false, group: group("a", "b"), scopeCeiling: ["a", "c"] };

  test("a request gets the part that was granted and that it asks for, or nothing", () => {
    const asks = { ...request, group: group("a", "z") };
    expect(wantedGroup(asks, authorization("a", "b"))).toEqual({
      ok: true,
      value: { linkId: "lnk_1", narrow: true, group: group("a") },
    });
    const nothing = wantedGroup({ ...request, group: group("c") }, authorization("a", "b"));
    expect(nothing).toMatchObject({ ok: false, failure: { code: "insufficient_scope" } });
    expect(!nothing.ok && nothing.failure.message).toContain("exceeds what the project's link allows");
  });

  test("and where there is one token for everybody, nobody gets it", () => {
    const single = { ...authorization("a", "b"), policy: { ...policy, oldAccessTokenDies: true } };
    expect(wantedGroup(request, single)).toMatchObject({ ok: false, failure: { code: "insufficient_scope" } });
    expect(wantedGroup({ ...request, scopeCeiling: ["a", "b"] }, single)).toEqual({
      ok: true,
      value: { linkId: null, narrow: false, group: { ...group("asked"), scopes: ["a", "b"] } },
    });
  });
});

describe("a token of another group is just what is asked for", () => {
  const wanted = {
    linkId: "lnk_1",
    narrow: true,
    group: { scopes: ["a", "b"], resources: ["r"], audience: ["u"], authorizationDetails: details },
  };
  const same = { ...wanted.group, scopes: ["b", "a"], authorizationDetails: details.toReversed() };

  test("in whatever order its parts come", () => {
    expect(isEqualGrant({ granted: same }, wanted)).toBe(true);
    expect(isEqualGrant({ granted: group("a") }, { ...wanted, group: group("a") })).toBe(true);
  });

  test.for<[string, Partial<Granted>]>([
    ["scopes", { scopes: ["a", "c"] }],
    ["fewer scopes", { scopes: ["a"] }],
    ["resources", { resources: ["s"] }],
    ["an audience", { audience: ["v"] }],
    ["no known audience", { audience: undefined }],
    ["details", { authorizationDetails: [{ type: "payment", b: 2, a: 3 }, { type: "account" }] }],
  ])("unless it has other %s", ([, change]) => {
    expect(isEqualGrant({ granted: { ...same, ...change } }, wanted)).toBe(false);
  });
});

test("what is missing is told in a text of bounded length", () => {
  expect(notGranted(["x".repeat(10_000)]).length).toBeLessThan(700);
});
