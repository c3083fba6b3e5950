import { type Authorizations, createAuthorizations } from "./authorization.ts";
import { type Credential, presentedCredential } from "./credential.ts";
import { isConnectorAnswer, isRevocation } from "./responses.ts";
import { type Sleep, sleepUntilAborted } from "./retry.ts";
import { refuseUndefinedSubject } from "./token-request.ts";
import { createTokenSource } from "./token-source.ts";
import { connectorPath, createTransport, type Fetch, invalidResponse } from "./transport.ts";
import type {
  ConnectOptions,
  ConnectorMetadata,
  ConnectRevocation,
  ConnectRevocationParams,
  ConnectTokenParams,
  ConnectTokenResponse,
} from "./types.ts";

export interface ConnectClientOptions {
  /** Where the deployment is reached, with a path prefix if it has one. https, except on loopback. */
  baseUrl: string;
  credential: Credential;
  /** Tokens kept in memory. Default 100; 0 keeps none. */
  cacheSize?: number;
  /** Tries after the first. Default 2. */
  maxRetries?: number;
  /** The longest wait before a retry; a longer Retry-After is an error at once. Default 10,000. */
  maxRetryDelayMs?: number;
  /** For one try. Default 30,000. */
  timeoutMs?: number;
  /**
   * Callers that want the same token at the same time share one request. Default true, except on Cloudflare
   * Workers, where a promise that belongs to one request never settles for another once that request has ended.
   */
  singleFlight?: boolean;
  fetch?: Fetch;
  now?: () => number;
  sleep?: Sleep;
}

export interface ConnectClient extends Authorizations {
  /** The provider token. Errors: `ConnectError`, or the signal's reason. */
  getToken(connector: string, params?: ConnectTokenParams, options?: ConnectOptions): Promise<string>;
  /**
   * The provider token with all that is known of it, from memory while it outlives the buffer. A revocation made by
   * another process reaches that memory only with `forceRefresh` or `rejectedTokenId`, or when the token ends.
   */
  getTokenResponse(
    connector: string,
    params?: ConnectTokenParams,
    options?: ConnectOptions,
  ): Promise<ConnectTokenResponse>;
  /** Revokes, and forgets the connector's tokens here. `params` is required because `{}` revokes everything. */
  revokeToken(
    connector: string,
    params: ConnectRevocationParams,
    options?: Pick<ConnectOptions, "signal">,
  ): Promise<ConnectRevocation>;
  /** Forgets what `getTokenResponse` would serve for these arguments, for whichever caller. */
  deleteTokenCacheEntry(connector: string, params?: ConnectTokenParams): void;
  /** Public facts of a connector that is linked to the caller's project. */
  getConnectorMetadata(connector: string, options?: Pick<ConnectOptions, "signal">): Promise<ConnectorMetadata>;
}

/**
 * A client of one deployment. Its functions need no `this`.
 * Errors: `ConnectError` with code `invalid_configuration` for a base URL that is not usable.
 */
export function createConnectClient(options: ConnectClientOptions): ConnectClient {
  const now = options.now ?? Date.now;
  const send = createTransport({
    baseUrl: options.baseUrl,
    fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
    now,
    sleep: options.sleep ?? sleepUntilAborted,
    timeoutMs: options.timeoutMs ?? 30_000,
    maxRetries: options.maxRetries ?? 2,
    maxRetryDelayMs: options.maxRetryDelayMs ?? 10_000,
  });
  const tokens = createTokenSource({
    send,
    credential: options.credential,
    now,
    singleFlight: options.singleFlight ?? !isWorkersRuntime(),
    cacheSize: options.cacheSize ?? 100,
  });

  return {
    ...createAuthorizations({
      send,
      credential: options.credential,
      // What was authorized before, perhaps for less, is not what the caller means from here on.
      onAuthorized: (connectorId) => void tokens.forget(connectorId),
    }),

    getTokenResponse: tokens.get,
    getToken: tokens.getToken,

    async revokeToken(connector, params, { signal } = {}) {
      refuseUndefinedSubject(params);
      const { subject, installationId } = params;
      const path = connectorPath("/v1/connect/connectors", connector, "/tokens");
      const credential = await presentedCredential(options.credential);
      const names = tokens.forget(connector);
      try {
        const body = await send({
          method: "DELETE",
          path,
          credential,
          body: JSON.stringify({ subject, installationId }),
          idempotent: false,
          signal,
          secrets: subject?.type === "token" ? [subject.token] : [],
        });
        if (!isRevocation(body)) throw invalidResponse();
        tokens.distrust(names, body.effectiveBy);
        return body;
      } finally {
        // Also after a failure: the revocation may have happened, and tokens may have arrived in between.
        tokens.forget(connector);
      }
    },

    deleteTokenCacheEntry: tokens.forgetEntry,

    async getConnectorMetadata(connector, { signal } = {}) {
      const path = connectorPath("/v1/connect/connectors", connector);
      const credential = await presentedCredential(options.credential);
      const body = await send({ method: "GET", path, credential, idempotent: true, signal });
      if (!isConnectorAnswer(body)) throw invalidResponse();
      const { id, uid, name, type, service, clientUrl, createdAt, updatedAt, data } = body;
      const metadata = { id, uid, name, type, service, createdAt, updatedAt, vendor: data ?? {} };
      return clientUrl == null ? metadata : { ...metadata, clientUrl };
    },
  };
}

function isWorkersRuntime(): boolean {
  return typeof navigator !== "undefined" && navigator.userAgent === "Cloudflare-Workers";
}
