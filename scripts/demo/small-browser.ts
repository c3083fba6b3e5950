/** A page as the small browser sees it. */
export interface Page {
  url: URL;
  status: number;
  html: string;
  headers: Headers;
  /** Every URL on the way here, redirects and refreshes included; the last is `url`. */
  visited: string[];
}

export interface SmallBrowserOptions {
  /** What a request that the test wants to see, or to keep from the network, is answered with; null = send it. */
  intercept?: (url: URL) => Response | null;
}

interface Request {
  method: "GET" | "POST";
  body: URLSearchParams | null;
  /** Origin of the page that this comes from; null = the address bar. */
  from: string | null;
}

const MAX_HOPS = 20;

/**
 * A browser without scripts and pictures: it keeps cookies by host (not by port, as browsers do), follows redirects and
 * `meta refresh`, sends forms, and says where each request comes from. Not more of HTML than the pages here need.
 */
export class SmallBrowser {
  readonly cookies = new Map<string, string>();
  readonly #intercept: (url: URL) => Response | null;

  constructor({ intercept = () => null }: SmallBrowserOptions = {}) {
    this.#intercept = intercept;
  }

  /** Types an address. */
  open(url: string | URL): Promise<Page> {
    return this.#go(new URL(url), { method: "GET", body: null, from: null });
  }

  /** Sends the page's one form: its hidden and prefilled fields, those given, and a button's name and value. */
  submit(page: Page, fields: Record<string, string>): Promise<Page> {
    const { action, inputs } = onlyForm(page);
    const body = new URLSearchParams({ ...inputs, ...fields });
    return this.#go(new URL(action, page.url), { method: "POST", body, from: page.url.origin });
  }

  async #go(target: URL, request: Request): Promise<Page> {
    const visited: string[] = [];
    let [url, { method, body, from }] = [target, request];
    for (let hop = 0; hop < MAX_HOPS; hop += 1) {
      visited.push(url.href);
      const response = this.#intercept(url) ?? (await this.#send(url, { method, body, from }));
      const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
      const html = await response.text();
      const next = location ?? metaRefresh(html);
      if (next === null) return { url, status: response.status, html, headers: response.headers, visited };
      from = url.origin;
      url = new URL(next, url);
      [method, body] = ["GET", null];
    }
    throw new Error(`More than ${MAX_HOPS} redirects, the last to ${url.origin}${url.pathname}.`);
  }

  async #send(url: URL, { method, body, from }: Request): Promise<Response> {
    const headers = new Headers({
      accept: "text/html",
      "sec-fetch-site": site(from, url),
      "sec-fetch-mode": "navigate",
    });
    const cookies = [...this.cookies].filter(([key]) => key.startsWith(`${url.hostname} `));
    if (cookies.length > 0) {
      headers.set("cookie", cookies.map(([key, value]) => `${key.slice(url.hostname.length + 1)}=${value}`).join("; "));
    }
    if (method === "POST" && from !== null) headers.set("origin", from);
    const response = await fetch(url, {
      method,
      headers,
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(30_000),
    });
    for (const line of response.headers.getSetCookie()) this.#keep(url.hostname, line);
    return response;
  }

  #keep(host: string, line: string): void {
    const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
    const at = pair.indexOf("=");
    const key = `${host} ${pair.slice(0, at)}`;
    const gone = attributes.some((attribute) => {
      const [name = "", value = ""] = attribute.toLowerCase().split("=");
      return (name === "max-age" && Number(value) <= 0) || (name === "expires" && Date.parse(value) <= Date.now());
    });
    if (gone) this.cookies.delete(key);
    else this.cookies.set(key, pair.slice(at + 1));
  }
}

/** What `Sec-Fetch-Site` says; two loopback hosts are two sites, two ports are one. */
function site(from: string | null, to: URL): string {
  if (from === null) return "none";
  if (from === to.origin) return "same-origin";
  return new URL(from).hostname === to.hostname ? "same-site" : "cross-site";
}

function onlyForm({ html, url }: Page): { action: string; inputs: Record<string, string> } {
  const [form = "", ...others] = html.match(/<form\b[\s\S]*?<\/form>/gi) ?? [];
  if (form === "" || others.length > 0) {
    throw new Error(`${url.origin}${url.pathname} has ${form === "" ? "no form" : "more than one form"}.`);
  }
  const inputs = [...form.matchAll(/<input\b[^>]*>/gi)].flatMap(([tag]) => {
    const name = attribute(tag, "name");
    return name === null ? [] : [[name, attribute(tag, "value") ?? ""]];
  });
  return { action: attribute(form, "action") ?? url.href, inputs: Object.fromEntries(inputs) };
}

function metaRefresh(html: string): string | null {
  const tag = /<meta\b[^>]*http-equiv="?refresh"?[^>]*>/i.exec(html)?.[0];
  return tag === undefined ? null : (/url=(.*)$/is.exec(attribute(tag, "content") ?? "")?.[1] ?? null);
}

function attribute(tag: string, name: string): string | null {
  const value = new RegExp(`\\s${name}="([^"]*)"`, "i").exec(tag)?.[1];
  return value === undefined ? null : unescapeHtml(value);
}

const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescapeHtml(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal || hex) return String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16));
    return NAMED[name] ?? whole;
  });
}
