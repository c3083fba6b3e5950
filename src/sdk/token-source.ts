import { type Credential, identityMemory, presentedCredential } from "./credential.ts";
import { ConnectError } from "./errors.ts";
import { Flights } from "./flights.ts";
import { isTokenResponse } from "./responses.ts";
import { TokenCache } from "./token-cache.ts";
import { type TokenRequest, tokenRequest } from "./token-request.ts";
import { connectorPath, invalidResponse, type Transport } from "./transport.ts";
import type { ConnectOptions, ConnectTokenParams, ConnectTokenResponse } from "./types.ts";

export interface TokenSourceSettings {
  send: Transport;
  credential: Credential;
  now: () => number;
  singleFlight: boolean;
  cacheSize: number;
}

export interface TokenSource {
  /** From memory, from a request under way, or from the deployment, in this order. */
  get(connector: string, params?: ConnectTokenParams, options?: ConnectOptions): Promise<ConnectTokenResponse>;
  /** Of the same answer only the token. */
  getToken(connector: string, params?: ConnectTokenParams, options?: ConnectOptions): Promise<string>;
  /** Drops the connector's tokens, those still on their way included. Returns every name the connector is known by. */
  forget(connector: string): Set<string>;
  forgetEntry(connector: string, params?: ConnectTokenParams): void;
  /** Until then (ms since the epoch), tokens of these connectors are kept only if no cache of the deployment gave them. */
  distrust(names: Iterable<string>, untilMs: number): void;
}

export function createTokenSource({
  send,
  credential,
  now,
  singleFlight,
  cacheSize,
}: TokenSourceSettings): TokenSource {
  const cache = new TokenCache(cacheSize);
  const flights = new Flights();
  const callerIdentity = identityMemory();

  function ask(
    key: string,
    request: TokenRequest,
    presented: string,
    { forceRefresh = false, signal }: ConnectOptions,
  ): Promise<ConnectTokenResponse> {
    const noCache = forceRefresh || cache.distrusts([request.connector], now());
    const run = async (flightSignal: AbortSignal) => {
      try {
        return await requestToken(send, request, presented, noCache, flightSignal);
      } catch (error) {
        if (isRefusal(error)) cache.delete(key);
        throw error;
      }
    };
    const keep = (response: ConnectTokenResponse) => {
      const { id, uid } = response.connector;
      if (noCache || !cache.distrusts([id, uid], now())) cache.put(key, request, response, now());
    };
    return flights.start(key, request, { run, keep }, signal);
  }

  async function answer(
    connector: string,
    params: ConnectTokenParams = {},
    options: ConnectOptions = {},
  ): Promise<ConnectTokenResponse> {
    const { forceRefresh, signal } = options;
    signal?.throwIfAborted();
    const request = tokenRequest(connector, params);
    const presented = await presentedCredential(credential);
    const key = JSON.stringify([await callerIdentity(presented), connector, request.paramsKey]);
    signal?.throwIfAborted();
    if (forceRefresh) cache.delete(key);
    return (
      cache.get(key, request, now()) ??
      (singleFlight && !forceRefresh ? flights.join(key, request, signal) : undefined) ??
      ask(key, request, presented, options)
    );
  }

  return {
    // A copy, so that a caller who edits its answer edits nobody else's.
    get: async (connector, params, options) => structuredClone(await answer(connector, params, options)),

    getToken: async (connector, params, options) => (await answer(connector, params, options)).token,

    forget(connector) {
      flights.detach();
      return cache.evict(connector);
    },

    forgetEntry(connector, params = {}) {
      const { paramsKey } = tokenRequest(connector, params);
      flights.detach(paramsKey);
      cache.evict(connector, paramsKey);
    },

    distrust(names, untilMs) {
      cache.distrust(names, untilMs);
    },
  };
}

async function requestToken(
  send: Transport,
  request: TokenRequest,
  credential: string,
  noCache: boolean,
  signal: AbortSignal,
): Promise<ConnectTokenResponse> {
  const body = await send({
    method: "POST",
    path: connectorPath("/v1/connect/token", request.connector),
    credential,
    body: request.body,
    noCache,
    idempotent: true,
    signal,
    secrets: request.secrets,
  });
  if (!isTokenResponse(body)) throw invalidResponse();
  return body;
}

/** The deployment said no (rather than not now), so what it said yes to before is no longer to be relied on. */
function isRefusal(error: unknown): boolean {
  return error instanceof ConnectError && error.status >= 400 && error.status < 500 && error.status !== 429;
}
