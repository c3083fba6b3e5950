import type { IncomingHttpHeaders } from "node:http";

/** A request that found its route. */
export interface Call {
  method: string;
  /** As the client wrote it, origin included. */
  url: URL;
  /** The `:names` of the route's path. */
  params: Record<string, string>;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A reply that ends the handling of a call wherever it is thrown. */
export class Refusal extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(`${reply.status}: ${reply.body}`);
    this.reply = reply;
  }
}

export type Json = { [name: string]: unknown };

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
    body: JSON.stringify(value),
  };
}

export function empty(status: number): Reply {
  return { status, headers: {}, body: "" };
}

export function page(status: number, title: string, body: string): Reply {
  return {
    status,
    headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" },
    body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title><h1>${escapeHtml(title)}</h1>${body}</html>`,
  };
}

/** 302 to `target`, with what is not undefined added to its query. */
export function redirect(target: string, query: Record<string, string | undefined> = {}): Reply {
  const url = new URL(target);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
  return { status: 302, headers: { location: url.href, "content-type": "text/html; charset=utf-8" }, body: "" };
}

/** The shape of every error of the REST API. https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api */
export function refuse(status: number, message: string, more: Json = {}): never {
  const body = { message, documentation_url: "https://docs.github.com/rest", status: String(status), ...more };
  throw new Refusal(json(status, body));
}

export function notFound(): never {
  refuse(404, "Not Found");
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The members of `value` if it is an object of texts, null if it is anything else. */
export function texts(value: unknown): Record<string, string> | null {
  if (!isObject(value)) return null;
  const entries = Object.entries(value).flatMap(([name, text]) => (typeof text === "string" ? [[name, text]] : []));
  return entries.length === Object.keys(value).length ? Object.fromEntries(entries) : null;
}

/** The JSON object in the body; none is `{}`. */
export function jsonBody(call: Call): Json {
  if (call.body === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(call.body);
  } catch {
    refuse(400, "Problems parsing JSON");
  }
  return isObject(value) ? value : refuse(400, "Body should be a JSON object");
}

/** Parameters of the OAuth endpoints: query, form and JSON are all understood, the body first. */
export function parameters(call: Call): URLSearchParams {
  const all = new URLSearchParams(call.url.searchParams);
  if ((call.headers["content-type"] ?? "").startsWith("application/json")) {
    for (const [name, value] of Object.entries(jsonBody(call))) if (typeof value === "string") all.set(name, value);
  } else {
    for (const [name, value] of new URLSearchParams(call.body)) all.set(name, value);
  }
  return all;
}

/** One page of `all` by `per_page` (30, at most 100) and `page`, and the `Link` header that leads on. */
export function paginate<T>(call: Call, all: readonly T[]): { items: T[]; headers: Record<string, string> } {
  const number = (name: string, fallback: number) => {
    const value = Number(call.url.searchParams.get(name) ?? fallback);
    return Number.isInteger(value) && value > 0 ? value : fallback;
  };
  const perPage = Math.min(100, number("per_page", 30));
  const at = number("page", 1);
  const last = Math.max(1, Math.ceil(all.length / perPage));
  const link = (rel: string, to: number) => {
    const url = new URL(call.url);
    url.searchParams.set("page", String(to));
    return `<${url.href}>; rel="${rel}"`;
  };
  const links = [
    ...(at > 1 ? [link("prev", at - 1)] : []),
    ...(at < last ? [link("next", at + 1), link("last", last)] : []),
    ...(at > 1 ? [link("first", 1)] : []),
  ];
  return {
    items: all.slice((at - 1) * perPage, at * perPage),
    headers: links.length === 0 ? {} : { link: links.join(", ") },
  };
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
