import { type Credential, presentedCredential } from "./credential.ts";
import { isAuthorization, isAuthorizationResult } from "./responses.ts";
import { refuseUndefinedSubject } from "./token-request.ts";
import { connectorPath, invalidResponse, type Transport } from "./transport.ts";
import type {
  ConnectAuthorization,
  ConnectAuthorizationCompletion,
  ConnectAuthorizationOptions,
  ConnectAuthorizationResult,
  ConnectGrantParams,
  ConnectInstallationOptions,
  ConnectOptions,
} from "./types.ts";

type Signal = Pick<ConnectOptions, "signal">;

export interface Authorizations {
  /**
   * Asks for a user's authorization; the user then opens its `url`. Never repeated where it may have arrived: each one
   * is an authorization of its own. Errors: `ConnectError`, such as `return_url_required`.
   */
  startAuthorization(
    connector: string,
    params: ConnectGrantParams,
    options?: ConnectAuthorizationOptions,
  ): Promise<ConnectAuthorization>;
  /**
   * The last step of an authorization with the binding `finalize`, and the proof that the user who came back is the one
   * who set out: take `verifier` from that user's own session, never from the URL. Never repeated where it may have
   * arrived; `getAuthorizationResult` then tells. Errors: `ConnectError`, such as `binding_mismatch` and `flow_expired`.
   */
  completeAuthorization(
    completion: ConnectAuthorizationCompletion,
    options?: Signal,
  ): Promise<ConnectAuthorizationResult>;
  /**
   * Asks for an installation of a connector in a tenant of its provider; somebody who manages that tenant opens its
   * `url`. `getAuthorizationResult` then tells the `installationId`. Never repeated where it may have arrived.
   */
  startInstallation(connector: string, options?: ConnectInstallationOptions): Promise<ConnectAuthorization>;
  /** How an authorization or installation stands. Errors: `ConnectorNotFoundError` for a verifier that the caller's project has not. */
  getAuthorizationResult(verifier: string, options?: Signal): Promise<ConnectAuthorizationResult>;
}

export interface AuthorizationSettings {
  send: Transport;
  credential: Credential;
  /** Called with the connector's id when its user's tokens changed. */
  onAuthorized: (connectorId: string) => void;
}

export function createAuthorizations({ send, credential, onAuthorized }: AuthorizationSettings): Authorizations {
  async function post(
    path: string,
    body: Record<string, unknown>,
    idempotent: boolean,
    secrets: readonly unknown[],
    signal: AbortSignal | undefined,
  ) {
    return send({
      method: "POST",
      path,
      credential: await presentedCredential(credential),
      body: JSON.stringify(body),
      idempotent,
      signal,
      secrets: secrets.filter((secret) => typeof secret === "string"),
    });
  }

  return {
    async startAuthorization(connector, params, options = {}) {
      refuseUndefinedSubject(params);
      const { subject, installationId, audience, scopes, resources, authorizationDetails } = params;
      const { returnUrl, webhook, prompt, binding, deviceCode, expiresInMs, additionalParams, signal } = options;
      const wanted = { subject, installationId, audience, scopes, resources, authorizationDetails };
      const how = { returnUrl, webhook, prompt, binding, deviceCode, expiresInMs, additionalParams };
      const path = connectorPath("/v1/connect/authorize", connector);
      const body = await post(path, { ...wanted, ...how }, false, [], signal);
      if (!isAuthorization(body)) throw invalidResponse();
      return body;
    },

    async startInstallation(connector, options = {}) {
      const { returnUrl, webhook, tenantId, deviceCode, expiresInMs, signal } = options;
      const how = { returnUrl, webhook, tenantId, deviceCode, expiresInMs };
      const body = await post(connectorPath("/v1/connect/install", connector), how, false, [], signal);
      if (!isAuthorization(body)) throw invalidResponse();
      return body;
    },

    async completeAuthorization({ verifier, connectCode }, { signal } = {}) {
      const secrets = [verifier, connectCode];
      const body = await post("/v1/connect/complete", { verifier, connectCode }, false, secrets, signal);
      if (!isAuthorizationResult(body)) throw invalidResponse();
      if (body.data) onAuthorized(body.data.clientId);
      return body;
    },

    async getAuthorizationResult(verifier, { signal } = {}) {
      // In the body: URLs end up in logs.
      const body = await post("/v1/connect/result", { verifier }, true, [verifier], signal);
      if (!isAuthorizationResult(body)) throw invalidResponse();
      return body;
    },
  };
}
