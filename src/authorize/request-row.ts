import * as z from "zod/mini";
import { BINDINGS, type Binding, jsonOf } from "../connectors/connector-row.ts";
import { ApiError, type ErrorCode } from "../errors.ts";
import type { GrantIdentity } from "../grants/protocol.ts";
import { type Progress, REQUEST_STATUSES, type RequestStatus } from "./transitions.ts";

const texts = z.array(z.string());

/** What was asked for and decided at the start. It holds no secret. */
const Asked = z.object({
  identity: z.object({
    connectorId: z.string(),
    installationId: z.nullable(z.string()),
    subject: z.object({
      type: z.literal("user"),
      namespace: z.nullable(z.string()),
      issuer: z.nullable(z.string()),
      id: z.string(),
    }),
    partition: z.string(),
  }),
  group: z.object({
    scopes: texts,
    resources: texts,
    audience: texts,
    authorizationDetails: z.array(z.looseObject({ type: z.string() })),
  }),
  returnUrl: z.nullable(z.string()),
  webhook: z.nullable(z.string()),
  prompt: z.nullable(z.string()),
  additionalParams: z.record(z.string(), z.string()),
});
export type Asked = z.output<typeof Asked>;
/** The identity of a user's grant. */
export type UserIdentity = Asked["identity"] & GrantIdentity;

/** One authorization that was asked for. */
export interface AuthorizationRequest extends Progress {
  /** Orders the authorizations of one grant. */
  ordinal: number;
  id: string;
  connectorId: string;
  projectId: string;
  linkId: string;
  environment: string;
  grantName: string;
  status: RequestStatus;
  asked: Asked;
  configRevision: number;
  revokedBeforeMs: number;
  binding: Binding;
  errorCode: ErrorCode | null;
  providerError: string | null;
  /** SHA-256 of the `state` at the provider; set when the browser may go there. */
  stateHash: string | null;
  connectCodeHash: string | null;
  connectCodeMisses: number;
  secretsSealed: string | null;
  secretsGeneration: number;
  createdAtMs: number;
  webhookDueAtMs: number | null;
  webhookTries: number;
}

export const REQUEST_COLUMNS = `r.ordinal, r.id, r.connector_id AS connectorId, r.project_id AS projectId,
  r.link_id AS linkId, r.environment, r.grant_name AS grantName, r.request AS asked,
  r.config_revision AS configRevision, r.revoked_before_ms AS revokedBeforeMs, r.binding, r.status,
  r.error_code AS errorCode, r.provider_error AS providerError, r.browser_hash AS browserHash,
  r.state_hash AS stateHash, r.connect_code_hash AS connectCodeHash, r.connect_code_misses AS connectCodeMisses,
  r.secrets_sealed AS secretsSealed, r.secrets_generation AS secretsGeneration, r.created_at_ms AS createdAtMs,
  r.expires_at_ms AS expiresAtMs, r.leg_expires_at_ms AS legExpiresAtMs, r.finished_at_ms AS finishedAtMs,
  r.webhook_due_at_ms AS webhookDueAtMs, r.webhook_tries AS webhookTries`;

/** A row as `REQUEST_COLUMNS` selects it. */
export interface RequestRow extends Omit<AuthorizationRequest, "asked" | "binding" | "status" | "errorCode"> {
  asked: string;
  binding: string;
  status: string;
  errorCode: string | null;
}

const Stored = z.object({
  asked: jsonOf(Asked),
  binding: z.enum(BINDINGS),
  status: z.enum(REQUEST_STATUSES),
  // The union is closed for what this code writes; an older version may have known a code that is no more.
  errorCode: z.nullable(z.custom<ErrorCode>((value) => typeof value === "string")),
});

/** The typed request of a row; a row that does not parse was not written by this code → `decryption_failed`. */
export function requestOfRow(row: RequestRow): AuthorizationRequest {
  const stored = Stored.safeParse(row);
  if (!stored.success)
    throw new ApiError("decryption_failed", { reason: `authorization row ${row.id} does not parse` });
  return { ...row, ...stored.data };
}
