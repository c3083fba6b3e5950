import { describe, expect, test } from "vitest";
import { renderPage } from "../../src/pages/render.ts";
import type { PageView } from "../../src/pages/views.ts";
import { BRAND, consentView, continueView, keyView, outcomeView } from "./views.ts";

/** What a name, an id or a scope may try. The last ones are about what a reader sees. */
const PAYLOADS = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "'><svg onload=alert(1)>",
  "</title><script>alert(1)</script>",
  "</style><script>alert(1)</script>",
  '" autofocus onfocus=alert(1) x="',
  "<!--",
  "]]><b>",
  "&lt;script&gt;",
  "javascript:alert(1)",
  "{{constructor.constructor('alert(1)')()}}",
  "$& $` $' $1",
  "\u202egnp.exe\u202c",
  "\u0000\u0008\u001b[31m",
  "\ud800",
];

/** Every text that somebody else chooses, on every page. */
const pagesWith = (text: string): PageView[] => {
  const brand = { ...BRAND, name: text };
  const texts = { brand, projectName: text, environment: text, subjectId: text, subjectIssuer: text };
  const more = { scopes: [text], resources: [text], authorizationDetailTypes: [text] };
  const hosts = { providerHost: text, returnHost: text, action: text, formToken: text };
  const everywhere = { ...texts, ...more, ...hosts };
  return [
    consentView({ ...everywhere, binding: "confirm" }),
    consentView({ ...everywhere, key: { instructions: text, problem: text } }),
    { ...continueView(`https://p.example/?q=${encodeURIComponent(text.toWellFormed())}`), brand },
    outcomeView("provider_error", { brand, providerError: text, requestId: text }),
  ];
};

const tagsOf = (html: string) => [...html.matchAll(/<(\/?[a-z!][^\s/>]*)/gi)].map(([, tag]) => tag);
const attributesOf = (html: string) =>
  [...html.matchAll(/<[a-z][^>]*>/gi)].map(([tag]) => tag.replace(/"[^"]*"/g, '""'));

describe("what others wrote stays text", () => {
  test.each(PAYLOADS)("U-01 %j adds no tag and no attribute to any page", (payload) => {
    const harmless = pagesWith("x");
    pagesWith(payload).forEach((view, index) => {
      const { html } = renderPage(view);
      const plain = renderPage(harmless[index] ?? view).html;
      expect(tagsOf(html)).toEqual(tagsOf(plain));
      expect(attributesOf(html)).toEqual(attributesOf(plain));
    });
  });
});

test("the pasted key's field", () => {
  expect(renderPage(keyView("x", "y")).html).toContain('type="password"');
});
