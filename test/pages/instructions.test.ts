import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Instructions } from "../../src/pages/instructions.tsx";

const instructionsHtml = (markdown: string) =>
  /^<div class="instructions">(.*)<\/div>$/s.exec(String(Instructions({ markdown })))?.[1] ?? "";

const tagsOf = (html: string) => new Set([...html.matchAll(/<(\/?[a-z][a-z0-9]*)/gi)].map(([, tag = ""]) => tag));
const ALLOWED = ["p", "a", "em", "strong", "code", "pre", "ol", "ul", "li", "blockquote", "h3", "br", "hr"];

describe("an operator's instructions", () => {
  test("are Markdown", () => {
    const html = instructionsHtml("1. Open **settings**\n2. Copy `trk_…`\n\n> once");
    expect(html).toContain("<li>Open <strong>settings</strong></li>");
    expect(html).toContain("<code>trk_…</code>");
    expect(html).toContain("<blockquote><p>once</p></blockquote>");
  });

  test.each([
    ["a\nb  \nc\\\nd", "<p>a\nb<br/>c<br/>d</p>"],
    [
      "*a* _b_ **c** __d__ ***e***",
      "<p><em>a</em> <em>b</em> <strong>c</strong> <strong>d</strong> <strong>*e</strong>*</p>",
    ],
    ["snake_case_name 2 * 3 * 4 \\*not\\*", "<p>snake_case_name 2 * 3 * 4 *not*</p>"],
    ["`a*b*` ``c`d`` `open", "<p><code>a*b*</code> <code>c`d</code> `open</p>"],
    ["```sh\n# not a heading\n  <b>\n```\nafter", "<pre><code># not a heading\n  &lt;b&gt;</code></pre><p>after</p>"],
    ["```\nnever closed", "<pre><code>never closed</code></pre>"],
    ["- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"],
    ["3. a\n\n   more\n4) b", '<ol start="3"><li><p>a</p><p>more</p></li><li>b</li></ol>'],
    ["In\n2019. it began\n1. first", '<p>In\n2019. it began</p><ol start="1"><li>first</li></ol>'],
    ["# Title #\n---\n* * *", "<h3>Title</h3><hr/><hr/>"],
    ["> a\n> > b\nc", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>"],
    [
      "[a **b**](https://c.example/(d)) e",
      '<p><a href="https://c.example/(d)" target="_blank" rel="noopener noreferrer">a <strong>b</strong></a> e</p>',
    ],
    ["", ""],
  ])("%j is %s", (markdown, html) => {
    expect(instructionsHtml(markdown)).toBe(html);
  });

  test("nesting and repetition without end is drawn all the same, in time that grows with the text", () => {
    for (const part of ["> ", "- ", "[", "*a", "**", "_a ", "`", "![", "<", "(", "1. ", "\\", "# ", "](", " \n"]) {
      const html = instructionsHtml(part.repeat(5_000));
      expect([...tagsOf(html)].filter((tag) => !ALLOWED.includes(tag.replace("/", "")))).toEqual([]);
    }
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

  test("a character reference is shown as it is written, and never read", () => {
    expect(instructionsHtml("&lt;b&gt; &#106;")).toBe("<p>&amp;lt;b&amp;gt; &amp;#106;</p>");
  });

  test("headings are below those of the page", () => {
    expect(instructionsHtml("# a\n\n###### b")).toBe("<h3>a</h3><h3>b</h3>");
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
            /^<(a href="(https:\/\/|mailto:)[^"<>]*" target="_blank" rel="noopener noreferrer"|ol start="\d+")>$/i,
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});
