/** What a destination receives. All that is set must hold. */
export interface EventFilter {
  /** The provider's ids of tenants, or ours of installations; an event about any other tenant, too, is not sent. */
  tenants?: string[];
  /** JSON Pointer into the body → the value that must stand there. */
  equals?: Record<string, string | number | boolean | null>;
}

/**
 * Why nothing is sent to a destination; null = it is active. `unlinked`: the connector's link to its project does not
 * have its environment any more.
 */
export type DisabledReason = "operator" | "gone" | "unlinked" | null;

/** One destination as the fan-out and its lanes need it. */
export interface Destination {
  /** `dst_…` */
  id: string;
  connectorId: string;
  /** Null = a plain URL. */
  projectId: string | null;
  environment: string | null;
  /**
   * Where events are sent now: the given URL, or the origin of the project's environment and the path. Null = that
   * origin is not configured any more.
   */
  url: string | null;
  /** The `aud` of the forward tokens; immutable. */
  audience: string;
  /** Globs over event types; null = all. */
  events: string[] | null;
  filter: EventFilter | null;
  /** One after another, in the order of receipt (per lane); a failing one holds those behind it up. */
  ordered: boolean;
  /** How many lanes share the work, by tenant; 1 unless it is very busy. */
  lanes: number;
  /** Seconds before each further attempt. */
  retrySchedule: number[];
  timeoutMs: number;
  maxInFlight: number;
  /** Deliveries a second; null = no limit. */
  ratePerSecond: number | null;
  /** Answers the provider itself, within 2.2 s. */
  responder: boolean;
  disabledReason: DisabledReason;
  /** The Standard Webhooks secrets (`whsec_…`) as one envelope; see destination-secrets.ts. */
  secretsSealed: string;
  secretsGeneration: number;
  revision: number;
}

/** What deliveries say of the connector that they come from. */
export interface ForwardedConnector {
  id: string;
  uid: string;
  type: string;
  service: string;
  region: string | null;
}
