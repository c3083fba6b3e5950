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
      { numRuns: 20_000 },
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
    const long = { type: "a", text: "x".repeat(9000) };
    expect(parse({ authorizationDetails: [long] })).toMatchObject({ ok: false, failure: { code: "invalid_target" } });
  });
});
