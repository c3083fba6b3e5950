import { providerCallback } from "./authorize/callback-endpoint.ts";
import { completeAuthorization } from "./authorize/complete-endpoint.ts";
import { loginCallback } from "./authorize/login-callback-endpoint.ts";
import { decideAuthorization, showAuthorization } from "./authorize/page-endpoints.ts";
import { getResult, postResult } from "./authorize/result-endpoints.ts";
import { startAuthorization } from "./authorize/start-endpoint.ts";
import { createIdentity, getIdentities, removeIdentity } from "./callers/identity-endpoints.ts";
import { createIssuer, getIssuers, removeIssuer } from "./callers/issuer-endpoints.ts";
import { putIssuerLogin, removeIssuerLogin } from "./callers/issuer-login-endpoints.ts";
import {
  deleteConnector,
  getConnector,
  getConnectorKeys,
  getConnectors,
  patchConnector,
  postConnector,
} from "./connectors/connector-endpoints.ts";
import {
  deleteLink,
  getConnectorLinks,
  getLink,
  getProjectLinks,
  putProjectLink,
} from "./connectors/link-endpoints.ts";
import { getIcon, uploadFile } from "./files/file-endpoints.ts";
import { deleteGrant, getGrant, getGrants } from "./grants/grant-endpoints.ts";
import { health } from "./health/health-endpoint.ts";
import type { Route } from "./http/routing.ts";
import {
  deleteInstallation,
  getInstallation,
  getInstallations,
  postInstallation,
} from "./installations/installation-endpoints.ts";
import { postManagedConnector } from "./installing/managed-endpoint.ts";
import { decideInstallation, showInstallation } from "./installing/page-endpoints.ts";
import { startInstallation } from "./installing/start-endpoint.ts";
import { createWorkloadToken, jwks, openidConfiguration } from "./issuer/issuer-endpoints.ts";
import { createIssuerKey, getIssuerKeys, removeIssuerKey } from "./issuer/key-endpoints.ts";
import { getKeys, resealKeys } from "./keys/key-endpoints.ts";
import { getFavicon } from "./pages/favicon-endpoint.ts";
import {
  createEnvironment,
  getEnvironments,
  putEnvironment,
  removeEnvironment,
} from "./projects/environment-endpoints.ts";
import { createProject, getProject, getProjects } from "./projects/project-endpoints.ts";
import { createAccessToken, getAccessTokens, removeAccessToken } from "./team/access-token-endpoints.ts";
import { setup } from "./team/setup-endpoints.ts";
import { getTeam } from "./team/team-endpoints.ts";
import { revokeTokens } from "./tokens/revoke-endpoints.ts";
import { issueToken } from "./tokens/token-endpoints.ts";
import { getDeadLetters, postDeadLetterReplay } from "./triggers/api/dead-letter-endpoints.ts";
import {
  getDeliveries,
  getDelivery,
  postDeliveryCancel,
  postDeliveryReplay,
} from "./triggers/api/delivery-endpoints.ts";
import {
  deleteDestination,
  getDestination,
  getDestinations,
  patchDestination,
  postDestination,
  postDestinationSecret,
  postDestinationTest,
} from "./triggers/api/destination-endpoints.ts";
import { getEvent, getEvents } from "./triggers/api/event-endpoints.ts";
import { deleteReplay, getReplay, getReplays, postReplay } from "./triggers/api/replay-endpoints.ts";
import { getTrigger, putTrigger } from "./triggers/api/trigger-endpoints.ts";
import { patchTypedDestinations } from "./triggers/api/typed-destinations-endpoint.ts";
import { receiveHook } from "./triggers/ingress/hook-endpoint.ts";

/**
 * Every URL but those of the files in public/, which the platform answers by itself. A parameter is one path segment, decoded once: `:p` a project (id or slug), `:c` a connector (id or uid),
 * `:id` whatever stands before it. The first pattern that fits a path answers it.
 */
