import * as z from "zod/mini";
import { ROLES } from "../callers/roles.ts";
import { CONNECTOR_TYPES } from "../catalog/connector-types.ts";
import { BINDINGS } from "../connectors/connector-row.ts";
import { INSTALLATION_STATES } from "../installations/installation.ts";
import { TriggerDestination } from "./trigger-shapes.ts";

/**
 * What answers look like, for the API reference. Handlers do not read these; tests hold every answer to them. Members
 * that are not listed may appear in later versions.
 */

/** Milliseconds since the epoch. */
const timeMs = z.int();
const texts = z.array(z.string());

const Actor = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("user"), id: z.string() }),
  z.looseObject({ type: z.literal("project"), id: z.string(), environment: z.string() }),
]);

const TokenCapabilities = z.looseObject({
  crossInstallation: z.boolean(),
  supportsRefinement: z.boolean(),
  supportsResources: z.optional(z.boolean()),
  scopes: z.optional(texts),
  supportedAuthorizationDetails: z.optional(texts),
  manualCredentialInput: z.optional(z.boolean()),
  requiresReinstallation: z.optional(z.boolean()),
  permissionsUrl: z.optional(z.string()),
});

export const Connector = z.looseObject({
  id: z.string(),
  uid: z.string(),
  name: z.string(),
  displayName: z.string(),
  type: z.enum(CONNECTOR_TYPES),
  typeName: z.string(),
  service: z.string(),
  createdAt: timeMs,
  updatedAt: timeMs,
  supportsIcon: z.enum(["true", "false", "maybe"]),
  supportedSubjectTypes: texts,
  supportsInstallation: z.boolean(),
  supportsRevocation: z.boolean(),
  supportsTriggers: z.boolean(),
  triggers: z.looseObject({ enabled: z.boolean() }),
  triggerDestinations: z.optional(z.array(TriggerDestination)),
  events: z.optional(texts),
  ingressUrl: z.optional(z.string()),
  creationMode: z.enum(["managed", "manual"]),
  managed: z.optional(z.looseObject({})),
  defaultInstallationId: z.optional(z.string()),
  draft: z.optional(z.literal(true)),
  connectionMethod: z.optional(z.string()),
  target: z.optional(z.string()),
  createdBy: z.optional(Actor),
  updatedBy: z.optional(Actor),
  appTokens: z.optional(TokenCapabilities),
  userTokens: z.optional(TokenCapabilities),
  website: z.optional(z.string()),
  devsite: z.optional(z.string()),
  docsite: z.optional(z.string()),
  icon: z.optional(z.string()),
  accentColor: z.optional(z.string()),
  backgroundColor: z.optional(z.string()),
  clientUrl: z.optional(z.nullable(z.string())),
  redirectUri: z.optional(z.string()),
  minimumBinding: z.enum(BINDINGS),
  leaseSeconds: z.int(),
  region: z.optional(z.string()),
  revision: z.int(),
});

export const ConnectorWithData = z.extend(Connector, { data: z.record(z.string(), z.unknown()) });

export const Link = z.looseObject({
  connectorId: z.string(),
  enabledEnvironments: texts,
  environments: texts,
  project: z.looseObject({
    id: z.string(),
    name: z.string(),
    customEnvironments: z.optional(z.array(z.looseObject({ id: z.string(), slug: z.string() }))),
  }),
  installations: z.optional(texts),
  subjects: z.optional(texts),
  subjectNamespace: z.optional(z.string()),
  scopes: z.optional(texts),
  authorizationDetails: z.optional(z.array(z.looseObject({ type: z.string() }))),
  returnOrigins: texts,
  webhookOrigins: texts,
  createdAt: timeMs,
  updatedAt: timeMs,
});

export const Installation = z.looseObject({
  id: z.string(),
  connectorId: z.string(),
  tenantId: z.string(),
  externalId: z.string(),
  name: z.nullable(z.string()),
  state: z.enum(INSTALLATION_STATES),
  default: z.boolean(),
  data: z.record(z.string(), z.unknown()),
  createdAt: timeMs,
  updatedAt: timeMs,
  changedAt: z.nullable(timeMs),
});

