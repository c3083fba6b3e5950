import type { Caller } from "../callers/caller.ts";
import type { ConnectorType } from "../catalog/connector-types.ts";
import type { Failure } from "../errors.ts";
import type { LimitName } from "../limits/rate-limiter.ts";
import type { RequestPoint } from "../metrics/metrics.ts";

/** What a handler may add to its request's line and counters. Closed, so that nothing else of a request gets there. */
export interface RequestFacts {
  connectorId?: string;
  connectorUid?: string;
  connectorType?: ConnectorType;
  /** The type only: who the subject is, is nobody's business here. */
  subjectType?: string;
  /** Which rung of the token ladder answered. */
  rung?: "memory" | "kv" | "grant";
  /** Whether a provider was called before the answer. */
  minted?: boolean;
  /** How long the answer may still be handed out to others. */
  leaseLeftMs?: number;
  /** What a provider's webhook was found to be. */
  verdict?: "event" | "unwanted" | "handshake" | "refused" | "misconfigured";
  /** Which of the connector's signing keys matched. */
  matchedId?: string;
  eventId?: string;
  /** As the provider named it; only of verified events. */
  eventType?: string;
  /** Of the payload. */
  bytes?: number;
  /** A limit that shaped an answer which is no refusal. */
  limit?: LimitName;
}

/** All that is known of a request once it is answered. */
export interface AnsweredRequest {
  requestId: string;
  method: string;
  /** Null = no route. */
  pattern: string | null;
  status: number;
  durationMs: number;
  caller: Caller | null;
  failure: Failure | null;
  facts: RequestFacts;
}

/** Fields of the line, in its order; docs/observability.md says what each means. */
export const REQUEST_FIELDS = [
  "requestId",
  "method",
  "route",
  "status",
  "durationMs",
  "caller",
  "callerId",
  "projectId",
  "environment",
  "connectorId",
  "connectorUid",
  "connectorType",
  "subjectType",
  "rung",
  "minted",
  "leaseLeftMs",
  "verdict",
  "matchedId",
  "eventId",
  "eventType",
  "bytes",
  "limit",
  "errorCode",
  "reason",
] as const;

export type RequestEvent = { [Field in (typeof REQUEST_FIELDS)[number]]?: string | number | boolean | undefined };

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** The one line of a request; what does not apply is absent. */
export function requestEvent(request: AnsweredRequest): RequestEvent {
  const { requestId, method, status, durationMs, caller, failure, facts } = request;
  return {
    requestId,
    method: methodName(method),
    route: routeName(request),
    status,
    durationMs,
    caller: caller?.kind ?? "none",
    callerId: accessTokenIdOf(caller),
    projectId: caller?.projectId ?? undefined,
    environment: caller?.environment ?? undefined,
    connectorId: facts.connectorId,
    connectorUid: facts.connectorUid,
    connectorType: facts.connectorType,
    subjectType: facts.subjectType,
    rung: facts.rung,
    minted: facts.minted,
    leaseLeftMs: facts.leaseLeftMs,
    verdict: facts.verdict,
    matchedId: facts.matchedId,
    eventId: facts.eventId,
    eventType: facts.eventType,
    bytes: facts.bytes,
    limit: failure?.limit ?? facts.limit,
    errorCode: failure?.code,
    reason: failure?.reason,
  };
}

/** The access token that was presented, or that a development token was made with. */
function accessTokenIdOf(caller: Caller | null): string | undefined {
  if (caller?.kind === "access-token") return caller.tokenId;
  return caller?.kind === "workload" ? caller.developer?.accessTokenId : undefined;
}

/** Answers are information, refusals a warning, and what is our fault or a provider's an error. */
export function requestLevel(status: number): "info" | "warn" | "error" {
  if (status >= 500) return "error";
  return status >= 400 ? "warn" : "info";
}

/** The same request as it is counted. */
export function requestPoint(request: AnsweredRequest): RequestPoint {
  const { method, status, durationMs, caller, failure, facts } = request;
  return {
    kind: "request",
    method: methodName(method),
    route: routeName(request),
    status,
    outcome: failure?.code ?? "ok",
    caller: caller?.kind ?? "none",
    durationMs,
    projectId: caller?.projectId ?? undefined,
    environment: caller?.environment ?? undefined,
    connectorId: facts.connectorId,
    connectorType: facts.connectorType,
    subjectType: facts.subjectType,
    rung: facts.rung,
    minted: facts.minted,
    leaseLeftMs: facts.leaseLeftMs,
    limit: failure?.limit ?? facts.limit,
    verdict: facts.verdict,
    bytes: facts.bytes,
  };
}

/** Paths carry what callers put there, so only patterns are named. */
function routeName({ pattern }: AnsweredRequest): string {
  return pattern ?? "(none)";
}

/** A method is the caller's choice of text. */
function methodName(method: string): string {
  return METHODS.has(method) ? method : "(other)";
}
