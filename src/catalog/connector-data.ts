import * as z from "zod/mini";
import { fail, ok, type Result } from "../errors.ts";
import { validate } from "../http/validation.ts";

/**
 * The `data` of a create or update body. An unknown member is `unknown_field`, anything else `invalid_config`;
 * messages name members (`data.clientId`) and never quote values.
 */
export function parseData<T>(schema: z.ZodMiniType<T>, data: unknown): Result<T> {
  const parsed = validate(z.object({ data: schema }), { data }, "body");
  if (parsed.ok) return ok(parsed.value.data);
  const { code, ...details } = parsed.failure;
  return fail(code === "bad_request" ? "invalid_config" : code, details);
}

/** `invalid_config` of a sentence that names members (`data.clientId`) and says what to do. */
export function invalidConfig(message: string): Result<never> {
  return fail("invalid_config", { message });
}

/** Text of at most `maxLength` characters without control characters. Empty text is allowed: it clears a member. */
export function plainText(maxLength: number) {
  return z.string().check(z.maxLength(maxLength), z.regex(/^\P{Cc}*$/u, "must not contain control characters"));
}
