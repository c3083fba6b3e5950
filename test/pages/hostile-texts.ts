import type { PageView } from "../../src/pages/views.ts";
import { BRAND, consentView, continueView, handoverView, installView, outcomeView } from "./views.ts";

/** What a name, an id or a scope may try. The last ones are about what a reader sees. */
const HOSTILE_TEXTS = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "'><svg onload=alert(1)>",
  "</title><script>alert(1)</script>",
  "</style><script>alert(1)</script>",
  "--></main><iframe srcdoc='<script>alert(1)</script>'>",
  '" autofocus onfocus=alert(1) x="',
  '" style="position:fixed;inset:0" x="',
  "<base href=https://evil.example/><form action=https://evil.example/>",
  '<meta http-equiv="refresh" content="0; url=https://evil.example/">',
  "<link rel=stylesheet href=https://evil.example/x.css>",
  "<!--",
  "]]><b>",
  "&lt;script&gt;",
  "javascript:alert(1)",
  "//evil.example/x",
  "[x](javascript:alert(1)) ![x](https://evil.example/x.png) <b onclick=alert(1)>x</b>",
  "{{constructor.constructor('alert(1)')()}}",
  "$& $` $' $1 {name}",
  "\u202egnp.exe\u202c\u2066\u200f",
  "\u0000\u0008\u001b[31m\u0085",
  "\ud800",
  "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034dalgo",
  "👩‍👩‍👧‍👦".repeat(40),
  "مشروع ".repeat(40),
  "x".repeat(2000),
];

/** Each with a name for a test's title. */
export const HOSTILE_CASES = HOSTILE_TEXTS.map((text) => {
  const name = JSON.stringify(text.length > 60 ? `${text.slice(0, 20)}…` : text);
  return [name.replace(/[^ -~…]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`), text] as const;
});

/** Pages with `text` in every place that somebody else fills. `url` is where they lead to. */
export function pagesWith(text: string, url: string): PageView[] {
  const brand = { ...BRAND, name: text };
  const texts = { brand, projectName: text, environment: text, subjectId: text, subjectIssuer: text };
  const lists = { scopes: [text], resources: [text], authorizationDetailTypes: [text] };
  const everywhere = { ...texts, ...lists, providerHost: text, returnHost: text, formToken: text };
  return [
    consentView({ ...everywhere, binding: "confirm" }),
    consentView({ ...everywhere, binding: "login" }),
    consentView({ ...everywhere, binding: "finalize", key: { instructions: text, problem: text } }),
    { ...continueView(`${url}?q=${encodeURIComponent(text.toWellFormed())}`), brand },
    installView({ ...everywhere, asker: { ...texts, environments: [text, text] }, isAgain: true, mistyped: text }),
    { ...handoverView(url, { manifest: text }), brand },
    outcomeView("installation_not_verified", { brand, about: "connector", isMade: true }),
    outcomeView("provider_error", { brand, providerError: text, requestId: text, returnUrl: url }),
  ];
}
