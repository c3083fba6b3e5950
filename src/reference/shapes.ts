import * as z from "zod";
import { ROLES } from "../callers/roles.ts";
import { CONNECTOR_TYPES } from "../catalog/connector-types.ts";
import { BINDINGS } from "../connectors/connector-row.ts";
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
  supportsResources: z.boolean().optional(),
  scopes: texts.optional(),
  supportedAuthorizationDetails: texts.optional(),
  manualCredentialInput: z.boolean().optional(),
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
  triggerDestinations: z.array(TriggerDestination).optional(),
  events: texts.optional(),
  ingressUrl: z.string().optional(),
  creationMode: z.enum(["managed", "manual"]),
  draft: z.literal(true).optional(),
  connectionMethod: z.string().optional(),
  target: z.string().optional(),
  createdBy: Actor.optional(),
  updatedBy: Actor.optional(),
  appTokens: TokenCapabilities.optional(),
  userTokens: TokenCapabilities.optional(),
  website: z.string().optional(),
  devsite: z.string().optional(),
  docsite: z.string().optional(),
  icon: z.string().optional(),
  accentColor: z.string().optional(),
  backgroundColor: z.string().optional(),
  redirectUri: z.string().optional(),
  minimumBinding: z.enum(BINDINGS),
  leaseSeconds: z.int(),
  region: z.string().optional(),
  revision: z.int(),
});

export const ConnectorWithData = Connector.extend({ data: z.record(z.string(), z.unknown()) });

export const Link = z.looseObject({
  connectorId: z.string(),
  enabledEnvironments: texts,
  environments: texts,
  project: z.looseObject({
    id: z.string(),
    name: z.string(),
    customEnvironments: z.array(z.looseObject({ id: z.string(), slug: z.string() })).optional(),
  }),
  installations: texts.optional(),
  subjects: texts.optional(),
  subjectNamespace: z.string().optional(),
  scopes: texts.optional(),
  returnOrigins: texts,
  webhookOrigins: texts,
  createdAt: timeMs,
  updatedAt: timeMs,
});

export const Team = z.looseObject({ id: z.string(), name: z.string(), createdAt: timeMs });

export const AccessToken = z.looseObject({
  id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  projectId: z.string().nullable(),
  environment: z.string().nullable(),
  userId: z.string().nullable(),
  createdAt: timeMs,
  expiresAt: timeMs.nullable(),
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
  origin: z.string().nullable(),
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
  jwksUri: z.string().nullable(),
  keysFetchedAt: timeMs,
  login: z.looseObject({ clientId: z.string() }).nullable(),
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
  resources: texts.optional(),
  authorizationDetails: z.array(z.looseObject({ type: z.string() })).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  externalSubject: z.string().optional(),
  claims: z.record(z.string(), z.unknown()).optional(),
});

const count = z.int().min(0);
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
  progress: z.looseObject({ grantsTold: count }).optional(),
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
    service: z.string().optional(),
    serviceName: z.string().optional(),
  }),
});

/** `data` comes with `success`, `error` with the other ends. */
export const AuthorizationResult = z.looseObject({
  status: z.enum(["pending", "success", "canceled", "error", "expired"]),
  data: z.looseObject({ clientId: z.string() }).optional(),
  error: z
    .looseObject({
      code: z.string(),
      message: z.string(),
      vendor: z.looseObject({ error: z.string() }).optional(),
    })
    .optional(),
});

const references = z.record(z.string(), count);
/** The master-key ring and what needs it. */
export const KeyRing = z.looseObject({
  primary: z.string(),
  keys: z.array(
    z.looseObject({
      kid: z.string(),
      configured: z.boolean(),
      primary: z.boolean(),
      references,
      mayBeDropped: z.boolean(),
    }),
  ),
  grantsOfUnknownKey: count,
  reseal: z
    .looseObject({
      primary: z.string(),
      state: z.enum(["running", "done"]),
      startedAt: timeMs,
      finishedAt: timeMs.nullable(),
      nextStepAt: timeMs.nullable(),
      resealed: count,
      missed: count,
      remaining: references,
    })
    .nullable(),
});

export const IssuerKey = z.looseObject({
  kid: z.string(),
  alg: z.string(),
  status: z.string(),
  createdAt: timeMs,
  notBefore: timeMs,
  retiredAt: timeMs.nullable(),
  publishedUntil: timeMs.nullable(),
});

export const JwkSet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) });

export const ErrorAnswer = z.looseObject({
  error: z.looseObject({
    code: z.string(),
    message: z.string(),
    request_id: z.string(),
    vendor: z
      .looseObject({
        error: z.string().optional(),
        error_description: z.string().optional(),
        status: z.int().optional(),
      })
      .optional(),
  }),
});
