import type {
  ConnectAuthorization,
  ConnectAuthorizationCompletion,
  ConnectAuthorizationOptions,
  ConnectAuthorizationResult,
  ConnectGrantParams,
  ConnectInstallationOptions,
  ConnectorMetadata,
  ConnectRevocation,
  ConnectRevocationParams,
  ConnectTokenParams,
  ConnectTokenResponse,
} from "./types.ts";

/**
 * What `env.CONNECT` is in a Worker of the deployment's own account, bound to the entrypoint `Connect`. Whose tokens it
 * gets is said by the binding's `props`; there is no credential, and nothing in the Worker can ask for another project.
 * Failures are errors with own properties `code`, `status`, `requestId`, `vendor?` and `retryAfterMs?`, those of a
 * `ConnectError`; they are no instances of it, since classes do not survive RPC.
 */
export interface ConnectBinding {
  /** The provider token. */
  getToken(connector: string, params?: ConnectTokenParams): Promise<string>;
  /** The provider token with all that is known of it. Nothing is kept on this side; the deployment's caches are near. */
  getTokenResponse(connector: string, params?: ConnectTokenParams): Promise<ConnectTokenResponse>;
  /** Revokes the tokens of a subject. `{}` would be every token of the connector, which no binding may revoke. */
  revokeToken(connector: string, params: ConnectRevocationParams): Promise<ConnectRevocation>;
  /** Public facts of a connector that is linked to the binding's project. */
  getConnectorMetadata(connector: string): Promise<ConnectorMetadata>;
  /** Asks for a user's authorization; the user then opens its `url`. */
  startAuthorization(
    connector: string,
    params: ConnectGrantParams,
    options?: Omit<ConnectAuthorizationOptions, "signal">,
  ): Promise<ConnectAuthorization>;
  /** Asks for an installation; somebody who manages the provider's tenant then opens its `url`. */
  startInstallation(
    connector: string,
    options?: Omit<ConnectInstallationOptions, "signal">,
  ): Promise<ConnectAuthorization>;
  /** The last step where the binding is `finalize`: the verifier comes from the session of the user who came back. */
  completeAuthorization(completion: ConnectAuthorizationCompletion): Promise<ConnectAuthorizationResult>;
  /** How an authorization or installation stands. */
  getAuthorizationResult(verifier: string): Promise<ConnectAuthorizationResult>;
}

/** `props` of the service binding, in the configuration of the Worker that calls. */
export interface ConnectBindingProps {
  /** Id or slug. */
  project: string;
  /** `production`, `preview`, `development` or `env_…`. */
  environment: string;
}
