import { describe, expect, test } from "vitest";
import { parseTokenRequest, tokenRequestBody } from "../../src/tokens/token-request.ts";

const accepts = (body: unknown) => tokenRequestBody.safeParse(body).success;
const parse = (body: unknown) => parseTokenRequest(tokenRequestBody.parse(body));

test("an empty body asks for the app's token with the defaults, good for half a minute at least", () => {
  expect(parse({})).toEqual({
    ok: true,
    value: {
      subject: null,
      installationId: null,
      scopes: [],
      resources: [],
      audience: [],
      authorizationDetails: [],
      validityBufferMs: 30_000,
      rejectedTokenId: null,
    },
  });
});

test("everything that is said arrives, in canonical order", () => {
  const body = {
    subject: { type: "user", id: "u1", issuer: "https://i.example", extra: 1 },
    installationId: "ins_1",
    scopes: ["b", "a", "b"],
    resources: ["y", "x"],
    audience: ["q", "p"],
    authorizationDetails: [{ type: "b" }, { type: "a", n: 2 }, { n: 2, type: "a" }, { type: "a", n: 1 }],
    validityBufferMs: 0,
    rejectedTokenId: "stk_1",
    unknown: true,
  };
  expect(parse(body)).toEqual({
    ok: true,
    value: {
      subject: { type: "user", id: "u1", issuer: "https://i.example" },
      installationId: "ins_1",
      scopes: ["a", "b"],
      resources: ["x", "y"],
      audience: ["p", "q"],
      authorizationDetails: [{ n: 1, type: "a" }, { n: 2, type: "a" }, { type: "b" }],
      validityBufferMs: 0,
      rejectedTokenId: "stk_1",
    },
  });
});

describe("a subject", () => {
  test("is the app, a user with an id, or of a type that is named to be refused", () => {
    expect(parse({ subject: { type: "app", id: "ignored" } })).toMatchObject({ value: { subject: { type: "app" } } });
    expect(parse({ subject: { type: "user", id: "1" } })).toMatchObject({
      value: { subject: { type: "user", id: "1", issuer: null } },
    });
    expect(parse({ subject: { type: "robot", id: "1" } })).toMatchObject({
      value: { subject: { type: "other", name: "robot" } },
    });
  });

  test("that is a user without an id is refused by name of the member", () => {
    const message = expect.stringContaining("subject.id");
    expect(parse({ subject: { type: "user" } })).toMatchObject({ failure: { code: "bad_request", message } });
  });

  test.for([
    {},
    { type: "" },
    { type: "x".repeat(65) },
    { type: 1 },
    { type: "user", id: "" },
    { type: "user", id: 1 },
  ])("%j is none", (subject) => expect(accepts({ subject })).toBe(false));
});

describe("limits", () => {
  const list = (count: number, length = 1) =>
    Array.from({ length: count }, (_, index) => `${index}`.padEnd(length, "x"));

  test.for<[name: string, within: unknown, beyond: unknown]>([
    ["subject", { type: "x".repeat(64) }, { type: "x".repeat(65) }],
    ["subject", { type: "user", id: "x".repeat(512) }, { type: "user", id: "x".repeat(513) }],
    [
      "subject",
      { type: "user", id: "1", issuer: "x".repeat(2048) },
      { type: "user", id: "1", issuer: "x".repeat(2049) },
    ],
    ["installationId", "x".repeat(256), "x".repeat(257)],
    ["installationId", "x", ""],
    ["scopes", list(100), list(101)],
    ["scopes", list(1, 256), list(1, 257)],
    ["scopes", [], [""]],
    ["resources", list(100, 2048), list(1, 2049)],
    ["audience", list(1, 2048), list(1, 2049)],
    ["authorizationDetails", list(20).map((type) => ({ type })), list(21).map((type) => ({ type }))],
    ["authorizationDetails", [{ type: "x".repeat(256) }], [{ type: "x".repeat(257) }]],
    ["authorizationDetails", [{ type: "x" }], [{}]],
    ["validityBufferMs", 0, -1],
    ["validityBufferMs", 86_400_000, 86_400_001],
    ["validityBufferMs", 1, 1.5],
    ["rejectedTokenId", "x".repeat(64), "x".repeat(65)],
  ])("of %s: %j fits, %j does not", ([name, within, beyond]) => {
    expect([accepts({ [name]: within }), accepts({ [name]: beyond })]).toEqual([true, false]);
  });

  test("of one authorization detail: 8 levels and 128 KiB", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : { type: "a", in: nested(levels - 1) });
    const refusal = { failure: { code: "invalid_target", message: expect.stringContaining("8 levels and 128 KiB") } };
    expect(parse({ authorizationDetails: [nested(8)] })).toMatchObject({ ok: true });
    expect(parse({ authorizationDetails: [nested(9)] })).toMatchObject(refusal);
    const long = (length: number) => ({ type: "a", x: "x".repeat(length - '{"type":"a","x":""}'.length) });
    expect(parse({ authorizationDetails: [long(131_072)] })).toMatchObject({ ok: true });
    expect(parse({ authorizationDetails: [long(131_073)] })).toMatchObject(refusal);
  });
});

test("the star stands alone for the defaults, and says so when it does not", () => {
  expect(parse({ scopes: ["*", "*"] })).toMatchObject({ value: { scopes: [] } });
  const message = expect.stringContaining("default scopes");
  expect(parse({ scopes: ["*", "a"] })).toMatchObject({ failure: { code: "invalid_scope", message } });
});
