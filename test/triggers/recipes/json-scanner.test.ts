import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, utf8 } from "../../../src/crypto/bytes.ts";
import { type JsonValue, UNREAD } from "../../../src/triggers/recipes/json-captures.ts";
import { JsonScanner } from "../../../src/triggers/recipes/json-scanner.ts";
import { scanJson } from "../../../src/triggers/recipes/scan-json.ts";
import { blankPointers } from "../../../src/triggers/recipes/strip.ts";

const UNREADABLE = "unreadable";

/** What the scanner finds at one pointer. */
function found(text: string | Uint8Array, pointer: string): JsonValue[] | typeof UNREADABLE {
  return scanJson([pointer], typeof text === "string" ? utf8(text) : text)?.at(pointer) ?? UNREADABLE;
}

/** What JSON.parse and RFC 6901 find there; `*` is every item of an array. */
function expected(text: string, pointer: string): unknown[] | typeof UNREADABLE {
  let values: unknown[];
  try {
    values = [JSON.parse(text)];
  } catch {
    return UNREADABLE;
  }
  for (const part of pointer.split("/").slice(1)) {
    const token = part.replaceAll("~1", "/").replaceAll("~0", "~");
    values = values.flatMap((value): unknown[] => {
      if (Array.isArray(value))
        return token === "*" ? value : /^(0|[1-9]\d*)$/.test(token) ? value.slice(+token, +token + 1) : [];
      return typeof value === "object" && value !== null && Object.hasOwn(value, token)
        ? [Reflect.get(value, token)]
        : [];
    });
  }
  return values.filter((value) => typeof value !== "object" || value === null);
}

const NAMES = ["id", "type", "entry", "a/b", "~", "", "0", "*", "__proto__", "constructor", "ключ"];
const pointers = fc
  .array(fc.constantFrom(...NAMES, "1", "2"), { maxLength: 4 })
  .map((tokens) => tokens.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""));

/** JSON as text, with repeated names, odd escapes and white space: what `JSON.stringify` never writes. */
const { document } = fc.letrec<{ document: string; scalar: string; list: string; object: string }>((tie) => ({
  document: fc.oneof({ depthSize: "medium" }, tie("scalar"), tie("object"), tie("list")),
  scalar: fc.oneof(
    fc.constantFrom("null", "true", "false", "-0", "1E+2", "0.5e-3", '"\\u00e9\\ud83d\\n\\/"', '""'),
    fc.integer().map(String),
    // Whole numbers that a double cannot tell apart are another test's.
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .filter((value) => Number.isSafeInteger(value) || !Number.isInteger(value) || Math.abs(value) >= 1e21)
      .map((value) => JSON.stringify(value)),
    fc.string({ unit: "binary" }).map((value) => JSON.stringify(value)),
  ),
  list: fc
    .tuple(fc.array(tie("document"), { maxLength: 4 }), fc.constantFrom("", " ", "\n\t"))
    .map(([items, space]) => `[${space}${items.join(`${space},`)}${space}]`),
  object: fc
    .tuple(
      fc.array(fc.tuple(fc.constantFrom(...NAMES), tie("document")), { maxLength: 5 }),
      fc.constantFrom("", " ", "\r\n"),
    )
    .map(([members, space]) => {
      const written = members.map(([name, value]) => `${JSON.stringify(name)}${space}:${space}${value}`);
      return `{${space}${written.join(",")}${space}}`;
    }),
}));

