import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  base64url,
  concat,
  constantTimeEqual,
  fromBase64url,
  hex,
  lengthPrefixed,
  utf8,
} from "../../src/crypto/bytes.ts";
import { anyText } from "../support/text.ts";

const bytes = (...values: number[]) => Uint8Array.of(...values);

describe("lengthPrefixed", () => {
  test("puts a 4-byte big-endian length before each part", () => {
    expect(lengthPrefixed("ab", bytes(7), "")).toEqual(bytes(0, 0, 0, 2, 97, 98, 0, 0, 0, 1, 7, 0, 0, 0, 0));
    expect(lengthPrefixed("x".repeat(0x0102)).subarray(0, 4)).toEqual(bytes(0, 0, 1, 2));
  });

  test("C-01 no two lists of parts give the same bytes", () => {
    // Short parts over a tiny alphabet, so that concatenations collide all the time.
    const parts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\0", "\u0001"), maxLength: 3 }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(hex(lengthPrefixed(...a)) === hex(lengthPrefixed(...b))).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    [
      ["a", "b c"],
      ["a b", "c"],
    ],
    [
      ["ab", "c"],
      ["a", "bc"],
    ],
    [["a"], ["a", ""]],
    [[], [""]],
    [["\u00e9"], ["e\u0301"]],
    [
      ["a\0", "b"],
      ["a", "\0b"],
    ],
  ])("C-01 %j and %j differ", (a, b) => {
    expect(lengthPrefixed(...a)).not.toEqual(lengthPrefixed(...b));
  });

  test("C-01 text is as long as its UTF-8, whatever is in it", () => {
    expect(lengthPrefixed("\u007f\u0080\u00e9", "x")).toEqual(
      bytes(0, 0, 0, 5, 0x7f, 0xc2, 0x80, 0xc3, 0xa9, 0, 0, 0, 1, 120),
    );
    fc.assert(
      fc.property(fc.array(anyText(), { maxLength: 3 }), (texts) => {
        expect(lengthPrefixed(...texts)).toEqual(lengthPrefixed(...texts.map(utf8)));
      }),
    );
  });

  test("C-01 an unpaired surrogate is refused, because it would read as U+FFFD", () => {
    expect(() => lengthPrefixed("id\ud800")).toThrow(RangeError);
    expect(() => lengthPrefixed("\udc00id")).toThrow(RangeError);
  });
});

describe("base64url", () => {
  test("what is encoded decodes to the same bytes, in every length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
        const text = base64url(data);
        expect(text).toMatch(/^[A-Za-z0-9_-]*$/);
        expect(fromBase64url(text)).toEqual(new Uint8Array(data));
      }),
    );
  });

  test("no bytes have a second spelling: what decodes is exactly what encoding gives", () => {
    const text = fc.string({ unit: fc.constantFrom(..."ABQZabz019-_+/= \n"), maxLength: 9 });
    fc.assert(
      fc.property(text, (candidate) => {
        const decoded = fromBase64url(candidate);
        if (decoded !== null) expect(base64url(decoded)).toBe(candidate);
      }),
      { numRuns: 3000 },
    );
  });

  test("every one of the 64 last characters but the canonical ones is refused", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    expect([...alphabet].filter((last) => fromBase64url(`A${last}`) !== null)).toEqual(["A", "Q", "g", "w"]);
    expect([...alphabet].filter((last) => fromBase64url(`AA${last}`) !== null)).toHaveLength(16);
  });

  test.each(["A", "AAAAA", "AA==", "AAA=", "AA A", "AAAA\n", " AAAA", "AA+A", "AA/A", "AAÄA", "AA\0A"])(
    "%j is refused",
    (text) => {
      expect(fromBase64url(text)).toBeNull();
    },
  );

  test("the empty text is no bytes", () => {
    expect(fromBase64url("")).toEqual(bytes());
  });
});

describe("constantTimeEqual", () => {
  test("compares contents, and answers false instead of throwing for unequal lengths", () => {
    expect(constantTimeEqual(bytes(1, 2), bytes(1, 2))).toBe(true);
    expect(constantTimeEqual(bytes(1, 2), bytes(1, 3))).toBe(false);
    expect(constantTimeEqual(bytes(1, 2), bytes(1, 2, 0))).toBe(false);
    expect(constantTimeEqual(bytes(), bytes())).toBe(true);
    expect(constantTimeEqual(bytes(), bytes(0))).toBe(false);
  });

  test("looks only at the view, not at the buffer behind it", () => {
    const buffer = bytes(9, 1, 2, 9);
    expect(constantTimeEqual(buffer.subarray(1, 3), bytes(1, 2))).toBe(true);
  });
});

test("concat, hex and utf8 keep every byte", () => {
  expect(concat(bytes(1), bytes(), bytes(2, 3))).toEqual(bytes(1, 2, 3));
  expect(hex(bytes(0, 15, 255))).toBe("000fff");
  fc.assert(
    fc.property(anyText(), (text) => {
      expect(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(utf8(text))).toBe(text);
    }),
  );
});
