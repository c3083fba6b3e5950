import * as z from "zod/mini";

const timeMs = z.int();
const count = z.int().check(z.gte(0));

const references = z.record(z.string(), count);
/** The master-key ring and what needs it. */
export const KeyRing = z.looseObject({
  primary: z.string(),
  keys: z.array(
    z.looseObject({
      kid: z.string(),
      configured: z.boolean(),
      primary: z.boolean(),
      references,
      mayBeDropped: z.boolean(),
    }),
  ),
  grantsOfUnknownKey: count,
  deadLettersOfUnknownKey: count,
  underWay: z.nullable(z.looseObject({ until: z.nullable(timeMs) })),
  reseal: z.nullable(
    z.looseObject({
      primary: z.string(),
      state: z.enum(["running", "done"]),
      startedAt: timeMs,
      finishedAt: z.nullable(timeMs),
      nextStepAt: z.nullable(timeMs),
      resealed: count,
      missed: count,
      remaining: references,
    }),
  ),
});

export const IssuerKey = z.looseObject({
  kid: z.string(),
  alg: z.string(),
  status: z.string(),
  createdAt: timeMs,
  notBefore: timeMs,
  retiredAt: z.nullable(timeMs),
  publishedUntil: z.nullable(timeMs),
});

export const JwkSet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) });
