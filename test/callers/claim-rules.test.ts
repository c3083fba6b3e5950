import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalKey, claimPath, isComparable, scalarClaim, selectorValueOf } from "../../src/callers/claim-path.ts";
import { checkRuleClaims, matchRules, rulesOverlap, selectorValueOfRule } from "../../src/callers/identity-rules.ts";
import type { ClaimValue, IdentityRule } from "../../src/callers/issuer-record.ts";
import { anyText } from "../support/text.ts";

type Claims = Record<string, ClaimValue>;

const rule = (claims: Claims, projectId = "prj_a"): IdentityRule => ({
  id: `idn_${projectId}`,
  projectId,
  environment: "production",
  claims,
});
const matches = (claims: Claims, token: Record<string, unknown>) => matchRules([rule(claims)], token).ok;

/** Few of them, so that rules and tokens meet; among them what a careless comparison would take for equal. */
const value = fc.constantFrom<ClaimValue>("a", "1", "", "true", "null", "*", 1, 0, -1, 1.5, true, false);
const anything = fc.oneof(
  { weight: 4, arbitrary: value },
  fc.constantFrom(null, ["a"], [1], {}, { a: "a" }),
  fc.json(),
);

/** Names that need both escapes of a JSON Pointer, in both spellings. None is a path through another. */
const NAMES = ["sub", "ref", "a/b", "c~d", "~1", "0", "é"];
const spelled = (name: string, asPointer: boolean) => (asPointer ? (canonicalKey(name) ?? "") : name);
const flatKey = fc
  .tuple(fc.constantFrom(...NAMES), fc.boolean())
  // "/x" as a plain name is itself a pointer, so names that begin with a slash are not among them.
  .map(([name, asPointer]) => spelled(name, asPointer));
const nestedKey = fc.constantFrom("/k/x", "/k/y", "/k/a~1b", "/k/deep/z", "/list/0", "/list/1");
const flatRule = fc
  .dictionary(flatKey, value, { minKeys: 1, maxKeys: 4 })
  .filter((claims) => checkRuleClaims(claims).ok);
const anyRule = fc
  .dictionary(fc.oneof(flatKey, nestedKey), value, { minKeys: 1, maxKeys: 5 })
  .filter((claims) => checkRuleClaims(claims).ok);
const token = fc.record(
  {
    ...Object.fromEntries(NAMES.map((name) => [name, anything])),
    k: fc.oneof(fc.dictionary(fc.constantFrom("x", "y", "a/b", "deep"), anything), anything),
    list: fc.oneof(fc.array(anything, { maxLength: 3 }), anything),
  },
  { requiredKeys: [] },
);

/** The token that carries just what these conditions ask for. */
function tokenOf(...conditions: Claims[]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [key, wanted] of conditions.flatMap((claims) => Object.entries(claims))) {
    const path = claimPath(key) ?? [];
    let at = made;
    for (const name of path.slice(0, -1)) {
      const next = at[name] ?? {};
      if (typeof next !== "object" || next === null) throw new Error("one path leads through another");
      at[name] = next;
      at = next as Record<string, unknown>;
    }
    at[path.at(-1) ?? ""] = wanted;
  }
  return made;
}

describe("B-09 two rules overlap", () => {
  test("exactly when some token matches both", () => {
    fc.assert(
      fc.property(anyRule, anyRule, token, (a, b, other) => {
        const overlap = rulesOverlap({ claims: a }, { claims: b });
        // If they do, the token made of both is a witness; if not, no token may match both.
        const witness = tokenOf(a, b);
        if (overlap) return matches(a, witness) && matches(b, witness);
        return [witness, other, tokenOf(b, a), { ...other, ...witness }].every(
          (claims) => !(matches(a, claims) && matches(b, claims)),
        );
      }),
      { numRuns: 2000 },
    );
  });

  test("whichever of them is asked first, and every rule with itself", () => {
    fc.assert(
      fc.property(
        anyRule,
        anyRule,
        (a, b) =>
          rulesOverlap({ claims: a }, { claims: b }) === rulesOverlap({ claims: b }, { claims: a }) &&
          rulesOverlap({ claims: a }, { claims: a }),
      ),
      { numRuns: 1000 },
    );
  });
});

