import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base64url } from "../../src/crypto/bytes.ts";
import { canonicalJson, canonicalRequest, canonicalSet, isOpaqueText } from "../../src/tokens/canonical.ts";
import { parseTokenRequest, type TokenRequest, tokenRequestBody } from "../../src/tokens/token-request.ts";

const base: TokenRequest = {
  subject: { type: "app" },
  installationId: null,
  scopes: [],
  resources: [],
  audience: [],
  authorizationDetails: [],
  validityBufferMs: 30_000,
  rejectedTokenId: null,
};
const key = (change: Partial<TokenRequest>) => base64url(canonicalRequest({ ...base, ...change }));
const parse = (body: object) => parseTokenRequest(tokenRequestBody.parse(body));

describe("C-01 cache keys", () => {
  test("equal exactly when the requests are equal", () => {
    const word = fc.oneof(fc.constantFrom("", "a", "b", "a b", "ab", "absent", "present", "app", "user"), fc.string());
    const words = fc.array(word, { maxLength: 3 });
    const subject = fc.oneof(
      fc.constant({ type: "app" as const }),
      fc.record({ type: fc.constant("user" as const), id: word, issuer: fc.option(word) }),
      fc.record({ type: fc.constant("other" as const), name: word }),
    );
    const request = fc.record({
      subject,
      installationId: fc.option(word),
      scopes: words.map(canonicalSet),
      resources: words.map(canonicalSet),
      audience: words.map(canonicalSet),
    });
    fc.assert(
      fc.property(request, request, (a, b) => (key(a) === key(b)) === (JSON.stringify(a) === JSON.stringify(b))),
      { numRuns: 4000 },
    );
  });

  const COLLISIONS: [name: string, a: Partial<TokenRequest>, b: Partial<TokenRequest>][] = [
    ["a separator inside a scope", { scopes: ["a", "b c"] }, { scopes: ["a b", "c"] }],
    ["scopes run together", { scopes: ["ab"] }, { scopes: ["a", "b"] }],
    ["a scope moved to the resources", { scopes: ["x"] }, { resources: ["x"] }],
    ["a resource moved to the audience", { resources: ["x"] }, { audience: ["x"] }],
    ["an empty and an absent installation", { installationId: "" }, { installationId: null }],
    [
      "a detail nested in another",
      { authorizationDetails: [{ type: "a", b: [1, 2] }] },
      {
        authorizationDetails: [
          { type: "a", b: [1] },
          { type: "a", b: [2] },
        ],
      },
    ],
    [
      "a member named __proto__",
      { authorizationDetails: [JSON.parse('{"type":"a","__proto__":{"x":1}}')] },
      { authorizationDetails: [{ type: "a" }] },
    ],
  ];
  test.for(COLLISIONS)("%s does not collide", ([, a, b]) => {
    expect(key(a)).not.toBe(key(b));
  });

  test('the order and repetition of sets do not matter, and neither does ["*"] for the defaults', () => {
    const first = parse({ scopes: ["b", "a", "b"], authorizationDetails: [{ type: "x", n: 1 }, { type: "a" }] });
    const second = parse({ scopes: ["a", "b"], authorizationDetails: [{ type: "a" }, { n: 1, type: "x" }] });
    if (!first.ok || !second.ok) throw new Error("refused");
    expect(base64url(canonicalRequest(first.value))).toBe(base64url(canonicalRequest(second.value)));
    expect(parse({ scopes: ["*"] })).toEqual(parse({}));
    expect(parse({ scopes: ["*", "read"] })).toMatchObject({ ok: false, failure: { code: "invalid_scope" } });
  });

  test("the validity buffer and a rejected token do not change the key", () => {
    expect(key({ validityBufferMs: 1 })).toBe(key({ validityBufferMs: 2, rejectedTokenId: "stk_x" }));
  });
});

describe("C-02 subjects", () => {
  const SUBJECTS: TokenRequest["subject"][] = [
    null,
    { type: "app" },
    { type: "user", id: "app", issuer: null },
    { type: "user", id: "app", issuer: "" },
    { type: "user", id: "1", issuer: "https://a.example" },
    { type: "user", id: "1", issuer: "https://b.example" },
    { type: "user", id: "https://a.example1", issuer: null },
    { type: "other", name: "app" },
  ];
  test("are pairwise distinct, whatever their ids say", () => {
    expect(new Set(SUBJECTS.map((subject) => key({ subject }))).size).toBe(SUBJECTS.length);
  });
});

describe("C-01 text that could be two things", () => {
  const BAD = ["\u0000", "a\u202eb", "a\u200bb", "e\u0301", "\ud800", "\ufeffa", "a\u2028b", "a\nb"];
  test.for(BAD)("%j is refused as an identifier", (text) => {
    expect(isOpaqueText(text)).toBe(false);
    expect(tokenRequestBody.safeParse({ subject: { type: "user", id: text } }).success).toBe(false);
    expect(tokenRequestBody.safeParse({ scopes: [text] }).success).toBe(false);
  });

  test("numbers that have lost digits are refused, not rounded into each other", () => {
    expect(canonicalJson(JSON.parse("9007199254740993"))).toBeNull();
    expect(canonicalJson({ type: "a", id: 1e300 })).toBeNull();
    expect(canonicalJson(1.5)).toBe("1.5");
  });

  test("authorization details too deep or too long are refused", () => {
    let deep: object = { type: "a" };
    for (let level = 0; level < 20; level++) deep = { type: "a", deep };
    expect(parse({ authorizationDetails: [deep] })).toMatchObject({ ok: false, failure: { code: "invalid_target" } });
    const long = { type: "a", text: "x".repeat(140_000) };
    expect(parse({ authorizationDetails: [long] })).toMatchObject({ ok: false, failure: { code: "invalid_target" } });
  });
});

