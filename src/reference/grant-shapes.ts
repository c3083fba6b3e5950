import * as z from "zod/mini";

const timeMs = z.int();

const authorizationState = z.enum(["active", "lost_in_flight", "refused_upstream", "revoked"]);
export const Grant = z.looseObject({
  id: z.string(),
  subject: z.looseObject({
    type: z.string(),
    id: z.optional(z.string()),
    issuer: z.optional(z.string()),
    namespace: z.optional(z.string()),
  }),
  environment: z.nullable(z.string()),
  state: z.nullable(authorizationState),
  createdAt: timeMs,
  seenAt: timeMs,
});

/** The members of an authorization are there once a user has authorized it. */
export const GrantWithAuthorization = z.extend(Grant, {
  authorizationId: z.optional(z.string()),
  scopes: z.optional(z.array(z.string())),
  refreshable: z.optional(z.boolean()),
  authorizedAt: z.optional(timeMs),
  accessTokenExpiresAt: z.optional(z.nullable(timeMs)),
  lastOutcome: z.optional(z.nullable(z.looseObject({ at: timeMs, code: z.string() }))),
  nextAttemptAt: z.optional(z.nullable(timeMs)),
  upstreamRevocation: z.optional(
    z.nullable(
      z.looseObject({
        outcome: z.enum(["pending", "confirmed", "unsupported", "shared", "given_up"]),
        at: z.nullable(timeMs),
      }),
    ),
  ),
});
