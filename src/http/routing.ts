import { TrieRouter } from "hono/router/trie-router";
import { tryDecode } from "hono/utils/url";
import type { Endpoint } from "./endpoint.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Route = readonly [method: Method, pattern: string, endpoint: Endpoint];

export interface Match {
  /** Null = no route. */
  pattern: string | null;
  /** By method. */
  endpoints: ReadonlyMap<string, Endpoint>;
  params: Record<string, string>;
}

const NOWHERE: Pick<Match, "pattern" | "endpoints"> = { pattern: null, endpoints: new Map() };

/** Finds what answers a URL: the first pattern of the map that fits its path. */
export function createRouter(routes: readonly Route[]): (url: string) => Match {
  const router = new TrieRouter<Pick<Match, "pattern" | "endpoints">>();
  for (const [pattern, endpoints] of byPattern(routes)) router.add("ALL", pattern, { pattern, endpoints });
  return (url) => {
    const [[found, sent] = [NOWHERE, {}]] = router.match("ALL", rawPath(url))[0];
    const params: Record<string, string> = {};
    for (const [name, value] of Object.entries(sent)) params[name] = tryDecode(String(value), decodeURIComponent);
    return { ...found, params };
  };
}

/** The endpoints of each pattern by method, patterns in the order of the map. */
function byPattern(routes: readonly Route[]): Map<string, Map<string, Endpoint>> {
  const patterns = new Map<string, Map<string, Endpoint>>();
  for (const [method, pattern, endpoint] of routes) {
    const methods = patterns.get(pattern) ?? new Map<string, Endpoint>();
    methods.set(method, endpoint);
    patterns.set(pattern, methods);
  }
  return patterns;
}

/** For the `Allow` header. */
export function allowedMethods(methods: ReadonlyMap<string, Endpoint>): string {
  const names = [...methods.keys(), "OPTIONS"];
  return (methods.has("GET") ? ["HEAD", ...names] : names).join(", ");
}

/**
 * The path as it was sent. Parameters are decoded once, after the split at "/", so that `slack%2Facme` is one segment
 * and `slack%252Facme` is not another spelling of it.
 */
function rawPath(url: string): string {
  // The platform has parsed and normalised the URL; doing it again would cost more than all of routing.
  return /^[^:]+:\/\/[^/?#]*([^?#]*)/.exec(url)?.[1] || "/";
}