export const Team = z.looseObject({ id: z.string(), name: z.string(), createdAt: timeMs });

export const AccessToken = z.looseObject({
  id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  projectId: z.nullable(z.string()),
  environment: z.nullable(z.string()),
  userId: z.nullable(z.string()),
  createdAt: timeMs,
  expiresAt: z.nullable(timeMs),
});

export const Project = z.looseObject({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  createdAt: timeMs,
  updatedAt: timeMs,
});

export const Environment = z.looseObject({
  id: z.string(),
  slug: z.string(),
  origin: z.nullable(z.string()),
  createdAt: timeMs,
  updatedAt: timeMs,
});

export const Issuer = z.looseObject({
  id: z.string(),
  issuer: z.string(),
  audience: z.string(),
  selectorClaim: z.string(),
  algorithms: texts,
  maxTokenAgeSeconds: z.number(),
  oneTimeTokens: z.boolean(),
  jwksUri: z.nullable(z.string()),
  keysFetchedAt: timeMs,
  login: z.nullable(z.looseObject({ clientId: z.string() })),
  createdAt: timeMs,
});

export const IdentityRule = z.looseObject({
  id: z.string(),
  issuer: z.string(),
  environment: z.string(),
  claims: z.record(z.string(), z.unknown()),
});

export const Token = z.looseObject({
  token: z.string(),
  tokenId: z.string(),
  expiresAt: timeMs,
  connector: z.looseObject({ id: z.string(), uid: z.string(), type: z.enum(CONNECTOR_TYPES) }),
  name: z.string(),
  authorizationId: z.string(),
  tokenGroupId: z.string(),
  scopes: texts,
  resources: z.optional(texts),
  authorizationDetails: z.optional(z.array(z.looseObject({ type: z.string() }))),
  metadata: z.optional(z.record(z.string(), z.unknown())),
  externalSubject: z.optional(z.string()),
  claims: z.optional(z.record(z.string(), z.unknown())),
});

const count = z.int().check(z.gte(0));
export const Revocation = z.looseObject({
  tokensFound: count,
  deleted: count,
  providerRevoked: count,
  providerSkipped: count,
  providerFailed: count,
  providerPending: count,
  local: z.literal("revoked"),
  upstream: z.enum(["pending", "done", "unsupported"]),
  effectiveBy: timeMs,
  progress: z.optional(z.looseObject({ grantsTold: count })),
});

export const StartedAuthorization = z.looseObject({
  request: z.string(),
  verifier: z.string(),
  url: z.string(),
  expiresAt: timeMs,
  connector: z.looseObject({
    id: z.string(),
    uid: z.string(),
    type: z.enum(CONNECTOR_TYPES),
    name: z.string(),
    service: z.optional(z.string()),
    serviceName: z.optional(z.string()),
  }),
});

/**
 * `data` comes with `success`, `error` with the other ends. `partial` is of registrations: the connector exists, and is
 * to be installed; `data` stays whatever comes of that.
 */
export const AuthorizationResult = z.looseObject({
  status: z.enum(["pending", "partial", "success", "canceled", "error", "expired"]),
  data: z.optional(z.looseObject({ clientId: z.string(), installationId: z.optional(z.string()) })),
  error: z.optional(
    z.looseObject({
      code: z.string(),
      message: z.string(),
      vendor: z.optional(z.looseObject({ error: z.string() })),
    }),
  ),
});

export const ErrorAnswer = z.looseObject({
  error: z.looseObject({
    code: z.string(),
    message: z.string(),
    request_id: z.string(),
    vendor: z.optional(
      z.looseObject({
        error: z.optional(z.string()),
        error_description: z.optional(z.string()),
        status: z.optional(z.int()),
      }),
    ),
    registerUrl: z.optional(z.string()),
  }),
});
