import * as z from "zod/mini";
import { jsonOf } from "../../connectors/connector-row.ts";
import { ApiError } from "../../errors.ts";
import type { Destination, DisabledReason } from "./destination.ts";
import { destinationUrl } from "./destination-url.ts";

/** A destination with all that is stored of it. */
export interface StoredDestination extends Destination {
  /** As it was given; null for a project's environment. */
  givenUrl: string | null;
  /** At the origin of the project's environment; null for a plain URL. */
  path: string | null;
  /** Of a preview. */
  branch: string | null;
  /** Why it was disabled; `disabledReason` also says what keeps it from being served. */
  storedReason: Exclude<DisabledReason, "unlinked">;
  secretsKid: string;
  createdAtMs: number;
  updatedAtMs: number;
}

/** Destinations with the origin that they have now, and whether their link still has their environment. */
export const DESTINATION_QUERY = `SELECT d.id, d.connector_id AS connectorId, d.url AS givenUrl, d.project_id AS projectId,
    d.environment, d.path, d.branch, d.audience, d.events, d.filter, d.ordered, d.lanes, d.retry_schedule AS retrySchedule,
    d.timeout_ms AS timeoutMs, d.max_in_flight AS maxInFlight, d.rate_per_second AS ratePerSecond, d.responder,
    d.disabled_reason AS storedReason, d.secrets_sealed AS secretsSealed, d.secrets_kid AS secretsKid,
    d.secrets_generation AS secretsGeneration, d.revision, d.created_at_ms AS createdAtMs, d.updated_at_ms AS updatedAtMs,
    e.origin, l.environments AS linkedEnvironments
  FROM destinations AS d
  LEFT JOIN environments AS e ON e.project_id = d.project_id AND e.id = d.environment
  LEFT JOIN links AS l ON l.connector_id = d.connector_id AND l.project_id = d.project_id`;

/** A row as `DESTINATION_QUERY` selects it: sets and objects are JSON text. */
export interface DestinationRow
  extends Omit<
    StoredDestination,
    "url" | "disabledReason" | "storedReason" | "events" | "filter" | "ordered" | "retrySchedule" | "responder"
  > {
  events: string | null;
  filter: string | null;
  ordered: number;
  retrySchedule: string;
  responder: number;
  storedReason: string | null;
  origin: string | null;
  linkedEnvironments: string | null;
}

const flag = z.pipe(
  z.number(),
  z.transform((stored) => stored === 1),
);
const Stored = z.object({
  events: z.nullable(jsonOf(z.array(z.string()))),
  filter: z.nullable(
    jsonOf(
      z.object({
        tenants: z.exactOptional(z.array(z.string())),
        equals: z.exactOptional(z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))),
      }),
    ),
  ),
  ordered: flag,
  retrySchedule: jsonOf(z.array(z.number())),
  responder: flag,
  storedReason: z.nullable(z.enum(["operator", "gone"])),
  linkedEnvironments: z.nullable(jsonOf(z.array(z.string()))),
});

/** The typed destination of a row; a row that does not parse was not written by this code → `decryption_failed`. */
export function destinationOfRow({ origin, ...row }: DestinationRow): StoredDestination {
  const parsed = Stored.safeParse(row);
  if (!parsed.success) throw new ApiError("decryption_failed", { reason: `destination row ${row.id} does not parse` });
  const { linkedEnvironments, ...stored } = parsed.data;
  const isLinked = row.environment === null || (linkedEnvironments ?? []).includes(row.environment);
  const { linkedEnvironments: _text, ...columns } = row;
  return {
    ...columns,
    ...stored,
    url: row.givenUrl ?? destinationUrl(origin, row.path, row.branch),
    disabledReason: stored.storedReason ?? (isLinked ? null : "unlinked"),
  };
}
