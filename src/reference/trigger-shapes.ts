import * as z from "zod/mini";

const timeMs = z.int();
const count = z.int().check(z.gte(0));
const texts = z.array(z.string());

const ShownSecret = z.looseObject({ id: z.string(), addedAt: timeMs, expiresAt: z.optional(timeMs) });

/** What a connector receives from its provider. `provider` or `recipe`, once one is chosen. */
export const Trigger = z.looseObject({
  enabled: z.boolean(),
  ingressUrl: z.string(),
  provider: z.optional(z.string()),
  recipe: z.optional(z.record(z.string(), z.unknown())),
  settings: z.optional(z.record(z.string(), z.unknown())),
  secrets: z.array(ShownSecret),
  pendingVerification: z.boolean(),
  verificationToken: z.optional(z.string()),
  events: z.nullable(texts),
  maxBodyBytes: count,
  journal: z.boolean(),
  payloadDays: count,
  createdAt: timeMs,
  updatedAt: timeMs,
  revision: z.int(),
});

/** A project's production, a branch of its preview, or a custom environment. */
export const TriggerDestination = z.looseObject({
  projectId: z.string(),
  path: z.optional(z.string()),
  branch: z.optional(z.string()),
  customEnvironmentId: z.optional(z.string()),
});

/** `url` is where events go now; null = the environment's origin is not configured. */
export const Destination = z.looseObject({
  id: z.string(),
  connectorId: z.string(),
  url: z.nullable(z.string()),
  projectId: z.optional(z.string()),
  environment: z.optional(z.string()),
  path: z.optional(z.string()),
  branch: z.optional(z.string()),
  audience: z.string(),
  events: z.nullable(texts),
  filter: z.nullable(
    z.looseObject({ tenants: z.optional(texts), equals: z.optional(z.record(z.string(), z.unknown())) }),
  ),
  ordered: z.boolean(),
  lanes: count,
  retrySchedule: z.array(count),
  timeoutMs: count,
  maxInFlight: count,
  ratePerSecond: z.nullable(count),
  responder: z.boolean(),
  enabled: z.boolean(),
  disabledReason: z.optional(z.enum(["operator", "gone", "unlinked"])),
  createdAt: timeMs,
  updatedAt: timeMs,
  revision: z.int(),
});

export const DestinationWithSecrets = z.extend(Destination, { secrets: z.array(ShownSecret) });

/** `lane`: how its lanes stand, all together; null = one of them does not answer. */
export const DestinationWithLane = z.extend(DestinationWithSecrets, {
  lane: z.nullable(
    z.looseObject({
      state: z.enum(["closed", "half_open", "open"]),
      queued: count,
      inFlight: count,
      nextAttemptAt: z.nullable(timeMs),
    }),
  ),
});

/** The signing secret is shown here and never again. */
export const NewDestination = z.extend(Destination, { signingSecret: z.string() });

export const RotatedSecret = z.extend(ShownSecret, { signingSecret: z.string(), secrets: z.array(ShownSecret) });

export const Event = z.looseObject({
  id: z.string(),
  connectorId: z.string(),
  type: z.nullable(z.string()),
  tenants: texts,
  installationId: z.optional(z.string()),
  state: z.enum(["recorded", "dispatched", "unrouted"]),
  receivedAt: timeMs,
  sentAt: z.nullable(timeMs),
  contentType: z.nullable(z.string()),
  size: count,
  duplicates: count,
  suspectedReplayOf: z.optional(z.string()),
  hasPayload: z.boolean(),
});

/** `payload`: with its texts masked, or as it came: `{"encoding":"utf8"|"base64","data"}`. */
export const EventWithPayload = z.extend(Event, {
  headers: z.record(z.string(), z.string()),
  bodySha256: z.string(),
  payload: z.unknown(),
});

export const Delivery = z.looseObject({
  id: z.string(),
  eventId: z.string(),
  connectorId: z.string(),
  destinationId: z.string(),
  series: count,
  state: z.enum(["pending", "delivered", "dead", "canceled"]),
  endedBecause: z.nullable(z.string()),
  attemptCount: count,
  nextAttemptAt: z.nullable(timeMs),
  createdAt: timeMs,
  updatedAt: timeMs,
});

export const DeliveryWithAttempts = z.extend(Delivery, {
  attempts: z.array(
    z.looseObject({
      id: z.string(),
      startedAt: timeMs,
      durationMs: z.number(),
      status: z.nullable(z.int()),
      outcome: z.string(),
      response: z.nullable(z.string()),
    }),
  ),
});

export const Replay = z.looseObject({
  id: z.string(),
  state: z.enum(["running", "done", "canceled"]),
  connectorId: z.nullable(z.string()),
  destinationId: z.nullable(z.string()),
  states: texts,
  since: z.nullable(timeMs),
  until: z.nullable(timeMs),
  made: count,
  createdAt: timeMs,
  updatedAt: timeMs,
});

export const DeadLetter = z.looseObject({
  id: z.string(),
  connectorId: z.nullable(z.string()),
  eventId: z.nullable(z.string()),
  reason: z.string(),
  createdAt: timeMs,
});
