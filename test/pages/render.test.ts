import { describe, expect, test } from "vitest";
import { OUTCOMES } from "../../src/pages/outcomes.ts";
import { renderPage } from "../../src/pages/render.ts";
import { styleOf } from "../../src/pages/style.ts";
import type { Outcome, OutcomeView, PageView } from "../../src/pages/views.ts";
import { HOSTILE_CASES, pagesWith } from "./hostile-texts.ts";
import {
  BRAND,
  consentView,
  continueView,
  handoverView,
  installView,
  keyView,
  outcomeView,
  registerView,
} from "./views.ts";

const PROVIDER = "https://tracker.example/authorize";
const outcomes = Object.keys(OUTCOMES) as Outcome[];
const everyPage: PageView[] = [
  consentView(),
  keyView("Ask **Ada**.", "It is too short."),
  installView(),
  registerView(),
  continueView(PROVIDER),
  ...outcomes.map((outcome) => outcomeView(outcome)),
];

const tagsOf = (html: string) => [...html.matchAll(/<\/?[a-z!][^\s/>]*/gi)].map(([tag]) => tag);
const attributesOf = (html: string) =>
  [...html.matchAll(/<[a-z][^>]*>/gi)].map(([tag]) => tag.replace(/"[^"]*"/g, '""'));
const textOf = (html: string) => html.replace(/<style.*<\/style>/s, "").replace(/<[^>]*>/g, "");

describe("what others wrote stays text", () => {
  // Markdown makes tags of its own, which are the matter of instructions.test.ts.
  test.each(HOSTILE_CASES)("U-01 %s adds no tag and no attribute to any page", (_, hostile) => {
    const harmless = pagesWith("x", PROVIDER);
    for (const [index, view] of pagesWith(hostile, PROVIDER).entries()) {
      if (view.kind === "consent" && view.key !== null) view.key.instructions = "x";
      const { html } = renderPage(view);
      const plain = renderPage(harmless[index] ?? view).html;
      expect(tagsOf(html)).toEqual(tagsOf(plain));
      expect(attributesOf(html)).toEqual(attributesOf(plain));
    }
  });

  test("U-01 a name is shown letter by letter, whatever String.replace would make of it", () => {
    const name = "$& {name} $1";
    const { html } = renderPage(outcomeView("success", { brand: { ...BRAND, name } }));
    expect(textOf(html)).toContain("$&amp; {name} $1 is connected");
  });

  test("U-01 a text cannot turn the direction of what follows it", () => {
    const { html } = renderPage(consentView({ projectName: "\u202eemcA\u202c", subjectId: "a\u0000b" }));
    expect(html).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    expect(html).not.toContain("\u0000");
    expect(html).toContain("<bdi> emcA </bdi>");
  });

  test("U-01 a colour that is none is refused, and so cannot leave the style sheet", () => {
    const brand = { ...BRAND, accentColor: "red}</style><script>alert(1)</script>" };
    expect(() => renderPage(consentView({ brand }))).toThrow(TypeError);
  });

  test("the style sheet needs no escaping, so that escaping leaves it as it is", () => {
    expect(styleOf(BRAND)).not.toMatch(/[<>&"']/);
    expect(renderPage(consentView()).html).toContain(styleOf(BRAND));
  });
});

describe("where a page may lead to", () => {
  const BAD = [
    "javascript:alert(1)",
    "data:text/html,x",
    "http://tracker.example/",
    "http://localhost.evil.example/",
    "ftp://x.example/",
  ];
  test.each(BAD)("A-11 %s is no link, neither onwards nor back", (url) => {
    expect(() => renderPage(continueView(url))).toThrow(TypeError);
    expect(() => renderPage(handoverView(url))).toThrow(TypeError);
    expect(() => renderPage(outcomeView("success", { returnUrl: url }))).toThrow(TypeError);
  });

  test("https, and http on loopback, are", () => {
    for (const url of [
      "https://a.example/x?y=1&z=2",
      "http://localhost:3000/",
      "http://127.0.0.1:1/",
      "http://127.0.0.2:1/",
      "http://[::1]/",
    ]) {
      const href = `href="${url.replace("&", "&amp;")}"`;
      expect(renderPage(continueView(url)).html).toContain(href);
      expect(renderPage(outcomeView("success", { returnUrl: url })).html).toContain(href);
    }
  });

  test("the page that goes on does so by itself as well", () => {
    const { html } = renderPage(continueView("https://a.example/?y=1&z='2'"));
    expect(html).toContain('<meta http-equiv="refresh" content="0; url=https://a.example/?y=1&amp;z=%272%27"/>');
    expect(renderPage(consentView()).html).not.toContain("http-equiv");
  });
});

describe("headers", () => {
  test("U-04 no page may be framed, run a script, or send its form elsewhere", () => {
    for (const view of everyPage) {
      const { html, headers } = renderPage(view);
      const [, nonce] = /<style nonce="([^"]+)">/.exec(html) ?? [];
      expect(headers["content-security-policy"]).toBe(
        `default-src 'none'; style-src 'nonce-${nonce}'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
      );
      expect(headers["x-frame-options"]).toBe("DENY");
      expect(html).not.toMatch(/<script|\son[a-z]+=|\sstyle=/);
    }
  });

  test("U-04 only the page that hands over may send its form elsewhere, and there alone", () => {
    const { html, headers } = renderPage(handoverView("https://tracker.example:8443/apps/new?state=s"));
    expect(headers["content-security-policy"]).toContain("; form-action 'self' https://tracker.example:8443; ");
    expect(html).toContain('<form method="post" action="https://tracker.example:8443/apps/new?state=s">');
    expect(html).toContain('name="manifest" value="{&quot;name&quot;:&quot;x&quot;}"');
    expect(html).not.toContain("http-equiv");
  });

  test("A-10 a page is not stored, and other origins do not learn its address", () => {
    const { headers } = renderPage(consentView());
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["referrer-policy"]).toBe("same-origin");
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
  });

  test("a nonce is of one page only", () => {
    const policies = [1, 2, 3].map(() => renderPage(consentView()).headers["content-security-policy"]);
    expect(new Set(policies).size).toBe(3);
  });

  test("A-10 nothing is loaded but the icon", () => {
    const brand = { ...BRAND, iconPath: "/icons/0123456789012345678901234567890123456789" };
    const sources = (view: PageView) =>
      [...renderPage(view).html.matchAll(/\s(?:src|srcset)="([^"]*)"/g)].map(([, at]) => at);
    for (const view of everyPage) expect(sources(view)).toEqual([]);
    expect(sources(consentView({ brand }))).toEqual([brand.iconPath]);
  });
});

describe("what a page says", () => {
  test("A-01 who asks, for what, for whom, since when, and where it leads", () => {
    const text = textOf(renderPage(consentView({ environment: "preview", resources: ["https://api.example"] })).html);
    const expected = [
      "Acme Support",
      "Tracker",
      "Preview",
      "user_8412",
      "2 minutes ago",
      "Know which account is yours",
    ];
    const more = ["issues:write", "https://api.example", "tracker.example", "support.acme.example"];
    for (const part of [...expected, ...more]) expect(text).toContain(part);
  });

  test("A-01 where nothing but the page stands between, it warns of links that others sent", () => {
    const saysSo = (view: PageView) => renderPage(view).html.includes("Continue only if you started this yourself");
    expect(saysSo(consentView({ binding: "confirm" }))).toBe(true);
    expect(saysSo({ ...keyView(null), binding: "confirm" })).toBe(true);
    expect(saysSo(consentView({ binding: "finalize" }))).toBe(false);
    expect(saysSo(consentView({ binding: "login" }))).toBe(false);
  });

  test("a user who must sign in first is told where, and whose name was given", () => {
    const view = consentView({ binding: "login", subjectIssuer: "https://login.acme.example" });
    expect(textOf(renderPage(view).html)).toContain("You sign in at https://login.acme.example");
    expect(textOf(renderPage(consentView()).html)).not.toContain("You sign in");
  });

  test("the form has both decisions, the token, and a key only where one is asked for", () => {
    const { html } = renderPage(consentView());
    expect(html).toContain('<form method="post" action="/authorize/areq_0123456789">');
    expect(html).toContain('<input type="hidden" name="form" value="token-of-the-form"/>');
    expect(html).toMatch(/name="decision" value="continue".*name="decision" value="cancel"/);
    expect(html).not.toContain('name="key"');
    expect(renderPage(keyView(null)).html).toMatch(
      /<input id="key" name="key" type="password" required="" autocomplete="off"/,
    );
  });

  test("what was wrong with a key is said in the title, and belongs to its field", () => {
    const { html } = renderPage(keyView(null, "It is too short."));
    expect(html).toContain("<title>Problem: ");
    expect(html).toMatch(/aria-describedby="key-problem key-hint" aria-invalid="true"/);
    expect(html).toMatch(/<p id="key-problem"[^>]*><bdi>It is too short.<\/bdi><\/p>/);
    expect(renderPage(keyView(null)).html).not.toContain(`aria-invalid="true"`);
  });

  test("A-16 who asks for an installation of what, where it is made, and what comes next", () => {
    const text = textOf(renderPage(installView()).html);
    for (const part of ["Install Tracker at tracker.example", "Acme Support", "Production", "2 minutes ago"]) {
      expect(text).toContain(part);
    }
    expect(text).toContain("You sign in there, to show that the installation is yours");
    expect(text).toContain("You go back to support.acme.example");
    expect(text).toContain("Continue only if you started this yourself.");
    expect(text).not.toMatch(/create an app|Already installed/);
    expect(textOf(renderPage(installView({ isAgain: true })).html)).toContain("Address of its settings page");
    const mistyped = renderPage(installView({ isAgain: true, mistyped: '"1 2' })).html;
    expect(mistyped).toContain("<title>Problem: Install Tracker</title>");
    expect(mistyped).toMatch(
      /name="installed" value="&quot;1 2"[^>]* aria-describedby="installed-problem installed-hint"/,
    );
    expect(mistyped).toMatch(/<p id="installed-problem"[^>]* role="alert">/);
    const unproven = renderPage(installView({ isAgain: true, proves: false })).html;
    expect(unproven).not.toContain('name="installed"');
    expect(textOf(unproven)).not.toContain("You sign in there");
  });

  test("what is registered, and that it is installed only where that was asked for", () => {
    const text = textOf(renderPage(registerView()).html);
    expect(text).toContain("Register Tracker at tracker.example");
    expect(text).toContain("You create an app at tracker.example, which becomes this connector");
    expect(text).toContain("Sent to this deployment");
    const alone = textOf(renderPage(registerView({ installs: false, receives: false })).html);
    expect(alone).not.toContain("where to install it");
    expect(alone).toContain("None");
  });

  test("to whom a connector is linked, in all its environments", () => {
    const asker = { projectName: "Acme Support", environments: ["production", "preview", "eu-north"] };
    const text = textOf(renderPage(registerView({ asker })).html);
    expect(text).toContain("Acme Support Production Preview eu-north");
  });

  test("what it was that ended, and of a connector that it is made, where it is", () => {
    const told = (change: Partial<OutcomeView> = {}) => textOf(renderPage(outcomeView("canceled", change)).html);
    expect(told()).toMatch(/Request for access.*Nothing was connected\./);
    expect(told({ about: "installation" })).toMatch(
      /Request for an installation.*Nothing was connected\..*in the app\./,
    );
    const open = told({ about: "connector" });
    expect(open).toMatch(/New connector.*Nothing was connected\./);
    expect(open).not.toContain("in the app");
    for (const outcome of outcomes) {
      const { html } = renderPage(outcomeView(outcome, { about: "connector", isMade: true }));
      expect(html).not.toMatch(/nothing was connected/i);
    }
    const made = told({ about: "connector", isMade: true });
    expect(made).toContain("The connector is made, and no installation of it is confirmed.");
    // Not another registration.
    expect(made).toContain("start an installation in the app.");
  });

  test("every page has a language, a title of its own, one main part and one heading of the first order", () => {
    const titles = everyPage.map((view) => {
      const { html } = renderPage(view);
      expect(html).toMatch(/^<!doctype html><html lang="en">/);
      for (const tag of ["<main>", "<h1>", "<title>"]) expect(html.split(tag)).toHaveLength(2);
      return /<title>([^<]*)</.exec(html)?.[1];
    });
    expect(new Set(titles).size).toBe(everyPage.length);
  });

  test.each(outcomes)("%s says what to do next, with a way back where there is one", (outcome) => {
    const returnUrl = "https://support.acme.example/done";
    const open = renderPage(
      outcomeView(outcome, { returnUrl, providerError: "server_error", requestId: "areq_1" }),
    ).html;
    expect(textOf(open)).toContain("Back to support.acme.example");
    for (const code of ["server_error", "areq_1"]) expect(textOf(open)).toContain(code);
    const closed = renderPage(outcomeView(outcome, { brand: null })).html;
    const isGoingOn = textOf(closed).includes("Load this page again");
    expect(textOf(closed).includes("You can close this window.")).toBe(!isGoingOn);
    expect(closed).not.toMatch(/\{name\}|Tracker/);
    expect(OUTCOMES[outcome].sentences.length).toBeGreaterThan(0);
  });
});

test("a request without scopes is for the provider's default, and a key for whatever it allows, and both say so", () => {
  const unnamed = textOf(renderPage(consentView({ scopes: [], resources: ["https://api.example/"] })).html);
  expect(unnamed).toContain("you are asked for those that Tracker gives by default");
  expect(unnamed).toContain("https://api.example/");
  expect(textOf(renderPage(consentView()).html)).not.toContain("by default");
  const pasted = textOf(renderPage(keyView("Ask Ada.", null)).html);
  expect(pasted).toContain("Whatever the key allows.");
  expect(pasted).not.toContain("by default");
});
