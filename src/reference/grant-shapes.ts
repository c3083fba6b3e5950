import * as z from "zod";

const timeMs = z.int();

const authorizationState = z.enum(["active", "lost_in_flight", "refused_upstream", "revoked"]);
export const Grant = z.looseObject({
  id: z.string(),
  subject: z.looseObject({
    type: z.string(),
    id: z.string().optional(),
    issuer: z.string().optional(),
    namespace: z.string().optional(),
  }),
  environment: z.string().nullable(),
  state: authorizationState.nullable(),
  createdAt: timeMs,
  seenAt: timeMs,
});

/** The members of an authorization are there once a user has authorized it. */
export const GrantWithAuthorization = Grant.extend({
  authorizationId: z.string().optional(),
  scopes: z.array(z.string()).optional(),
  refreshable: z.boolean().optional(),
  authorizedAt: timeMs.optional(),
  accessTokenExpiresAt: timeMs.nullable().optional(),
  lastOutcome: z.looseObject({ at: timeMs, code: z.string() }).nullable().optional(),
  nextAttemptAt: timeMs.nullable().optional(),
  upstreamRevocation: z
    .looseObject({
      outcome: z.enum(["pending", "confirmed", "unsupported", "shared", "given_up"]),
      at: timeMs.nullable(),
    })
    .nullable()
    .optional(),
});
