import { type ConnectClient, type ConnectClientOptions, createConnectClient } from "../../src/sdk/index.ts";

export const START_MS = 1_800_000_000_000;

export interface Seen {
  method: string;
  url: string;
  headers: Headers;
  body: Record<string, unknown>;
  signal: AbortSignal;
  redirect: RequestInit["redirect"];
}

type Behaviour = (seen: Seen) => Response | Promise<Response>;

/**
 * A deployment that keeps to the contract: one connector `scl_1` = `slack/acme`, a new token per request, revocation,
 * and an authorization that nobody has agreed to yet.
 * `next` answers the coming requests, one each, before it does.
 */
export class Deployment {
  readonly seen: Seen[] = [];
  readonly next: Behaviour[] = [];
  readonly slept: number[] = [];
  nowMs = START_MS;
  lifetimeMs = 3_600_000;
  #issued = 0;

  fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const { method = "GET", body, signal, redirect } = init;
    if (!signal) throw new Error("a request without a signal cannot be stopped");
    signal.throwIfAborted();
    const seen: Seen = {
      method,
      url,
      headers: new Headers(init.headers),
      body: typeof body === "string" ? JSON.parse(body) : {},
      signal,
      redirect,
    };
    this.seen.push(seen);
    const behaviour = this.next.shift() ?? ((request: Seen) => this.answer(request));
    return behaviour(seen);
  };

  answer(seen: Seen): Response {
    if (seen.method === "DELETE") return json(200, this.revocation());
    if (seen.method === "GET") return json(200, CONNECTOR);
    const [, route] = /\/v1\/connect\/(authorize|install|complete|result)\b/.exec(seen.url) ?? [];
    if (route === "authorize" || route === "install")
      return json(200, { ...AUTHORIZATION, expiresAt: this.nowMs + 600_000 });
    if (route === "complete") return json(200, { status: "success", data: { clientId: "scl_1" } });
    if (route === "result") return json(200, { status: "pending" });
    return this.token();
  }

  token(fields: Record<string, unknown> = {}): Response {
    this.#issued += 1;
    return json(200, {
      token: `provider-token-${this.#issued}`,
      tokenId: `stk_${this.#issued}`,
      expiresAt: this.nowMs + this.lifetimeMs,
      connector: { id: "scl_1", uid: "slack/acme", type: "slack" },
      scopes: ["chat:write"],
      ...fields,
    });
  }

  revocation(): Record<string, unknown> {
    return {
      tokensFound: 2,
      deleted: 2,
      providerRevoked: 1,
      providerSkipped: 1,
      providerFailed: 0,
      providerPending: 0,
      local: "revoked",
      upstream: "done",
      effectiveBy: this.nowMs + 60_000,
    };
  }

  get tokenRequests(): number {
    return this.seen.filter(({ url }) => url.includes("/v1/connect/token/")).length;
  }

  client(options: Partial<ConnectClientOptions> = {}): ConnectClient {
    return createConnectClient({
      baseUrl: "https://connect.example.com",
      credential: "vk_secret_credential",
      singleFlight: true,
      fetch: this.fetch,
      now: () => this.nowMs,
      sleep: async (delayMs) => {
        this.slept.push(delayMs);
      },
      ...options,
    });
  }
}

export const AUTHORIZATION = {
  request: "sca_1",
  verifier: "verifier-of-the-user",
  url: "https://connect.example.com/authorize/sca_1",
  connector: { id: "scl_1", uid: "slack/acme", type: "slack", name: "Acme", service: "slack", serviceName: "Slack" },
};

export const CONNECTOR = {
  id: "scl_1",
  uid: "slack/acme",
  name: "acme",
  displayName: "Acme",
  type: "slack",
  service: "slack",
  clientUrl: null,
  createdAt: START_MS,
  updatedAt: START_MS,
  data: { appId: "A1" },
};

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers: { "x-request-id": "req_header", ...headers } });
}

export function failure(status: number, code: string, headers: Record<string, string> = {}): Response {
  return json(status, { error: { code, message: `about ${code}`, request_id: "req_body" } }, headers);
}

/** A door that the test opens. */
export function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}

/** Resolves when the condition holds; the pending promises of the client get their turns in between. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !condition(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
  if (!condition()) throw new Error("waited in vain");
}

/** A JWT with these claims; the signature is decoration. */
export function jwt(claims: Record<string, unknown>): string {
  const part = (value: unknown) =>
    btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  return `${part({ alg: "ES256", kid: String(claims.jti) })}.${part(claims)}.c2ln`;
}

/** The error that a promise ends with; fails the test where it succeeds. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in outcome) return outcome.error;
  throw new Error(`expected a failure, got ${JSON.stringify(outcome.value)}`);
}
