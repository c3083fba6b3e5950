import { z } from "zod";
import type { Answer } from "./http.ts";

const timeMs = z.number().int().min(1_700_000_000_000);

/** The token response of the contract, and nothing beside it. */
export const tokenResponse = z.strictObject({
  token: z.string().min(1),
  tokenId: z.string().startsWith("stk_"),
  expiresAt: timeMs,
  connector: z.strictObject({ id: z.string().startsWith("scl_"), uid: z.string(), type: z.string() }),
  name: z.string().optional(),
  installationId: z.string().optional(),
  tenantId: z.string().optional(),
  externalSubject: z.string().optional(),
  authorizationId: z.string().optional(),
  tokenGroupId: z.string().optional(),
  claims: z.record(z.string(), z.unknown()).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  scopes: z.array(z.string()),
  resources: z.array(z.string()).optional(),
  authorizationDetails: z.array(z.looseObject({ type: z.string() })).optional(),
});

const count = z.number().int().min(0);

export const revocation = z.strictObject({
  tokensFound: count,
  deleted: count,
  providerRevoked: count,
  providerSkipped: count,
  providerFailed: count,
  providerPending: count,
  local: z.literal("revoked"),
  upstream: z.enum(["pending", "done", "unsupported"]),
  effectiveBy: timeMs,
  progress: z.unknown().optional(),
});

/** Every error answer: a code, a sentence, the request to quote. */
export const errorAnswer = z.strictObject({
  error: z.strictObject({
    code: z.string().regex(/^[a-z_]+$/),
    message: z.string().min(10),
    request_id: z.string().startsWith("req_"),
    vendor: z
      .strictObject({
        error: z.string().optional(),
        error_description: z.string().optional(),
        status: z.number().optional(),
      })
      .optional(),
  }),
});

/** Status and code of a refusal, which has to have the shape of all refusals. */
export function refusal({ status, body }: Answer): { status: number; code: string; message: string } {
  const { code, message } = errorAnswer.parse(body).error;
  return { status, code, message };
}
