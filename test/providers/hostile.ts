import { inject } from "vitest";

/** Where the hostile provider behaves as `path` says, e.g. `hostile("/status/500")`. See `test/global/hostile-server.ts`. */
export function hostile(path: string, query: Record<string, string> = {}): string {
  const url = new URL(path, inject("hostileOrigin"));
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

/** The same provider under another host name: what a redirect would leak to. */
export function otherHost(path: string, query: Record<string, string> = {}): string {
  const url = new URL(hostile(path, query));
  url.hostname = "localhost";
  return url.href;
}

/** An endpoint that answers with exactly this body. */
export function hostileAnswer(body: string, { status = 200, type = "application/json", key = "" } = {}): string {
  return hostile("/json", { body, status: String(status), type, ...(key === "" ? {} : { key }) });
}

/** How many requests with `?key=` have arrived, on any path and host name. */
export async function requestCount(key: string): Promise<number> {
  const response = await fetch(hostile("/count", { key }));
  return (await response.json<{ count: number }>()).count;
}

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** The last request with `?key=`, as the provider saw it; null if none came. */
export async function lastRequest(key: string): Promise<ReceivedRequest | null> {
  const response = await fetch(hostile("/last", { key }));
  return response.json<ReceivedRequest | null>();
}
