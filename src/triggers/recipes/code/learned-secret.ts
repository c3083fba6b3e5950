import { constantTimeEqual, utf8 } from "../../../crypto/bytes.ts";
import { Secret } from "../../../crypto/secret.ts";
import type { RecipeContext, Verdict } from "../recipe.ts";
import { handshake, refused } from "./code-recipe.ts";

/** Long enough to be no guess, and nothing that a header or a list of headers could be made of. */
const PLAUSIBLE = /^[\w.~+/=-]{16,256}$/;

/**
 * The verdict on an unsigned handshake that brings the signing secret itself. Only the first is taken, and only while
 * nothing has been verified: whoever could send another one would own the connector. The same one again is answered
 * again, since providers repeat what they believe lost.
 */
export function learnOnce(value: string, context: RecipeContext, headers?: Record<string, string>): Verdict {
  if (!context.pendingVerification || !PLAUSIBLE.test(value)) return refused("handshake_refused");
  if (context.secrets.length === 0) return { ...handshake(headers), learned: Secret.of(value) };
  const isKnown = context.secrets.some((known) => constantTimeEqual(utf8(known.value.expose()), utf8(value)));
  return isKnown ? handshake(headers) : refused("handshake_refused");
}
