// Stands in for the table that micromark brings, of all 2,125 names of HTML, which weighs 12 KiB (gzip): see `[alias]` in
// wrangler.toml.

const CHARACTERS: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  shy: "\u00ad",
  ndash: "–",
  mdash: "—",
  hellip: "…",
  copy: "©",
  reg: "®",
  trade: "™",
  larr: "←",
  rarr: "→",
  times: "×",
};

/** The character that `&name;` stands for in Markdown; false for names that are not here, which then stay as written. */
export function decodeNamedCharacterReference(name: string): string | false {
  return Object.hasOwn(CHARACTERS, name) ? (CHARACTERS[name] ?? false) : false;
}