describe("canonical JSON (RFC 8785)", () => {
  const plain = fc.jsonValue({ maxDepth: 4 }).filter((value) => canonicalJson(value) !== null);
  /** The same value with the members of every object the other way round. */
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([name, member]) => [name, reversed(member)]),
    );
  };

  /** Written differently from the code under test on purpose: member by member, without any text. */
  const isSame = (a: unknown, b: unknown): boolean => {
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
    if (Array.isArray(a) !== Array.isArray(b)) return false;
    const [ours, theirs] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
    return (
      ours.size === theirs.size &&
      [...ours].every(([name, value]) => theirs.has(name) && isSame(value, theirs.get(name)))
    );
  };

  test("is JSON of the same value, whatever the order of members, and of no other", () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        const written = canonicalJson(a);
        expect(canonicalJson(JSON.parse(written ?? ""))).toBe(written);
        expect(canonicalJson(reversed(a))).toBe(written);
        expect(canonicalJson(b) === written).toBe(isSame(a, b));
      }),
      { numRuns: 1000 },
    );
  });

  test("sorts members by UTF-16 code units, and has no space", () => {
    expect(canonicalJson({ "\u20ac": 1, "\r": 2, "1": 3, "\u{1f600}": 4, "\ufb33": 5, a: [true, null, "x"] })).toBe(
      '{"\\r":2,"1":3,"a":[true,null,"x"],"\u20ac":1,"\u{1f600}":4,"\ufb33":5}',
    );
  });

  test("cannot say what has no JSON, is not exact or is half a character, alone or inside", () => {
    const unsayable = [undefined, () => 1, Symbol("x"), 1n, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "\ud800"];
    for (const value of [...unsayable, -(2 ** 53)]) {
      for (const around of [value, [value], { a: value }, { a: [1, { b: value }] }]) {
        expect(canonicalJson(around)).toBeNull();
      }
    }
  });

  test("cannot name a member by half a character", () => {
    expect(canonicalJson({ "\ud800": 1 })).toBeNull();
    expect(canonicalJson({ "\u{1f600}": 1 })).not.toBeNull();
  });

  test("says the numbers that it can say, to the last of them", () => {
    expect([0, -0, 1.5, -1e-7, 2 ** 53 - 1, 1 - 2 ** 53].map(canonicalJson)).toEqual([
      "0",
      "0",
      "1.5",
      "-1e-7",
      "9007199254740991",
      "-9007199254740991",
    ]);
  });

  test("goes 8 levels deep and 128 KiB long", () => {
    const nested = (levels: number): unknown =>
      levels === 0 ? 1 : levels % 2 === 0 ? [nested(levels - 1)] : { a: nested(levels - 1) };
    expect([canonicalJson(nested(8)) === null, canonicalJson(nested(9)) === null]).toEqual([false, true]);
    expect(canonicalJson("x".repeat(131_070))).toHaveLength(131_072);
    expect(canonicalJson("x".repeat(131_071))).toBeNull();
  });
});

test("a set is sorted and unique, and what it was made of stays as it was", () => {
  const given = ["b", "a", "B", "b"];
  expect(canonicalSet(given)).toEqual(["B", "a", "b"]);
  expect(given).toEqual(["b", "a", "B", "b"]);
  expect([canonicalSet([]), canonicalSet(["a"]), canonicalSet(["a", "a"])]).toEqual([[], ["a"], ["a"]]);
});

test("text in normal form, with any script and inner spaces, is an identifier", () => {
  for (const text of ["a", "é", "日本語", "a b", "\u{1f600}", "~", "\u00a0"]) expect(isOpaqueText(text)).toBe(true);
});

test("the bytes of a request are these very ones", () => {
  // Pinned: other bytes would name every token group anew, and orphan what Grants hold.
  const readable = (subject: TokenRequest["subject"], rest: Partial<TokenRequest> = {}) =>
    new TextDecoder().decode(canonicalRequest({ ...base, subject, ...rest })).replaceAll(/\p{Cc}+/gu, "|");
  expect(readable(null)).toBe("|default|absent|");
  expect(readable({ type: "app" }, { installationId: "" })).toBe("|app|present|");
  expect(readable({ type: "user", id: "u", issuer: null })).toBe("|user|absent|u|absent|");
  expect(readable({ type: "user", id: "u", issuer: "i" })).toBe("|user|present|i|u|absent|");
  expect(readable({ type: "other", name: "robot" }, { scopes: ["a"] })).toBe("|other|robot|absent|a|");
});
