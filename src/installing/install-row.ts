import * as z from "zod/mini";
import { INSTALL_STATUSES, type InstallStatus, type Progress } from "../authorize/transitions.ts";
import { CONNECTOR_TYPES } from "../catalog/connector-types.ts";
import type { CreateBody } from "../connectors/connector-fields.ts";
import { type Actor, jsonOf } from "../connectors/connector-row.ts";
import { ApiError, type ErrorCode } from "../errors.ts";

/** A connector that is to be made, as its operator asked for it; checked before it was stored. */
const Registering = z.object({
  type: z.enum(CONNECTOR_TYPES),
  body: z.custom<CreateBody>((value) => typeof value === "object"),
  /** The driver's own. */
  plan: z.record(z.string(), z.unknown()),
  ingressId: z.string(),
  actor: z.custom<Actor | null>((value) => typeof value === "object"),
  autoinstall: z.boolean(),
});
export type Registering = z.output<typeof Registering>;

const Asked = z.object({
  returnUrl: z.nullable(z.string()),
  webhook: z.nullable(z.string()),
  tenantId: z.nullable(z.string()),
  /** Null = the connector exists. */
  registering: z.nullable(Registering),
});

/** An installation that was asked for, and perhaps the registration of its connector before it. */
export interface InstallRequest extends Progress {
  id: string;
  status: InstallStatus;
  /** Of a registration: the id that the connector will have. */
  connectorId: string;
  /** Whose app asked; null = an operator did. */
  projectId: string | null;
  linkId: string | null;
  environment: string | null;
  asked: z.output<typeof Asked>;
  /** Null = whatever it is. */
  configRevision: number | null;
  revokedBeforeMs: number;
  registered: boolean;
  installationId: string | null;
  errorCode: ErrorCode | null;
  providerError: string | null;
  secretsSealed: string | null;
  secretsGeneration: number;
  createdAtMs: number;
  webhookDueAtMs: number | null;
  webhookTries: number;
}

export const INSTALL_COLUMNS = `r.id, r.connector_id AS connectorId, r.project_id AS projectId, r.link_id AS linkId,
  r.environment, r.request AS asked, r.config_revision AS configRevision, r.revoked_before_ms AS revokedBeforeMs,
  r.status, r.registered, r.installation_id AS installationId, r.error_code AS errorCode,
  r.provider_error AS providerError, r.browser_hash AS browserHash, r.secrets_sealed AS secretsSealed,
  r.secrets_generation AS secretsGeneration, r.created_at_ms AS createdAtMs, r.expires_at_ms AS expiresAtMs,
  r.leg_expires_at_ms AS legExpiresAtMs, r.finished_at_ms AS finishedAtMs, r.webhook_due_at_ms AS webhookDueAtMs,
  r.webhook_tries AS webhookTries`;

/** A row as `INSTALL_COLUMNS` selects it. */
export type InstallRow = Omit<InstallRequest, "asked" | "registered"> & { asked: string; registered: number };

const Stored = z.object({ asked: jsonOf(Asked), status: z.enum(INSTALL_STATUSES) });

/** The typed request of a row; a row that does not parse was not written by this code → `decryption_failed`. */
export function installOfRow(row: InstallRow): InstallRequest {
  const stored = Stored.safeParse(row);
  if (!stored.success) throw new ApiError("decryption_failed", { reason: `install row ${row.id} does not parse` });
  return { ...row, ...stored.data, registered: row.registered === 1 };
}
