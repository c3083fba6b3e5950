import { type Inline, parseInline } from "./markdown-inline.ts";

/** What a text in Markdown is made of. */
export type Block =
  | { kind: "paragraph" | "heading"; content: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "rule" }
  | { kind: "quote"; blocks: Block[] }
  /** `start` is the first number; null = with bullets. */
  | { kind: "list"; start: number | null; items: Block[][] };

const MAX_DEPTH = 6;

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}#{1,6}(?:[ \t]+|$)/;
const RULE = /^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|(\d{1,9})[.)])( {1,4}|$)/;

/**
 * The part of CommonMark that instructions are written in: paragraphs, headings, lists, quotes, fenced code, rules, and
 * within them what `parseInline` knows. Everything else is text. A library for all of it would be a twelfth of the Worker.
 */
export function parseMarkdown(markdown: string): Block[] {
  return parseLines(markdown.replaceAll(/\r\n?/g, "\n").replaceAll("\u0000", "\ufffd").split("\n"), 0);
}

function parseLines(lines: string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let index = 0;
  /** The lines from here on for which `belongs` holds. */
  const take = (belongs: (line: string) => boolean): string[] => {
    const start = index;
    while (index < lines.length && belongs(lines[index] ?? "")) index += 1;
    return lines.slice(start, index);
  };

  while (index < lines.length) {
    const line = lines[index] ?? "";
    const fence = FENCE.exec(line)?.[1];
    if (isBlank(line)) index += 1;
    else if (fence !== undefined) {
      index += 1;
      blocks.push({ kind: "code", text: take((next) => !closes(next, fence)).join("\n") });
      index += 1;
    } else if (HEADING.test(line)) {
      blocks.push({ kind: "heading", content: parseInline(headingText(line)) });
      index += 1;
    } else if (RULE.test(line)) {
      blocks.push({ kind: "rule" });
      index += 1;
    } else if (depth < MAX_DEPTH && QUOTE.test(line)) {
      const quoted = take((next) => QUOTE.test(next)).map((next) => next.replace(QUOTE, ""));
      blocks.push({ kind: "quote", blocks: parseLines(quoted, depth + 1) });
    } else if (depth < MAX_DEPTH && ITEM.test(line)) blocks.push(takeList(line));
    else {
      // The first line is taken whatever it looks like, so that there is always progress.
      const first = index;
      const text = take((next) => index === first || !(isBlank(next) || interrupts(next)));
      blocks.push({
        kind: "paragraph",
        content: parseInline(
          text
            .map((next) => next.trimStart())
            .join("\n")
            .trimEnd(),
        ),
      });
    }
  }
  return blocks;

  function takeList(first: string): Block {
    const isOrdered = ITEM.exec(first)?.[3] !== undefined;
    const items: Block[][] = [];
    for (;;) {
      const [marker, , , number, space] = ITEM.exec(lines[index] ?? "") ?? [];
      if (marker === undefined || (number !== undefined) !== isOrdered || RULE.test(lines[index] ?? "")) break;
      // What is indented as far as the item's own text belongs to it.
      const indent = marker.length + (space === "" ? 1 : 0);
      const head = (lines[index] ?? "").slice(marker.length);
      index += 1;
      const rest = take((next) => isBlank(next) || indentOf(next) >= indent || !(startsBlock(next) || afterBlank()));
      items.push(parseLines([head, ...rest.map((next) => next.slice(Math.min(indent, indentOf(next))))], depth + 1));
    }
    return { kind: "list", start: isOrdered ? Number(ITEM.exec(first)?.[3]) : null, items };
  }

  function afterBlank(): boolean {
    return isBlank(lines[index - 1] ?? "");
  }
}

function isBlank(line: string): boolean {
  return line.trim() === "";
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function interrupts(line: string): boolean {
  const number = ITEM.exec(line)?.[3];
  // "2019. A year" within a paragraph begins no list.
  return startsBlock(line) && (number === undefined || number === "1");
}

function startsBlock(line: string): boolean {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((pattern) => pattern.test(line));
}

function closes(line: string, fence: string): boolean {
  const run = FENCE.exec(line)?.[1];
  return run !== undefined && run[0] === fence[0] && run.length >= fence.length && line.trim() === run;
}

function headingText(line: string): string {
  const text = line.replace(HEADING, "").trim();
  const end = text.lastIndexOf(" ");
  // A run of # at the end closes the heading.
  return /^#+$/.test(text.slice(end + 1)) ? text.slice(0, Math.max(end, 0)).trimEnd() : text;
}
