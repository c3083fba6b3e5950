// Colours of a page, made of what an operator chose for a connector, so that everything written stays legible: WCAG 2.2
// §1.4.3 asks for 4.5:1. Colours are `#rrggbb` throughout.

import type { Brand } from "./views.ts";

export interface Palette {
  /** Behind everything. */
  canvas: string;
  /** Text on the canvas. */
  onCanvas: string;
  /** Behind the text of the page. */
  surface: string;
  text: string;
  /** Text of less weight, on the surface. */
  muted: string;
  /** Lines that only divide. */
  line: string;
  /** Behind codes and hints, between the surface's colour and the line's. */
  well: string;
  /** Behind the connector's icon, and its initial in place of one. */
  tile: string;
  onTile: string;
  /** The button that goes on. */
  fill: string;
  onFill: string;
  /** The accent where it is a line or text on the surface. */
  accent: string;
}

export type Scheme = "light" | "dark";

const LEGIBLE = 4.5;
const BLACK = "#000000";
const WHITE = "#ffffff";

const BASE = {
  light: {
    canvas: "#f4f4f2",
    surface: WHITE,
    text: "#17191d",
    muted: "#5a606a",
    line: "#e2e3e1",
    well: "#f3f3f1",
    tile: "#ececea",
    // A pale button is one all the same, because of its border.
    leastFill: 1.3,
  },
  dark: {
    canvas: "#0c0d0f",
    surface: "#17191c",
    text: "#eceef0",
    muted: "#a2a8b1",
    line: "#2d3136",
    well: "#1f2226",
    tile: "#282c31",
    // A dark button on a dark page looks as if it were switched off.
    leastFill: 3,
  },
} as const;
const TINT = { light: 0.045, dark: 0.035 };

/** Text is at least 4.5:1 against what it stands on, whatever the brand's colours are. Null colours take our own. */
export function palette(brand: Pick<Brand, "backgroundColor" | "accentColor"> | null, scheme: Scheme): Palette {
  const { leastFill, ...base } = BASE[scheme];
  const background = brand?.backgroundColor ?? null;
  const chosen = brand?.accentColor ?? base.text;
  const canvas = background === null ? base.canvas : mix(base.canvas, background, TINT[scheme]);
  const tile = background ?? base.tile;
  // A grey that was moved only as far as it must looks switched off as well; a colour stays the brand's.
  const accent = isGrey(chosen) && contrast(chosen, base.surface) < LEGIBLE ? base.text : legible(chosen, base.surface);
  const fill = contrast(chosen, base.surface) >= leastFill ? chosen : accent;
  return {
    ...base,
    canvas,
    onCanvas: legible(base.muted, canvas),
    tile,
    onTile: textOn(tile),
    fill,
    onFill: textOn(fill),
    accent,
  };
}

/** Contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio"). */
export function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** `color`, moved towards black or white just as far as it takes to be read on `ground`. */
export function legible(color: string, ground: string): string {
  const end = textOn(ground);
  for (let percent = 0; percent < 100; percent += 2) {
    const moved = mix(color, end, percent / 100);
    if (contrast(moved, ground) >= LEGIBLE) return moved;
  }
  return end;
}

/** Black or white, whichever is easier to read on `ground`: 4.58:1 at the least, as the square root of 21. */
function textOn(ground: string): string {
  return contrast(BLACK, ground) >= contrast(WHITE, ground) ? BLACK : WHITE;
}

function isGrey(color: string): boolean {
  const values = channels(color);
  return Math.max(...values) - Math.min(...values) < 32;
}

function mix(from: string, to: string, share: number): string {
  const ends = channels(to);
  const mixed = channels(from).map((value, index) => Math.round(value + ((ends[index] ?? 0) - value) * share));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = channels(color).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function channels(color: string): number[] {
  if (!/^#[0-9a-f]{6}$/i.test(color)) throw new TypeError("a colour must be #rrggbb");
  return [1, 3, 5].map((start) => Number.parseInt(color.slice(start, start + 2), 16));
}
