import type { Endpoint } from "./endpoint.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Route = readonly [method: Method, pattern: string, endpoint: Endpoint];

/** The endpoints of each pattern by method, patterns in the order of the map: the first that fits a path answers. */
export function byPattern(routes: readonly Route[]): Map<string, Map<string, Endpoint>> {
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
export function rawPath(request: Request): string {
  // The platform has parsed and normalised the URL; doing it again would cost more than all of routing.
  return /^[^:]+:\/\/[^/?#]*([^?#]*)/.exec(request.url)?.[1] || "/";
}