describe("B-10 matching", () => {
  test("is equality of type and value, and nothing else is", () => {
    fc.assert(
      fc.property(flatKey, value, anything, (key, wanted, actual) => {
        const claims = { [claimPath(key)?.[0] ?? ""]: actual };
        return matches({ [key]: wanted }, claims) === (typeof actual === typeof wanted && actual === wanted);
      }),
      { numRuns: 2000 },
    );
  });

  test("a further condition never makes a rule match more tokens", () => {
    fc.assert(
      fc.property(anyRule, flatKey, value, token, (claims, key, wanted, other) => {
        const narrower = { ...claims, [key]: wanted };
        if (!checkRuleClaims(narrower).ok) return true;
        return [other, tokenOf(claims), { ...other, ...tokenOf(claims) }].every(
          (candidate) => !matches(narrower, candidate) || matches(claims, candidate) || key in claims,
        );
      }),
      { numRuns: 1000 },
    );
  });

  test("a further claim of a token changes no rule that does not name it", () => {
    fc.assert(
      fc.property(anyRule, token, anything, (claims, candidate, added) => {
        const more = { ...candidate, "not in any rule": added };
        return matches(claims, more) === matches(claims, candidate);
      }),
      { numRuns: 1000 },
    );
  });

  test("the order of rules does not matter, and a further rule never turns one identity into another", () => {
    const rules = fc.array(fc.tuple(flatRule, fc.constantFrom("prj_a", "prj_b")), { minLength: 1, maxLength: 4 });
    const seen = (list: IdentityRule[], claims: Record<string, unknown>) => {
      const result = matchRules(list, claims);
      return result.ok ? result.value.projectId : result.failure.code;
    };
    fc.assert(
      fc.property(rules, flatRule, token, (list, further, other) => {
        const all = list.map(([claims, projectId]) => rule(claims, projectId));
        for (const claims of [other, ...all.map((one) => ({ ...other, ...tokenOf(one.claims) }))]) {
          const before = seen(all, claims);
          expect(seen(all.toReversed(), claims)).toBe(before);
          const allowed = before === "forbidden" ? ["forbidden", "prj_b"] : [before, "ambiguous_identity"];
          expect(allowed).toContain(seen([...all, rule(further, "prj_b")], claims));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("the selector, by which rules are looked up", () => {
  test("finds every rule that matches: its value in the token is the rule's", () => {
    fc.assert(
      fc.property(anyRule, fc.oneof(flatKey, nestedKey), token, (claims, selector, other) => {
        const wanted = selectorValueOfRule({ claims }, selector);
        for (const candidate of [other, tokenOf(claims)]) {
          if (wanted !== null && matches(claims, candidate)) {
            expect(selectorValueOf(candidate, selector)).toBe(wanted);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("tells every two different values apart", () => {
    const scalar = fc.oneof(value, anyText(), fc.double(), fc.maxSafeInteger());
    fc.assert(
      fc.property(scalar, scalar, (a, b) => {
        const [first, second] = [a, b].map((sub) => selectorValueOf({ sub }, "sub"));
        if (!isComparable(a)) return first === null;
        return !isComparable(b) || (first === second) === (a === b);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the name of a claim", () => {
  const anyKey = fc.oneof(
    fc.string({ unit: fc.constantFrom("/", "~", "0", "1", "a", ""), maxLength: 8 }),
    anyText({ maxLength: 8 }),
  );

  test("has one canonical spelling: equal exactly for keys that lead to the same place", () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        const [first, second] = [claimPath(a), claimPath(b)];
        if (first === null || second === null) return true;
        return (canonicalKey(a) === canonicalKey(b)) === (JSON.stringify(first) === JSON.stringify(second));
      }),
      { numRuns: 2000 },
    );
  });

  test("is its own canonical spelling once it has one, and leads where it led", () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const canonical = canonicalKey(key);
        if (canonical === null) return claimPath(key) === null;
        expect(canonicalKey(canonical)).toBe(canonical);
        expect(claimPath(canonical)).toEqual(claimPath(key));
      }),
      { numRuns: 1000 },
    );
  });

  test("never throws on a token of any shape", () => {
    fc.assert(
      fc.property(anyKey, fc.object({ withNullPrototype: true, maxDepth: 3 }), (key, claims) => {
        const found = scalarClaim(claims, key);
        return found === null || ["string", "number", "boolean"].includes(typeof found);
      }),
      { numRuns: 1000 },
    );
  });
});
