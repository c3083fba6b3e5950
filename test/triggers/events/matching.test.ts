import { describe, expect, test } from "vitest";
import { type BodyValues, matchesDestination, matchesType } from "../../../src/triggers/events/matching.ts";
import { scanJson } from "../../../src/triggers/recipes/scan-json.ts";

const event = (type: string | null, tenants: string[] = []) => ({ type, tenants });

function bodyAt(text: string, ...pointers: string[]): BodyValues | null {
  return scanJson(pointers, new TextEncoder().encode(text));
}

describe("globs over event types", () => {
  test.for([
    ["issues.opened", "issues.opened", true],
    ["issues.opened", "issues.closed", false],
    ["issues.opened", "issues", false],
    ["issues", "issues.*", false],
    ["issues.opened", "issues.*", true],
    ["issues.comment.created", "issues.*", true],
    ["issues.comment.created", "issues.*.created", true],
    ["issues.a.b.created", "issues.*.created", false],
    ["issues.a.b.created", "issues.**.created", true],
    ["issues.opened", "*", true],
    ["a.b.c", "*", true],
    ["a.b.c", "**", true],
    ["a.b.c", "*.*", true],
    ["a", "*.*", false],
    ["a.b.c", "*.c", false],
    ["a.b.c", "**.c", true],
    ["pull_request", "pull_*", true],
    ["pull_request.opened", "pull_*.opened", true],
    ["push", "PUSH", false],
    ["a+b", "a+b", true],
    ["aab", "a+b", false],
    ["", "*", true],
    ["", "", true],
    ["x", "", false],
  ] as const)("%s by %s: %s", ([type, glob, expected]) => {
    expect(matchesType(type, [glob])).toBe(expected);
  });

  test("one of several is enough, and none means nothing", () => {
    expect(matchesType("push", ["issues.*", "push"])).toBe(true);
    expect(matchesType("push", [])).toBe(false);
    expect(matchesType("push", null)).toBe(true);
  });

  test("fault 46 an event without a type reaches only those who take every type", () => {
    const takers = [null, ["*"], ["**"], ["issues.*"], ["**.x"], ["null"], [""]].map((globs) =>
      matchesType(null, globs),
    );
    expect(takers).toEqual([true, true, true, false, false, false, false]);
  });

  test("a glob of many stars over a long type takes no exponential time, which would never end", () => {
    expect(matchesType("a".repeat(256), ["*a".repeat(30).concat("b")])).toBe(false);
  });
});

describe("tenants", () => {
  const entitled = { events: null, filter: { tenants: ["T1", "42"] } };

  test("fault 44 W-06 an event about two tenants reaches only who may see both", () => {
    expect(matchesDestination(event("x", ["T1", "42"]), null, entitled)).toBe(true);
    expect(matchesDestination(event("x", ["T1", "T2"]), null, entitled)).toBe(false);
  });

  test("fault 40 an unknown tenant reaches nobody who names others", () => {
    expect(matchesDestination(event("x", ["T9"]), null, entitled)).toBe(false);
    expect(matchesDestination(event("x", []), null, entitled)).toBe(false);
  });

  test("fault 42 a tenant of the name of a prototype's member is a name like any other", () => {
    for (const tenant of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect(matchesDestination(event("x", [tenant]), null, entitled)).toBe(false);
      expect(matchesDestination(event("x", [tenant]), null, { events: null, filter: { tenants: [tenant] } })).toBe(
        true,
      );
    }
  });

  test("fault 43 a tenant is compared as text, whatever it was in the body", () => {
    expect(matchesDestination(event("x", [String(42)]), null, entitled)).toBe(true);
    expect(matchesDestination(event("x", ["042"]), null, entitled)).toBe(false);
    expect(matchesDestination(event("x", ["42.0"]), null, entitled)).toBe(false);
  });
});

describe("values in the body", () => {
  const where = (equals: Record<string, string | number | boolean | null>) => ({ events: null, filter: { equals } });
  const matches = (text: string, equals: Record<string, string | number | boolean | null>) =>
    matchesDestination(event("x"), bodyAt(text, ...Object.keys(equals)), where(equals));

  test("all that are named must be there, and equal in kind", () => {
    expect(matches('{"a":1,"b":{"c":"x"}}', { "/a": 1, "/b/c": "x" })).toBe(true);
    expect(matches('{"a":1,"b":{"c":"x"}}', { "/a": 1, "/b/c": "y" })).toBe(false);
    expect(matches('{"a":"1"}', { "/a": 1 })).toBe(false);
    expect(matches('{"a":null}', { "/a": null })).toBe(true);
    expect(matches("{}", { "/a": null })).toBe(false);
    expect(matches('{"a":[true]}', { "/a/0": true })).toBe(true);
    expect(matches('{"a/b":{"~":2}}', { "/a~1b/~0": 2 })).toBe(true);
  });

  test("fault 42 what objects inherit is not there", () => {
    for (const pointer of ["/__proto__", "/constructor/name", "/toString", "/a/length"]) {
      expect(matches('{"a":"x"}', { [pointer]: "Object" })).toBe(false);
      expect(matches('{"a":"x"}', { [pointer]: 1 })).toBe(false);
    }
    expect(matches('{"__proto__":{"admin":true}}', { "/__proto__/admin": true })).toBe(true);
    expect(matches('{"__proto__":{"admin":true}}', { "/admin": true })).toBe(false);
  });

  test("fault 45 of a repeated name the last counts, and a body that is no JSON has no values", () => {
    expect(matches('{"a":1,"a":2}', { "/a": 2 })).toBe(true);
    expect(matches('{"a":1,"a":2}', { "/a": 1 })).toBe(false);
    expect(matches("a=1", { "/a": 1 })).toBe(false);
    expect(matchesDestination(event("x"), null, where({ "/a": 1 }))).toBe(false);
    expect(matchesDestination(event("x"), null, where({}))).toBe(true);
  });

  test("fault 45 ten thousand levels are a body without values", () => {
    const deep = `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`;
    expect(matches(deep, { "/a": 1 })).toBe(false);
  });
});
