import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scalarClaim } from "../../src/callers/claim-path.ts";
import { checkRuleClaims, matchRules, pinsSelector, rulesOverlap } from "../../src/callers/identity-rules.ts";
import type { ClaimValue, IdentityRule } from "../../src/callers/issuer-record.ts";

function rule(claims: Record<string, ClaimValue>, projectId = "prj_a", environment = "production"): IdentityRule {
  return { id: `idn_${projectId}_${environment}`, projectId, environment, claims };
}

function outcome(rules: IdentityRule[], claims: Record<string, unknown>): string {
  const result = matchRules(rules, claims);
  return result.ok ? `${result.value.projectId} ${result.value.environment}` : result.failure.code;
}

describe("matching", () => {
  test("every listed claim must be there", () => {
    const rules = [rule({ repository_id: "1", ref: "refs/heads/main" })];
    expect(outcome(rules, { repository_id: "1", ref: "refs/heads/main", extra: 1 })).toBe("prj_a production");
    expect(outcome(rules, { repository_id: "1" })).toBe("forbidden");
    expect(outcome(rules, { repository_id: "1", ref: "refs/heads/main2" })).toBe("forbidden");
  });

  test.each<[ClaimValue, unknown]>([
    ["1", 1],
    [1, "1"],
    [true, "true"],
    [true, 1],
    ["", null],
    ["a", ["a"]],
    ["a", { a: "a" }],
    [0, false],
    ["production", "Production"],
    ["a", "a "],
    ["é", "e\u0301"],
  ])("B-10 %j never equals %j", (wanted, actual) => {
    expect(outcome([rule({ claim: wanted })], { claim: actual })).toBe("forbidden");
  });

  test("B-09 nothing in a rule is a pattern", () => {
    for (const pattern of ["*", "repo:org/*", ".*", "^repo", "repo:org/app?"]) {
      expect(outcome([rule({ sub: pattern })], { sub: "repo:org/app" })).toBe("forbidden");
    }
  });

  test("an integer too large for a JavaScript number equals nothing, so two such ids are never taken for one", () => {
    const claims: unknown = JSON.parse('{"id":9007199254740993}');
    expect(outcome([rule({ id: 9007199254740992 })], claims as Record<string, unknown>)).toBe("forbidden");
    const exact = Number.MAX_SAFE_INTEGER;
    expect(scalarClaim({ id: exact, negative: -exact }, "id")).toBe(exact);
    expect(scalarClaim({ id: exact, negative: -exact }, "negative")).toBe(-exact);
    expect(scalarClaim({ id: -exact - 1 }, "id")).toBeNull();
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty", "/constructor/name", "/__proto__/x"])(
    "a claim named %s is not found on the prototype",
    (key) => {
      expect(scalarClaim({}, key)).toBeNull();
      expect(scalarClaim({ list: [] }, `/list/${key}`)).toBeNull();
    },
  );

  test("a claim that is only inherited is not the token's", () => {
    const claims: Record<string, unknown> = Object.create({ sub: "admin", nested: { id: 1 } });
    expect(scalarClaim(claims, "sub")).toBeNull();
    expect(scalarClaim(claims, "/nested/id")).toBeNull();
  });

  test("an own __proto__ claim of the token changes no other claim", () => {
    const claims: unknown = JSON.parse('{"__proto__":{"sub":"admin"}}');
    expect(outcome([rule({ sub: "admin" })], claims as Record<string, unknown>)).toBe("forbidden");
  });

  test("a JSON Pointer reaches nested claims, with its escapes, and only whole array indexes", () => {
    const claims = { "kubernetes.io": { namespace: "prod" }, "a/b": { "c~d": 1 }, list: ["x", "y"] };
    expect(scalarClaim(claims, "/kubernetes.io/namespace")).toBe("prod");
    expect(scalarClaim(claims, "/a~1b/c~0d")).toBe(1);
    expect(scalarClaim(claims, "/list/1")).toBe("y");
    expect(scalarClaim({ list: "abcdefghijklm".split("") }, "/list/12")).toBe("m");
    for (const key of ["/list/01", "/list/-", "/list/2", "/list/length", "/a~2", "/list", "kubernetes.io/namespace"]) {
      expect(scalarClaim(claims, key), key).toBeNull();
    }
  });

  test("a rule without claims matches nobody", () => {
    expect(outcome([rule({})], { sub: "x" })).toBe("forbidden");
  });

  test("the log is told how many rules there were, or which of them disagree", () => {
    expect(matchRules([rule({ sub: "x" })], {})).toEqual({
      ok: false,
      failure: {
        code: "forbidden",
        message:
          "No identity rule matches this token's claims. Add one to the project and environment that it belongs to.",
        reason: "rules=1",
      },
    });
    expect(matchRules([rule({ sub: "x" }), rule({ sub: "x" }, "prj_b"), rule({ sub: "y" })], { sub: "x" })).toEqual({
      ok: false,
      failure: { code: "ambiguous_identity", reason: "rules=idn_prj_a_production,idn_prj_b_production" },
    });
  });

  test("rules that agree are one identity, rules that do not are ambiguous", () => {
    const claims = { sub: "x", ref: "main" };
    expect(outcome([rule({ sub: "x" }), rule({ ref: "main" })], claims)).toBe("prj_a production");
    expect(outcome([rule({ sub: "x" }), rule({ ref: "main" }, "prj_b")], claims)).toBe("ambiguous_identity");
    expect(outcome([rule({ sub: "x" }), rule({ ref: "main" }, "prj_a", "preview")], claims)).toBe("ambiguous_identity");
  });
});

describe("overlap", () => {
  const value = fc.constantFrom<ClaimValue>("a", "b", 1, true);
  const claimSet = fc.dictionary(fc.constantFrom("sub", "/sub", "ref", "/env"), value, { minKeys: 1, maxKeys: 3 });

  test("rules that do not overlap never match the same token", () => {
    fc.assert(
      fc.property(claimSet, claimSet, fc.dictionary(fc.constantFrom("sub", "ref", "env"), value), (a, b, claims) => {
        const both = [rule(a), rule(b, "prj_b")].every((one) => matchRules([one], claims).ok);
        return !both || rulesOverlap({ claims: a }, { claims: b });
      }),
      { numRuns: 2000 },
    );
  });

  test("only a shared claim with different values keeps rules apart", () => {
    expect(rulesOverlap({ claims: { sub: "a" } }, { claims: { sub: "b" } })).toBe(false);
    expect(rulesOverlap({ claims: { sub: "a" } }, { claims: { "/sub": "b" } })).toBe(false);
    expect(rulesOverlap({ claims: { sub: "1" } }, { claims: { sub: 1 } })).toBe(false);
    expect(rulesOverlap({ claims: { sub: "a" } }, { claims: { ref: "b" } })).toBe(true);
    expect(rulesOverlap({ claims: { sub: "a", ref: "x" } }, { claims: { sub: "a" } })).toBe(true);
  });

  test("a rule pins the selector under either spelling", () => {
    expect(pinsSelector({ claims: { "/sub": "a" } }, "sub")).toBe(true);
    expect(pinsSelector({ claims: { "/a/b": 1 } }, "/a/b")).toBe(true);
    expect(pinsSelector({ claims: { ref: "a" } }, "sub")).toBe(false);
  });
});

describe("limits of a new rule", () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, "x"]));

  test("what fits is accepted as it is", () => {
    const claims = { sub: "x", "/a/b": 1, ["k".repeat(200)]: "v".repeat(1024), flag: false };
    const result = checkRuleClaims(claims);
    expect(result.ok && result.value).toEqual(claims);
    expect(checkRuleClaims(many(20)).ok).toBe(true);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["no claims", {}, "claims must list at least one claim"],
    ["too many claims", many(21), "claims must list at most 20 claims"],
    ["an empty name", { "": "x" }, "a claim's name must have 1 to 200 characters"],
    ["a long name", { ["k".repeat(201)]: "x" }, "a claim's name must have 1 to 200 characters"],
    ["a long value", { sub: "v".repeat(1025) }, '"sub" must have at most 1024 characters'],
    ["a broken pointer", { "/a~2": "x" }, '"/a~2" is not a JSON Pointer (RFC 6901)'],
    [
      "one claim under two spellings",
      { sub: "x", "/sub": "x" },
      '"/sub" is listed twice, as a name and as a JSON Pointer',
    ],
    ["null", { sub: null }, '"sub" must be a string, a boolean or a number up to 2^53'],
    ["an array", { sub: ["x"] }, '"sub" must be a string, a boolean or a number up to 2^53'],
    ["an object", { sub: {} }, '"sub" must be a string, a boolean or a number up to 2^53'],
    ["an unsafe integer", { id: 2 ** 53 }, '"id" must be a string, a boolean or a number up to 2^53'],
    ["a member that copies drop", JSON.parse('{"__proto__":"x"}'), '"__proto__" cannot be compared'],
  ])("%s is refused, and the message says which claim and why", (_, claims, problem) => {
    expect(checkRuleClaims(claims)).toEqual({
      ok: false,
      failure: { code: "bad_request", message: `The identity rule is not usable: ${problem}.` },
    });
  });
});
