import type { Point } from "./metrics.ts";

/** Positions of texts; the first is blob1. Appended to, never reordered: stored points keep the order of their day. */
export const BLOBS = [
  "kind",
  "outcome",
  "connectorId",
  "connectorType",
  "projectId",
  "environment",
  "subjectType",
  "method",
  "route",
  "caller",
  "rung",
  "limit",
  "verdict",
] as const;

/** Positions of numbers; the first is double1. Appended to, never reordered. */
export const DOUBLES = [
  "durationMs",
  "status",
  "minted",
  "leaseLeftMs",
  "tokensFound",
  "providerRevoked",
  "providerFailed",
  "providerPending",
  "bytes",
] as const;

/** Analytics Engine refuses a point whose index is longer (bytes). */
const MAX_INDEX_BYTES = 96;

type Field = (typeof BLOBS)[number] | (typeof DOUBLES)[number];

/**
 * A point as Workers Analytics Engine stores it (https://developers.cloudflare.com/analytics/analytics-engine/).
 * Absent texts are "", absent numbers 0. The index, by which points are sampled, is the connector or else the kind.
 */
export function toDataPoint(point: Point): { indexes: string[]; blobs: string[]; doubles: number[] } {
  const fields: { [Name in Field]?: string | number | boolean | undefined } = point;
  return {
    // Ids are ASCII, so characters are bytes.
    indexes: [(point.connectorId ?? point.kind).slice(0, MAX_INDEX_BYTES)],
    blobs: BLOBS.map((name) => String(fields[name] ?? "")),
    doubles: DOUBLES.map((name) => Number(fields[name] ?? 0)),
  };
}
