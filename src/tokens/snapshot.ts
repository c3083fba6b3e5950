import * as z from "zod/mini";
import { CONNECTOR_TYPES } from "../catalog/connector-types.ts";
import type { AuthorizationDetail } from "../catalog/driver.ts";
import type { ConnectorSnapshotRow } from "../connectors/snapshot-query.ts";

/**
 * All that the authorization of a token request reads: the connector's public side, this project's link, and
 * the revocation value. It is leased to the edge; it holds no secret.
 */
export interface ConnectorSnapshot {
  teamId: string;
  connector: {
    id: string;
    uid: string;
    type: (typeof CONNECTOR_TYPES)[number];
    name: string;
    /** Incomplete: issues nothing. */
    draft: boolean;
    /** The driver's public configuration. */
    config: unknown;
    configRevision: number;
    region: string | null;
    leaseSeconds: number;
  };
  link: {
    id: string;
    environments: string[];
    /** Null = not narrowed. */
    installations: string[] | null;
    subjects: string[] | null;
    subjectNamespace: string | null;
    scopes: string[] | null;
    /** A ceiling of authorization details. */
    authorizationDetails: AuthorizationDetail[] | null;
  };
  /** Changes whenever connector or link do: what was decided under another version is decided again. */
  version: string;
  /** Latest wide revocation of team, project, connector or link, on the team's logical clock. */
  revokedBeforeMs: number;
}

const strings = z.array(z.string());
const details = z.array(z.looseObject({ type: z.string() }));

/** As it travels through KV; anything else there is as good as absent. */
export const leasedSnapshot = z.object({
  snapshot: z.object({
    teamId: z.string(),
    connector: z.object({
      id: z.string(),
      uid: z.string(),
      type: z.enum(CONNECTOR_TYPES),
      name: z.string(),
      draft: z.boolean(),
      config: z.unknown(),
      configRevision: z.number(),
      region: z.nullable(z.string()),
      leaseSeconds: z.number(),
    }),
    link: z.object({
      id: z.string(),
      environments: strings,
      installations: z.nullable(strings),
      subjects: z.nullable(strings),
      subjectNamespace: z.nullable(z.string()),
      scopes: z.nullable(strings),
      authorizationDetails: z.nullable(details),
    }),
    version: z.string(),
    revokedBeforeMs: z.number(),
  }),
  leaseFromMs: z.number(),
  leaseUntilMs: z.number(),
});

/** A database row as a snapshot. */
export function toSnapshot(row: ConnectorSnapshotRow): ConnectorSnapshot {
  const list = (json: string | null): string[] | null => (json === null ? null : strings.parse(JSON.parse(json)));
  return {
    teamId: row.team_id,
    connector: {
      id: row.id,
      uid: row.uid,
      type: z.enum(CONNECTOR_TYPES).parse(row.type),
      name: row.name,
      draft: row.draft === 1,
      config: JSON.parse(row.config),
      configRevision: row.config_revision,
      region: row.region,
      leaseSeconds: row.lease_seconds,
    },
    link: {
      id: row.link_id,
      environments: list(row.environments) ?? [],
      installations: list(row.installations),
      subjects: list(row.subjects),
      subjectNamespace: row.subject_namespace,
      scopes: list(row.scopes),
      authorizationDetails:
        row.authorization_details === null ? null : details.parse(JSON.parse(row.authorization_details)),
    },
    version: `${row.revision}.${row.link_id}.${row.link_updated_at_ms}`,
    revokedBeforeMs: row.revoked_before_ms,
  };
}