export const ROUTES: readonly Route[] = [
  ["GET", "/health", health],
  ["GET", "/.well-known/openid-configuration", openidConfiguration],
  ["GET", "/.well-known/jwks.json", jwks],

  // The team
  ["POST", "/v1/setup", setup],
  ["GET", "/v1/team", getTeam],
  ["POST", "/v1/access-tokens", createAccessToken],
  ["GET", "/v1/access-tokens", getAccessTokens],
  ["DELETE", "/v1/access-tokens/:id", removeAccessToken],
  ["GET", "/v1/keys", getKeys],
  ["POST", "/v1/keys/reseal", resealKeys],

  // Projects, and who may ask in their name
  ["POST", "/v1/projects", createProject],
  ["GET", "/v1/projects", getProjects],
  ["GET", "/v1/projects/:p", getProject],
  ["GET", "/v1/projects/:p/environments", getEnvironments],
  ["POST", "/v1/projects/:p/environments", createEnvironment],
  ["PUT", "/v1/projects/:p/environments/:id", putEnvironment],
  ["DELETE", "/v1/projects/:p/environments/:id", removeEnvironment],
  ["POST", "/v1/projects/:p/identities", createIdentity],
  ["GET", "/v1/projects/:p/identities", getIdentities],
  ["DELETE", "/v1/projects/:p/identities/:id", removeIdentity],
  ["POST", "/v1/projects/:p/token", createWorkloadToken],
  ["POST", "/v1/issuers", createIssuer],
  ["GET", "/v1/issuers", getIssuers],
  ["DELETE", "/v1/issuers/:id", removeIssuer],
  ["PUT", "/v1/issuers/:id/login", putIssuerLogin],
  ["DELETE", "/v1/issuers/:id/login", removeIssuerLogin],
  ["POST", "/v1/issuer/keys", createIssuerKey],
  ["GET", "/v1/issuer/keys", getIssuerKeys],
  ["DELETE", "/v1/issuer/keys/:id", removeIssuerKey],

  // Connectors and their links
  ["GET", "/v2/connect/connectors", getConnectors],
  ["POST", "/v1/connect/connectors", postConnector],
  ["POST", "/v1/connect/connectors/managed", postManagedConnector],
  ["GET", "/v1/connect/connectors/:c", getConnector],
  ["PATCH", "/v2/connect/connectors/:c", patchConnector],
  ["DELETE", "/v1/connect/connectors/:c", deleteConnector],
  ["GET", "/v2/connect/connectors/:c/projects", getConnectorLinks],
  ["GET", "/v2/connect/projects/:p/connectors", getProjectLinks],
  ["GET", "/v1/connect/connectors/:c/projects/:p", getLink],
  ["POST", "/v1/connect/connectors/:c/projects/:p", putProjectLink],
  ["DELETE", "/v1/connect/connectors/:c/projects/:p", deleteLink],
  ["GET", "/v1/connectors/:c/jwks.json", getConnectorKeys],

  // Where connectors are installed
  ["GET", "/v1/connect/connectors/:c/installations", getInstallations],
  ["POST", "/v1/connect/connectors/:c/installations", postInstallation],
  ["GET", "/v1/connect/connectors/:c/installations/:id", getInstallation],
  ["DELETE", "/v1/connect/connectors/:c/installations/:id", deleteInstallation],

  // What connectors receive, and where it goes
  ["GET", "/v1/connect/connectors/:c/triggers", getTrigger],
  ["PUT", "/v1/connect/connectors/:c/triggers", putTrigger],
  ["PATCH", "/v1/connect/connectors/:c/trigger-destinations", patchTypedDestinations],
  ["POST", "/v1/connect/connectors/:c/destinations", postDestination],
  ["GET", "/v1/connect/connectors/:c/destinations", getDestinations],
  ["GET", "/v1/connect/connectors/:c/destinations/:id", getDestination],
  ["PATCH", "/v1/connect/connectors/:c/destinations/:id", patchDestination],
  ["DELETE", "/v1/connect/connectors/:c/destinations/:id", deleteDestination],
  ["POST", "/v1/connect/connectors/:c/destinations/:id/secrets", postDestinationSecret],
  ["POST", "/v1/connect/connectors/:c/destinations/:id/test", postDestinationTest],

  // What was received, and what became of it
  ["GET", "/v1/connect/events", getEvents],
  ["GET", "/v1/connect/events/:id", getEvent],
  ["GET", "/v1/connect/deliveries", getDeliveries],
  ["GET", "/v1/connect/deliveries/:id", getDelivery],
  ["POST", "/v1/connect/deliveries/:id/replay", postDeliveryReplay],
  ["POST", "/v1/connect/deliveries/:id/cancel", postDeliveryCancel],
  ["POST", "/v1/connect/replays", postReplay],
  ["GET", "/v1/connect/replays", getReplays],
  ["GET", "/v1/connect/replays/:id", getReplay],
  ["DELETE", "/v1/connect/replays/:id", deleteReplay],
  ["GET", "/v1/connect/dead-letters", getDeadLetters],
  ["POST", "/v1/connect/dead-letters/:id/replay", postDeadLetterReplay],

  // Icons
  ["POST", "/v2/files", uploadFile],
  ["GET", "/icons/:digest", getIcon],
  ["GET", "/favicon.svg", getFavicon],

  // Tokens
  ["POST", "/v1/connect/token/:c", issueToken],
  ["DELETE", "/v1/connect/connectors/:c/tokens", revokeTokens],
  ["GET", "/v1/connect/connectors/:c/grants", getGrants],
  ["GET", "/v1/connect/connectors/:c/grants/:id", getGrant],
  ["DELETE", "/v1/connect/connectors/:c/grants/:id", deleteGrant],

  // Providers' webhooks
  ["POST", "/hooks/:ingressId", receiveHook],
  ["GET", "/hooks/:ingressId", receiveHook],

  // Authorizations: the app asks, the user's browser goes and comes back
  ["POST", "/v1/connect/authorize/:c", startAuthorization],
  ["GET", "/authorize/:id", showAuthorization],
  ["POST", "/authorize/:id", decideAuthorization],
  ["GET", "/callback/:c", providerCallback],
  ["GET", "/login/callback/:id", loginCallback],
  ["POST", "/v1/connect/complete", completeAuthorization],
  ["GET", "/v1/connect/result/:id", getResult],
  ["POST", "/v1/connect/result", postResult],

  // Installations, and registrations before them: an operator's browser goes and comes back
  ["POST", "/v1/connect/install/:c", startInstallation],
  ["GET", "/install/:id", showInstallation],
  ["POST", "/install/:id", decideInstallation],
  ["GET", "/register/:id", showInstallation],
];
