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

export interface ProviderState {
  /** One of the hostile behaviours, e.g. `status/500`, or "" to behave. */
  mode: string;
  delayMs: number;
  /** Seconds. */
  expiresIn: number;
  /** Any will do while it is empty. */
  clientSecret: string;
  issued: string[];
  revoked: string[];
  /** Requests that the delay is holding back. */
  waiting: number;
}

/** A provider of its own by that name: real metadata, unique tokens, and whatever fault it is told to have. */
export function provider(name: string) {
  const at = (action: string) => hostile(`/provider/${name}/${action}`);
  return {
    issuer: hostile(`/provider/${name}`),
    tokenEndpoint: at("token"),
    revocationEndpoint: at("revoke"),
    async state(): Promise<ProviderState> {
      return (await fetch(at("state"))).json<ProviderState>();
    },
    async control(change: Partial<ProviderState>): Promise<void> {
      await (await fetch(at("control"), { method: "POST", body: JSON.stringify(change) })).text();
    },
  };
}
