import * as z from "zod/mini";
import { checkAdditionalParams, checkPrompt } from "../catalog/oauth/authorization-parameters.ts";
import { BINDINGS, type Binding } from "../connectors/connector-row.ts";
import { fail, ok, type Result } from "../errors.ts";
import { tokenRequestBody } from "../tokens/token-request.ts";

const MIN_LIFETIME_MS = 60_000;
const MAX_LIFETIME_MS = 2 * 60 * 60_000;
const DEFAULT_LIFETIME_MS = 10 * 60_000;
const MAX_PARAMETERS = 20;

/** The body of `POST /v1/connect/authorize/{connector}`: a token request's members and how the user comes and goes. */
export const authorizeBody = z.extend(z.omit(tokenRequestBody, { validityBufferMs: true, rejectedTokenId: true }), {
  returnUrl: z.optional(z.string().check(z.minLength(1), z.maxLength(4096))),
  webhook: z.optional(z.string().check(z.minLength(1), z.maxLength(4096))),
  prompt: z.optional(z.string().check(z.minLength(1), z.maxLength(100))),
  binding: z.optional(z.enum(BINDINGS)),
  deviceCode: z.optional(z.boolean()),
  expiresInMs: z.optional(z.number().check(z.positive())),
  additionalParams: z.optional(
    z.record(z.string().check(z.minLength(1), z.maxLength(128)), z.string().check(z.maxLength(2048))),
  ),
});
export type AuthorizeBody = z.output<typeof authorizeBody>;

/** The members that a token request does not have. */
export interface AuthorizeOptions {
  returnUrl: string | null;
  webhook: string | null;
  prompt: string | null;
  binding: Binding | undefined;
  lifetimeMs: number;
  additionalParams: Record<string, string>;
}

/** What the body says of them; `bad_request` names the member. Where a URL may lead is judged elsewhere. */
export function parseOptions(body: AuthorizeBody): Result<AuthorizeOptions> {
  const prompt = body.prompt === undefined ? ok(null) : checkPrompt(body.prompt);
  if (!prompt.ok) return prompt;
  const additionalParams = body.additionalParams ?? {};
  if (Object.keys(additionalParams).length > MAX_PARAMETERS) {
    return fail("bad_request", { message: `additionalParams: must have at most ${MAX_PARAMETERS} members.` });
  }
  const allowed = checkAdditionalParams(additionalParams);
  if (!allowed.ok) return allowed;
  return ok({
    returnUrl: body.returnUrl ?? null,
    webhook: body.webhook ?? null,
    prompt: prompt.value,
    binding: body.binding,
    lifetimeMs: lifetimeMs(body.expiresInMs),
    additionalParams,
  });
}

/** How long a request lives, within its bounds (ms). */
export function lifetimeMs(wantedMs = DEFAULT_LIFETIME_MS): number {
  return Math.floor(Math.min(Math.max(wantedMs, MIN_LIFETIME_MS), MAX_LIFETIME_MS));
}
