// What pages say in words, from plain data.

import { isLoopbackHost } from "../outbound/addresses.ts";

/**
 * `text` as a page may show it: without control characters, and without those that turn the direction of what
 * follows (UAX #9). Right-to-left letters stay; the markup around them keeps them to themselves.
 */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ").toWellFormed();
}

/** The first letter of a name, or its first emoji as a whole; a dot for a name of nothing that shows. */
export function initialOf(name: string): string {
  const [first] = new Intl.Segmenter("en", { granularity: "grapheme" }).segment(shown(name).trim());
  // A letter may carry hundreds of marks.
  return first === undefined ? "·" : [...first.segment.toUpperCase()].slice(0, 8).join("");
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** How long ago, in the coarsest words that are still true; rounded down. */
export function ago(ageMs: number): string {
  if (ageMs < MINUTE_MS) return "less than a minute ago";
  const [count, unit] = ageMs < HOUR_MS ? [ageMs / MINUTE_MS, "minute"] : [ageMs / HOUR_MS, "hour"];
  const whole = Math.floor(count);
  return `${whole} ${unit}${whole === 1 ? "" : "s"} ago`;
}

/** `production` as a title; the slug of a custom environment as it is. */
export function environmentTitle(environment: string): string {
  const known = { production: "Production", preview: "Preview", development: "Development" };
  return Object.hasOwn(known, environment) ? known[environment as keyof typeof known] : environment;
}

/**
 * The host of `url`, and `url` as a browser reads it. Throws a TypeError for what a page must not lead to: other than
 * https, or http on a loopback host (RFC 8252 §7.3).
 */
export function destination(url: string): { href: string; host: string } {
  const { protocol, hostname, href, host } = new URL(url);
  if (protocol !== "https:" && !(protocol === "http:" && isLoopbackHost(hostname)))
    throw new TypeError("a page cannot lead there");
  return { href, host };
}
