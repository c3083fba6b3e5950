import fc from "fast-check";

const SURROGATES = { first: 0xd800, count: 0x800 };

/** Any Unicode character. fast-check's own `unit: "binary"` takes most of a second to come into being. */
const character = fc
  .integer({ min: 0, max: 0x10ffff - SURROGATES.count })
  .map((index) => String.fromCodePoint(index < SURROGATES.first ? index : index + SURROGATES.count));

/** Any well-formed text. */
export function anyText(constraints: { maxLength?: number } = {}): fc.Arbitrary<string> {
  return fc.string({ unit: character, ...constraints });
}
