import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contrast, legible, type Palette, palette } from "../../src/pages/palette.ts";

const color = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, "0")}`);
const scheme = fc.constantFrom("light", "dark");

describe("colours", () => {
  test("contrast is that of WCAG", () => {
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
    expect(contrast("#ffffff", "#777777")).toBeCloseTo(4.48, 2);
    expect(contrast("#1f2a44", "#1F2A44")).toBe(1);
  });

  test("a colour is moved only when it must be, and not further", () => {
    expect(legible("#3b5bdb", "#ffffff")).toBe("#3b5bdb");
    const moved = legible("#ffe01b", "#ffffff");
    expect(contrast(moved, "#ffffff")).toBeGreaterThanOrEqual(4.5);
    expect(contrast(moved, "#ffffff")).toBeLessThan(5);
  });

  test("whatever an operator chooses, text can be read, in light and dark", () => {
    const pairs: [keyof Palette, keyof Palette][] = [
      ["text", "surface"],
      ["muted", "surface"],
      ["text", "well"],
      ["muted", "well"],
      ["accent", "surface"],
      ["onCanvas", "canvas"],
      ["onTile", "tile"],
      ["onFill", "fill"],
    ];
    const brand = fc.record({ backgroundColor: fc.option(color), accentColor: fc.option(color) });
    fc.assert(
      fc.property(fc.option(brand), scheme, (chosen, mode) => {
        const colors = palette(chosen, mode);
        for (const [text, ground] of pairs) {
          expect(contrast(colors[text], colors[ground]), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("the button that goes on stands out from what it is on, and keeps the brand's colour where that does", () => {
    fc.assert(
      fc.property(color, scheme, (accentColor, mode) => {
        const { fill, surface } = palette({ backgroundColor: null, accentColor }, mode);
        expect(contrast(fill, surface)).toBeGreaterThanOrEqual(mode === "dark" ? 3 : 1.3);
        if (contrast(accentColor, surface) >= 3) expect(fill).toBe(accentColor);
      }),
    );
  });

  test("a grey that cannot be seen becomes the text's colour, not a paler grey", () => {
    expect(palette({ backgroundColor: null, accentColor: "#24292f" }, "dark").fill).toBe("#eceef0");
    expect(palette({ backgroundColor: null, accentColor: "#ffffff" }, "light").fill).toBe("#17191d");
  });
});
