/** A delivery as a lane is given it. Lanes hold no payloads. */
export interface LaneItem {
  deliveryId: string;
  eventId: string;
  /** 0, or the number of the replay that made the delivery. */
  series: number;
  /** Attempts already made. */
  attemptCount: number;
  /** Not before then. */
  dueAtMs: number;
}

export interface LaneStatus {
  waiting: number;
  inFlight: number;
  breaker: "closed" | "open" | "half_open";
  /** Before then nothing is sent: what waits is not due, the breaker lets nothing through, or it was asked for quiet. */
  nextAtMs: number | null;
}

/** A DestinationLane as its callers see it. */
export interface LaneStub {
  /** Idempotent: an id that the lane holds, or has settled within the last hour, is ignored. Resolves once stored. */
  enqueue(destinationId: string, items: LaneItem[]): Promise<void>;
  /** Gives up waiting deliveries; those in flight end as they end. */
  cancel(deliveryIds: string[]): Promise<void>;
  /** The destination was changed, disabled, enabled or removed: read it anew, and look what is due. */
  refresh(): Promise<void>;
  /** As of now. Whether its destination wants order, a lane knows only once it has something to send. */
  status(ordered?: boolean): Promise<LaneStatus>;
}

/** The one place that makes stubs of lanes: `dst_…` and the number of the lane name the object. */
export interface LaneDirectory {
  lane(destinationId: string, lane: number, region: string | null): LaneStub;
}

/** The name of a lane's object. */
export function laneName(destinationId: string, lane: number): string {
  return `l1:${destinationId}:${lane}`;
}
