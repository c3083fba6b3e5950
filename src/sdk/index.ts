export {
  type ConnectClient,
  type ConnectClientOptions,
  createConnectClient,
} from "./client.ts";
export type { Credential } from "./credential.ts";
export {
  completeAuthorization,
  configure,
  deleteTokenCacheEntry,
  getAuthorizationResult,
  getConnectorMetadata,
  getToken,
  getTokenResponse,
  revokeToken,
  startAuthorization,
  startInstallation,
} from "./default-client.ts";
export {
  ConnectError,
  type ConnectErrorDetails,
  ConnectorInstallationRequiredError,
  ConnectorNotFoundError,
  ForbiddenError,
  InvalidRequestError,
  NoValidTokenError,
  RateLimitedError,
  TemporarilyUnavailableError,
  UnauthorizedError,
  UserAuthorizationRequiredError,
} from "./errors.ts";
export type { Sleep } from "./retry.ts";
export type * from "./service-binding.ts";
export type { Fetch } from "./transport.ts";
export type * from "./types.ts";