describe("the JSON scanner", () => {
  it("fault 45 finds at any pointer what JSON.parse would hold there, repeated names included", () => {
    fc.assert(
      fc.property(document, pointers, (text, pointer) => {
        expect(found(text, pointer)).toEqual(expected(text, pointer));
      }),
      { numRuns: 2000 },
    );
  });

  it("finds the same however the text is cut", () => {
    fc.assert(
      fc.property(document, pointers, fc.array(fc.nat(60), { maxLength: 6 }), (text, pointer, cuts) => {
        const bytes = utf8(text);
        const scanner = new JsonScanner([pointer]);
        let from = 0;
        for (const cut of cuts) {
          scanner.write(bytes.slice(from, from + cut));
          from += cut;
        }
        scanner.write(bytes.subarray(from));
        expect(scanner.finish()?.at(pointer)).toEqual(found(text, pointer));
      }),
      { numRuns: 1000 },
    );
  });

  it("takes for JSON exactly what JSON.parse takes, after one byte has been changed, added or lost", () => {
    const change = fc.tuple(
      fc.constantFrom("change", "add", "lose"),
      fc.nat(),
      fc.constantFrom(...'{}[]",:\\u019-+.eEtfn x\u0001'),
    );
    fc.assert(
      fc.property(document, change, (text, [kind, at, character]) => {
        const index = at % (text.length + 1);
        const rest = text.slice(index + (kind === "add" ? 0 : 1));
        const broken = text.slice(0, index) + (kind === "lose" ? "" : character) + rest;
        expect(found(broken, "") === UNREADABLE).toBe(expected(broken, "") === UNREADABLE);
      }),
      { numRuns: 3000 },
    );
  });

  it("fault 18 reads over a byte order mark, once", () => {
    const bom = new Uint8Array([0xef, 0xbb, 0xbf]);
    expect(found(concat(bom, utf8('{"id":7}')), "/id")).toEqual([7]);
    expect(found(concat(bom, bom, utf8('{"id":7}')), "/id")).toBe(UNREADABLE);
    expect(found(concat(bom.subarray(0, 2), utf8('{"id":7}')), "/id")).toBe(UNREADABLE);
  });

  it("fault 19 reads invalid UTF-8 as replacement characters, as a decoder does", () => {
    const text = concat(utf8('{"id":"a'), new Uint8Array([0xff, 0xe2, 0x82]), utf8('b"}'));
    expect(found(text, "/id")).toEqual(["a\ufffd\ufffdb"]);
  });

  it.each([
    "",
    " ",
    "{",
    "[1,]",
    '{"a":1,}',
    "01",
    "1.",
    "+1",
    "-",
    ".5",
    "1e",
    "nul",
    "truee",
    "'a'",
    '"\\x"',
    '"\\u12g4"',
    "[1 2]",
    "{}{}",
    "NaN",
    '{"a" 1}',
    '"\u0007"',
  ])("knows that %s is no JSON", (text) => expect(found(text, "")).toBe(UNREADABLE));

  it("fault 43 keeps whole numbers beyond 2^53 apart", () => {
    expect(found("[9007199254740992,9007199254740993,-9007199254740993]", "/*")).toEqual([
      "9007199254740992",
      "9007199254740993",
      "-9007199254740993",
    ]);
  });

  it("fault 45 gives up on 10,000 levels instead of following them", () => {
    expect(found("[".repeat(10_000) + "]".repeat(10_000), "/id")).toBe(UNREADABLE);
    expect(found(`{"id":1,"deep":${"[".repeat(999)}${"]".repeat(999)}}`, "/id")).toEqual([1]);
  });

  it("fault 45 forgets a hundred thousand repeated members as it goes", () => {
    const scanner = new JsonScanner(["/a/id"]);
    scanner.write(utf8('{"a":{"id":0'));
    const members = utf8(',"id":1'.repeat(1000));
    for (let round = 0; round < 100; round++) scanner.write(members);
    scanner.write(utf8(',"id":2}}'));
    expect(scanner.finish()?.at("/a/id")).toEqual([2]);
  });

  it("says that something is there which was too long or too much to keep", () => {
    expect(found(JSON.stringify({ id: "x".repeat(4096) }), "/id")).toEqual(["x".repeat(4096)]);
    expect(found(JSON.stringify({ id: "x".repeat(4097) }), "/id")).toEqual([UNREAD]);
    expect(found(`{"id":1${"0".repeat(5000)}}`, "/id")).toEqual([UNREAD]);
    const many = found(JSON.stringify(Array.from({ length: 5000 }, (_, index) => index)), "/*");
    expect(many).toHaveLength(1001);
    expect(many.at(-1)).toBe(UNREAD);
    expect(found(JSON.stringify(Array.from({ length: 30 }, () => "y".repeat(2000))), "/*").at(-1)).toBe(UNREAD);
  });

  it("fault 42 knows no members but those that are written", () => {
    expect(found("{}", "/__proto__")).toEqual([]);
    expect(found("{}", "/constructor/name")).toEqual([]);
    expect(found('{"__proto__":"x"}', "/__proto__")).toEqual(["x"]);
  });

  it("blanks every text at a pointer, those that a later one replaces included", () => {
    const body = utf8('{"passcode":"one","p\\u0061sscode":"two","other":"three","passcode":4}');
    expect(new TextDecoder().decode(blankPointers(body, ["/passcode"]))).toBe(
      '{"passcode":"xxx","p\\u0061sscode":"xxx","other":"three","passcode":4}',
    );
  });
});
