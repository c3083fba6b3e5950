import * as z from "zod/mini";
import { CONNECTOR_TYPES, type ConnectorType } from "../catalog/connector-types.ts";
import { ApiError } from "../errors.ts";
import type { LeaseSettings } from "./lease-change.ts";

export const BINDINGS = ["confirm", "finalize", "login"] as const;
export type Binding = (typeof BINDINGS)[number];

const CREATION_MODES = ["manual", "managed"] as const;

const Branding = z.object({
  backgroundColor: z.optional(z.string()),
  accentColor: z.optional(z.string()),
  /** SHA-1 of an uploaded icon. */
  icon: z.optional(z.string()),
});
export type Branding = z.infer<typeof Branding>;

const Actor = z.union([
  z.object({ type: z.literal("user"), id: z.string() }),
  z.object({ type: z.literal("project"), id: z.string(), environment: z.string() }),
]);
/** Who made a change, where it was a user or a workload; a machine's access token leaves none. */
export type Actor = z.infer<typeof Actor>;

/** A connector as it is stored, its secrets still sealed. */
export interface Connector extends LeaseSettings {
  id: string;
  uid: string;
  name: string;
  type: ConnectorType;
  service: string;
  /** The driver's configuration without its secrets. */
  config: unknown;
  secretsSealed: string | null;
  secretsKid: string | null;
  secretNames: string[];
  secretsGeneration: number;
  revision: number;
  configRevision: number;
  minimumBinding: Binding;
  region: string | null;
  branding: Branding;
  /** Incomplete; issues no token. */
  draft: boolean;
  connectionMethod: string | null;
  target: string | null;
  /** `managed`: registered at the provider through a browser. */
  creationMode: (typeof CREATION_MODES)[number];
  /** Our id of the installation that answers where a request names none; null = none does. */
  defaultInstallationId: string | null;
  createdBy: Actor | null;
  updatedBy: Actor | null;
  createdAtMs: number;
  updatedAtMs: number;
  deletedAtMs: number | null;
}

export const CONNECTOR_COLUMNS = `c.id, c.uid, c.name, c.type, c.service, c.config,
  c.secrets_sealed AS secretsSealed, c.secrets_kid AS secretsKid, c.secret_names AS secretNames,
  c.secrets_generation AS secretsGeneration, c.revision, c.config_revision AS configRevision,
  c.lease_seconds AS leaseSeconds, c.previous_lease_seconds AS previousLeaseSeconds,
  c.lease_changed_at_ms AS leaseChangedAtMs,
  c.minimum_binding AS minimumBinding, c.region, c.branding, c.draft,
  c.connection_method AS connectionMethod, c.target, c.creation_mode AS creationMode,
  c.default_installation_id AS defaultInstallationId, c.created_by AS createdBy, c.updated_by AS updatedBy,
  c.created_at_ms AS createdAtMs, c.updated_at_ms AS updatedAtMs, c.deleted_at_ms AS deletedAtMs`;

/** A row as `CONNECTOR_COLUMNS` selects it. */
export interface ConnectorRow
  extends Omit<
    Connector,
    | "type"
    | "config"
    | "secretNames"
    | "minimumBinding"
    | "branding"
    | "draft"
    | "creationMode"
    | "createdBy"
    | "updatedBy"
  > {
  type: string;
  config: string;
  secretNames: string;
  minimumBinding: string;
  branding: string;
  draft: number;
  creationMode: string;
  createdBy: string | null;
  updatedBy: string | null;
}

const Stored = z.object({
  type: z.enum(CONNECTOR_TYPES),
  config: jsonOf(z.unknown()),
  secretNames: jsonOf(z.array(z.string())),
  minimumBinding: z.enum(BINDINGS),
  branding: jsonOf(Branding),
  draft: z.pipe(
    z.number(),
    z.transform((stored) => stored === 1),
  ),
  creationMode: z.enum(CREATION_MODES),
  createdBy: z.nullable(jsonOf(Actor)),
  updatedBy: z.nullable(jsonOf(Actor)),
});

/** The typed connector of a row; a row that does not parse was not written by this code → `decryption_failed`. */
export function connectorOfRow(row: ConnectorRow): Connector {
  const stored = Stored.safeParse(row);
  if (!stored.success) throw new ApiError("decryption_failed", { reason: `connector row ${row.id} does not parse` });
  return { ...row, ...stored.data };
}

/** JSON text that holds `schema`. */
export function jsonOf<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.pipe(
    z.pipe(
      z.string(),
      z.transform((text, context) => {
        try {
          return JSON.parse(text) as unknown;
        } catch {
          context.issues.push({ code: "custom", message: "not JSON", input: text });
          return z.NEVER;
        }
      }),
    ),
    schema,
  );
}
