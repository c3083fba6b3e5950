/** What stands within a line of Markdown. */
export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "strong" | "emphasis"; content: Inline[] }
  /** To https or mailto only; a link to anything else is its text. */
  | { kind: "link"; href: string; content: Inline[] }
  | { kind: "break" };

/** Deeper nesting is shown as it is written. */
const MAX_DEPTH = 6;

const ESCAPED = /\\([!-/:-@[-`{-~])/y;
const BREAK = /(?: {2,}|\\)\n/y;
const CODE = /`+/y;
const AUTOLINK = /<([a-z][a-z0-9+.-]{1,31}:[^\s<>]*|[\w.+-]+@[\w.-]+)>/iy;
const TARGET = /\(\s*(?:<([^<>\n]*)>|((?:[^\s()]|\([^\s()]*\))*))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/y;
const DELIMITER = /\*\*|__|\*|_/y;
/** Nothing begins at these, so they are taken together. */
const PLAIN = /[^\\`<![*_ \n]+|[ \n]/y;

/** The content of a paragraph. Markup is text, pictures are their descriptions, and no text fails. */
export function parseInline(text: string, depth = 0): Inline[] {
  const found: Inline[] = [];
  /** Delimiters that do not come again: each is looked for to the end once, not once for every one that opens. */
  const absent = new Set<string>();
  let position = 0;

  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    return pattern.exec(text);
  };
  const add = (inline: Inline, end: number) => {
    const last = found.at(-1);
    if (inline.kind === "text" && last?.kind === "text") last.text += inline.text;
    else found.push(inline);
    position = end;
  };
  const indexOf = (delimiter: string, from: number): number => {
    const index = absent.has(delimiter) ? -1 : text.indexOf(delimiter, from);
    if (index < 0) absent.add(delimiter);
    return index;
  };
  const inner = (start: number, end: number) => parseInline(text.slice(start, end), depth + 1);

  while (position < text.length) {
    const escaped = match(ESCAPED);
    const ended = match(BREAK);
    const code = match(CODE);
    const autolink = match(AUTOLINK);
    const delimiter = match(DELIMITER)?.[0];
    if (escaped !== null) add({ kind: "text", text: escaped[1] ?? "" }, position + escaped[0].length);
    else if (ended !== null) add({ kind: "break" }, position + ended[0].length);
    else if (code !== null) addCode(code[0]);
    else if (autolink !== null) addLink(autolink[1] ?? "", position + autolink[0].length);
    else if (depth < MAX_DEPTH && delimiter !== undefined && addEmphasis(delimiter)) continue;
    else if (depth < MAX_DEPTH && addBracketed()) continue;
    else {
      const plain = match(PLAIN)?.[0] ?? text.charAt(position);
      add({ kind: "text", text: plain }, position + plain.length);
    }
  }
  return found;

  function addCode(fence: string): void {
    const start = position + fence.length;
    let end = indexOf(fence, start);
    // The run that closes is exactly as long as the one that opened.
    while (end >= 0 && (text[end + fence.length] === "`" || text[end - 1] === "`")) {
      end = text.indexOf(fence, end + 1);
    }
    if (end < 0) {
      add({ kind: "text", text: fence }, start);
      return;
    }
    add(
      {
        kind: "code",
        text: text
          .slice(start, end)
          .replaceAll("\n", " ")
          .replace(/^ (.*\S.*) $/, "$1"),
      },
      end + fence.length,
    );
  }

  function addLink(target: string, end: number): void {
    const href = hrefOf(target.includes(":") ? target : `mailto:${target}`);
    const content: Inline[] = [{ kind: "text", text: target }];
    add(href === null ? { kind: "text", text: `<${target}>` } : { kind: "link", href, content }, end);
  }

  function addEmphasis(delimiter: string): boolean {
    const start = position + delimiter.length;
    if (/\s/.test(text[start] ?? " ") || (delimiter[0] === "_" && isWord(text[position - 1]))) return false;
    const end = indexOf(delimiter, start + 1);
    if (end < 0 || /\s/.test(text[end - 1] ?? " ")) return false;
    if (delimiter[0] === "_" && isWord(text[end + delimiter.length])) return false;
    add({ kind: delimiter.length === 2 ? "strong" : "emphasis", content: inner(start, end) }, end + delimiter.length);
    return true;
  }

  /** A link or a picture. */
  function addBracketed(): boolean {
    const isPicture = text.startsWith("![", position);
    if (!isPicture && text[position] !== "[") return false;
    const start = position + (isPicture ? 2 : 1);
    const close = indexOf("](", start);
    if (close < 0) return false;
    TARGET.lastIndex = close + 1;
    const target = TARGET.exec(text);
    if (target === null) return false;
    const end = TARGET.lastIndex;
    const href = isPicture ? null : hrefOf(target[1] ?? target[2] ?? "");
    const content = isPicture ? [{ kind: "text" as const, text: text.slice(start, close) }] : inner(start, close);
    if (href !== null) add({ kind: "link", href, content }, end);
    else for (const part of content) add(part, end);
    position = end;
    return true;
  }
}

/** The address as the URL parser spells it; null unless it was written as `https://` or `mailto:`. */
function hrefOf(target: string): string | null {
  if (!/^(?:https:\/\/|mailto:)/i.test(target)) return null;
  return URL.parse(target)?.href ?? null;
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}\p{N}_]/u.test(character);
}
