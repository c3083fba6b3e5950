import { type ConnectClient, type ConnectClientOptions, createConnectClient } from "./client.ts";
import { ConnectError } from "./errors.ts";
import { isObject } from "./json.ts";
import type {
  ConnectAuthorization,
  ConnectAuthorizationCompletion,
  ConnectAuthorizationOptions,
  ConnectAuthorizationResult,
  ConnectGrantParams,
  ConnectInstallationOptions,
  ConnectOptions,
  ConnectorMetadata,
  ConnectRevocation,
  ConnectRevocationParams,
  ConnectTokenParams,
  ConnectTokenResponse,
} from "./types.ts";

let client: ConnectClient | undefined;

/**
 * Sets up the client behind the module's functions. What is left out comes from the environment: `VALETKEY_URL`, and
 * `VALETKEY_TOKEN`, which is read again for each request so that a rotated one counts. A second call starts afresh.
 */
export function configure(options: Partial<ConnectClientOptions> = {}): void {
  client = withEnvironment(options);
}

/** See `ConnectClient.getToken`. */
export async function getToken(
  connector: string,
  params?: ConnectTokenParams,
  options?: ConnectOptions,
): Promise<string> {
  return defaultClient().getToken(connector, params, options);
}

/** See `ConnectClient.getTokenResponse`. */
export async function getTokenResponse(
  connector: string,
  params?: ConnectTokenParams,
  options?: ConnectOptions,
): Promise<ConnectTokenResponse> {
  return defaultClient().getTokenResponse(connector, params, options);
}

/** See `ConnectClient.revokeToken`. */
export async function revokeToken(
  connector: string,
  params: ConnectRevocationParams,
  options?: Pick<ConnectOptions, "signal">,
): Promise<ConnectRevocation> {
  return defaultClient().revokeToken(connector, params, options);
}

/** See `ConnectClient.deleteTokenCacheEntry`. */
export function deleteTokenCacheEntry(connector: string, params?: ConnectTokenParams): void {
  // Before the first request there is nothing to forget, and perhaps no configuration yet.
  client?.deleteTokenCacheEntry(connector, params);
}

/** See `ConnectClient.getConnectorMetadata`. */
export async function getConnectorMetadata(
  connector: string,
  options?: Pick<ConnectOptions, "signal">,
): Promise<ConnectorMetadata> {
  return defaultClient().getConnectorMetadata(connector, options);
}

/** See `ConnectClient.startAuthorization`. */
export async function startAuthorization(
  connector: string,
  params: ConnectGrantParams,
  options?: ConnectAuthorizationOptions,
): Promise<ConnectAuthorization> {
  return defaultClient().startAuthorization(connector, params, options);
}

/** See `ConnectClient.startInstallation`. */
export async function startInstallation(
  connector: string,
  options?: ConnectInstallationOptions,
): Promise<ConnectAuthorization> {
  return defaultClient().startInstallation(connector, options);
}

/** See `ConnectClient.completeAuthorization`. */
export async function completeAuthorization(
  completion: ConnectAuthorizationCompletion,
  options?: Pick<ConnectOptions, "signal">,
): Promise<ConnectAuthorizationResult> {
  return defaultClient().completeAuthorization(completion, options);
}

/** See `ConnectClient.getAuthorizationResult`. */
export async function getAuthorizationResult(
  verifier: string,
  options?: Pick<ConnectOptions, "signal">,
): Promise<ConnectAuthorizationResult> {
  return defaultClient().getAuthorizationResult(verifier, options);
}

function defaultClient(): ConnectClient {
  client ??= withEnvironment({});
  return client;
}

function withEnvironment(options: Partial<ConnectClientOptions>): ConnectClient {
  return createConnectClient({
    ...options,
    baseUrl: options.baseUrl ?? fromEnvironment("VALETKEY_URL"),
    credential: options.credential ?? (() => fromEnvironment("VALETKEY_TOKEN")),
  });
}

function fromEnvironment(name: string): string {
  const process: unknown = Reflect.get(globalThis, "process");
  const value = isObject(process) && isObject(process.env) ? process.env[name] : undefined;
  if (typeof value === "string" && value !== "") return value;
  throw new ConnectError(`${name} is not set. Set it, or call configure().`, { code: "invalid_configuration" });
}
