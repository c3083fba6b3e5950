/** A verified event as the queue, the journal and the event log carry it. The payload travels beside it. */
export interface EventRecord {
  /** `evt_` and a ULID: sorts by time of receipt. Minted at the ingress, the same in every delivery and every try. */
  id: string;
  connectorId: string;
  /** The provider's type of event, e.g. `pull_request.opened`; null = it named none. */
  type: string | null;
  tenants: string[];
  /** Unique per connector: the provider's id, or the payload's hash where it has none. */
  dedupKey: string;
  /** Whether the provider's signature covers that id. */
  dedupSigned: boolean;
  receivedAtMs: number;
  /** When the provider says that it sent it. */
  sentAtMs: number | null;
  contentType: string | null;
  /** The provider's headers that are forwarded: allow-listed, lower case, without shared secrets. */
  headers: Record<string, string>;
  /** Of the payload in bytes. */
  size: number;
  /** SHA-256 of the payload, base64url. */
  bodySha256: string;
  /** Our id of the installation that it is about, found at fan-out; null or absent = none, or several. */
  installationId?: string | null;
}

/** Where an event's payload lies: sealed either way. */
export type PayloadRef =
  /** Envelope bytes (`sealBytes`), base64url in D1, bytes in a queue message. */
  | { kind: "inline"; sealed: Uint8Array<ArrayBuffer> }
  /** A blob of one or more sealed segments, each of `segmentBytes` of plaintext but the last; see payload-store.ts. */
  | { kind: "blob"; key: string; kid: string; segmentBytes: number }
  /** The payload has been purged, or its connector does not keep payloads. */
  | { kind: "gone" };

/** What the ingress writes durably before it acknowledges. Old messages outlive deploys: a reader checks `v` first. */
export interface IngestMessage {
  v: 1;
  event: EventRecord;
  payload: PayloadRef;
  /** The journal's key, deleted when fan-out has committed; null = the journal is off. */
  journalKey: string | null;
  /** Set when the provider's answer came from a destination: the first attempt of that delivery is over already. */
  responded: { destinationId: string; attempt: Attempt } | null;
  /** The connector leaves such events out: it is read for what it tells of installations, and neither kept nor sent on. */
  newsOnly?: true | undefined;
}

/** One try to deliver. */
export interface Attempt {
  /** `jti` of its forward token. */
  id: string;
  startedAtMs: number;
  durationMs: number;
  /** HTTP status; null = no answer. */
  status: number | null;
  outcome: AttemptOutcome;
  /** What the destination said, capped at 4 KiB; null = nothing, or not kept. */
  response: string | null;
}

/** What may become of an attempt. `rejected`: it was answered, and not with 2xx or 3xx. */
export const ATTEMPT_OUTCOMES = [
  "delivered",
  "rejected",
  "redirect_refused",
  "timeout",
  "network",
  "url_not_allowed",
  "payload_gone",
  "misconfigured",
  "too_many_hops",
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** `pending` until one of the others, which are final but for a replay. */
export type DeliveryState = "pending" | "delivered" | "dead" | "canceled";

/** Why a delivery ended. `gone`: its destination said twice that it does not want anything any more. */
export type Ending =
  | "delivered"
  | "attempts_exhausted"
  | "gone"
  | "destination_removed"
  | "canceled"
  | "permanent_failure";

/** One event at one destination. Its id is a hash of (event, destination, series), so that it is made once. */
export interface Delivery {
  id: string;
  eventId: string;
  connectorId: string;
  destinationId: string;
  /** 0, or the number of the replay that made it. */
  series: number;
  /** Which of the destination's lanes carries it. */
  lane: number;
  state: DeliveryState;
  /** Null while pending. */
  endedBecause: Ending | null;
  attemptCount: number;
  /** The last twelve. */
  attempts: Attempt[];
  nextAttemptAtMs: number | null;
  createdAtMs: number;
  updatedAtMs: number;
}
