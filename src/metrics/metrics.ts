import type { ConnectorType } from "../catalog/connector-types.ts";
import type { ErrorCode } from "../errors.ts";
import type { LimitName } from "../limits/rate-limiter.ts";

/** Where counters go. Recording costs no round trip and never fails. */
export interface Metrics {
  record(point: Point): void;
}

/** Everything that is counted. Ids and closed lists only: nothing that a caller can choose freely, and no secret. */
export type Point = RequestPoint | MintPoint | RevocationPoint;

export type Outcome = "ok" | ErrorCode;

/** One request and its answer. */
export interface RequestPoint {
  kind: "request";
  method: string;
  /** The pattern, never the path. */
  route: string;
  status: number;
  outcome: Outcome;
  caller: string;
  durationMs: number;
  projectId?: string | undefined;
  environment?: string | undefined;
  connectorId?: string | undefined;
  connectorType?: ConnectorType | undefined;
  subjectType?: string | undefined;
  rung?: string | undefined;
  minted?: boolean | undefined;
  leaseLeftMs?: number | undefined;
  limit?: LimitName | undefined;
  /** Of a provider's webhook. */
  verdict?: string | undefined;
  /** Of its payload. */
  bytes?: number | undefined;
}

/** One attempt of a Grant to get a token from its provider. */
export interface MintPoint {
  kind: "mint";
  connectorId: string;
  connectorType: ConnectorType;
  environment: string;
  subjectType: string;
  outcome: Outcome;
  durationMs: number;
}

/** One Grant told to revoke. */
export interface RevocationPoint {
  kind: "revocation";
  connectorId?: string | undefined;
  environment?: string | undefined;
  subjectType?: string | undefined;
  outcome: "ok";
  tokensFound: number;
  providerRevoked: number;
  providerFailed: number;
  providerPending: number;
}
