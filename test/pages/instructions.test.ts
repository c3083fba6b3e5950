import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeNamedCharacterReference } from "../../src/pages/character-references.ts";
import { instructionsHtml } from "../../src/pages/instructions.tsx";

const tagsOf = (html: string) => new Set([...html.matchAll(/<(\/?[a-z][a-z0-9]*)/gi)].map(([, tag = ""]) => tag));
const ALLOWED = ["p", "a", "em", "strong", "code", "pre", "ol", "ul", "li", "blockquote", "h3", "br", "hr"];

describe("an operator's instructions", () => {
  test("are Markdown", () => {
    const html = instructionsHtml("1. Open **settings**\n2. Copy `trk_…`\n\n> once");
    expect(html).toContain("<li>Open <strong>settings</strong></li>");
    expect(html).toContain("<code>trk_…</code>");
    expect(html).toContain("<blockquote>");
  });

  test.each([
    ["<script>alert(1)</script>"],
    ["<img src=x onerror=alert(1)>"],
    ["a <b onclick=alert(1)>b</b>"],
    ["<div>\n\n# x\n\n</div>"],
    ["<!-- x -->"],
    ["<style>*{display:none}</style>"],
  ])("U-01 %j is shown as it is written", (markdown) => {
    const html = instructionsHtml(markdown);
    expect([...tagsOf(html)].filter((tag) => !ALLOWED.includes(tag.replace("/", "")))).toEqual([]);
    expect(html).toContain("&lt;");
  });

  test.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "http://tracker.example/",
    "//tracker.example/",
    "/v1/connect",
    "#x",
    "https:tracker.example",
    "file:///etc/passwd",
    "&#106;avascript:alert(1)",
    "java\nscript:alert(1)",
  ])("U-01 a link to %j leads nowhere", (target) => {
    for (const markdown of [`[x](<${target}>)`, `[x](${target})`, `[x]\n\n[x]: ${target}`, `<${target}>`]) {
      expect(instructionsHtml(markdown)).not.toContain("href");
    }
  });

  test("links to https and mailto open beside the page, which they cannot reach", () => {
    const rest = 'target="_blank" rel="noopener noreferrer"';
    expect(instructionsHtml('[x](https://a.example/?b=1&c="2" "title")')).toContain(
      `<a href="https://a.example/?b=1&amp;c=%222%22" ${rest}>x</a>`,
    );
    expect(instructionsHtml("<ada@a.example>")).toContain(`<a href="mailto:ada@a.example" ${rest}>`);
  });

  test("A-10 a picture is its description, so that nobody learns of the reader", () => {
    const html = instructionsHtml(
      '![The "key" <page>](https://evil.example/x.png "t") ![](https://evil.example/y.png)',
    );
    expect(html).toBe("<p>The &quot;key&quot; &lt;page&gt; </p>");
  });

  test("common character references are read, and what they stand for is escaped again", () => {
    expect(instructionsHtml("&lt;b&gt; &amp;amp; &mdash; &#233; &constructor;")).toBe(
      "<p>&lt;b&gt; &amp;amp; — é &amp;constructor;</p>",
    );
  });

  test("a name beyond the common ones is left as it is written", () => {
    expect(decodeNamedCharacterReference("eacute")).toBe(false);
    expect(decodeNamedCharacterReference("toString")).toBe(false);
  });

  test("headings are below those of the page", () => {
    expect(instructionsHtml("# a\n\n###### b")).toBe("<h3>a</h3>\n<h3>b</h3>");
  });

  test("U-01 no text at all makes another tag, or an attribute that is not ours", () => {
    const part = fc.constantFrom(
      "<",
      ">",
      "[",
      "](",
      ")",
      "!",
      '"',
      "'",
      "`",
      "*",
      "\n",
      "&lt;",
      "<a href=",
      "https://a",
      " x=",
      "javascript:",
    );
    const text = fc
      .array(fc.oneof(part, fc.string({ maxLength: 4 })), { maxLength: 20 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (markdown) => {
        const html = instructionsHtml(markdown);
        for (const tag of tagsOf(html)) expect(ALLOWED).toContain(tag.replace("/", ""));
        for (const [tag] of html.matchAll(/<[a-z][^>]*\s[^>]*>/gi)) {
          expect(tag).toMatch(
            /^<(a href="(https:\/\/|mailto:)[^"<>]*" target="_blank" rel="noopener noreferrer"|(br|hr) \/|ol start="\d+"|code class="language-[^"<>]*")>$/i,
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});
