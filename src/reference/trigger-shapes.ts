import * as z from "zod";

const timeMs = z.int();
const count = z.int().min(0);
const texts = z.array(z.string());

const ShownSecret = z.looseObject({ id: z.string(), addedAt: timeMs, expiresAt: timeMs.optional() });

/** What a connector receives from its provider. `provider` or `recipe`, once one is chosen. */
export const Trigger = z.looseObject({
  enabled: z.boolean(),
  ingressUrl: z.string(),
  provider: z.string().optional(),
  recipe: z.record(z.string(), z.unknown()).optional(),
  settings: z.record(z.string(), z.unknown()).optional(),
  secrets: z.array(ShownSecret),
  pendingVerification: z.boolean(),
  events: texts.nullable(),
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
  path: z.string().optional(),
  branch: z.string().optional(),
  customEnvironmentId: z.string().optional(),
});

/** `url` is where events go now; null = the environment's origin is not configured. */
export const Destination = z.looseObject({
  id: z.string(),
  connectorId: z.string(),
  url: z.string().nullable(),
  projectId: z.string().optional(),
  environment: z.string().optional(),
  path: z.string().optional(),
  branch: z.string().optional(),
  audience: z.string(),
  events: texts.nullable(),
  filter: z.looseObject({ tenants: texts.optional(), equals: z.record(z.string(), z.unknown()).optional() }).nullable(),
  ordered: z.boolean(),
  lanes: count,
  retrySchedule: z.array(count),
  timeoutMs: count,
  maxInFlight: count,
  ratePerSecond: count.nullable(),
  responder: z.boolean(),
  enabled: z.boolean(),
  disabledReason: z.enum(["operator", "gone", "unlinked"]).optional(),
  createdAt: timeMs,
  updatedAt: timeMs,
  revision: z.int(),
});

export const DestinationWithSecrets = Destination.extend({ secrets: z.array(ShownSecret) });

/** The signing secret is shown here and never again. */
export const NewDestination = Destination.extend({ signingSecret: z.string() });

export const RotatedSecret = ShownSecret.extend({ signingSecret: z.string(), secrets: z.array(ShownSecret) });

export const Event = z.looseObject({
  id: z.string(),
  connectorId: z.string(),
  type: z.string().nullable(),
  tenants: texts,
  state: z.enum(["recorded", "dispatched", "unrouted"]),
  receivedAt: timeMs,
  sentAt: timeMs.nullable(),
  contentType: z.string().nullable(),
  size: count,
  duplicates: count,
  suspectedReplayOf: z.string().optional(),
  hasPayload: z.boolean(),
});

/** `payload`: with its texts masked, or as it came: `{"encoding":"utf8"|"base64","data"}`. */
export const EventWithPayload = Event.extend({
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
  endedBecause: z.string().nullable(),
  attemptCount: count,
  nextAttemptAt: timeMs.nullable(),
  createdAt: timeMs,
  updatedAt: timeMs,
});

export const DeliveryWithAttempts = Delivery.extend({
  attempts: z.array(
    z.looseObject({
      id: z.string(),
      startedAt: timeMs,
      durationMs: z.number(),
      status: z.int().nullable(),
      outcome: z.string(),
      response: z.string().nullable(),
    }),
  ),
});

export const Replay = z.looseObject({
  id: z.string(),
  state: z.enum(["running", "done", "canceled"]),
  connectorId: z.string().nullable(),
  destinationId: z.string().nullable(),
  states: texts,
  since: timeMs.nullable(),
  until: timeMs.nullable(),
  made: count,
  createdAt: timeMs,
  updatedAt: timeMs,
});

export const DeadLetter = z.looseObject({
  id: z.string(),
  connectorId: z.string().nullable(),
  eventId: z.string().nullable(),
  reason: z.string(),
  createdAt: timeMs,
});
