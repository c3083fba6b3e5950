import { canBeSent } from "../../outbound/outbound-headers.ts";
import type { CheckedRecipe } from "../recipes/checked-recipe.ts";
import { HOP_HEADER, NEVER_FORWARDED } from "../sending/forwarded-headers.ts";

/** Longer values are no facts about an event (characters). */
const MAX_VALUE_LENGTH = 4_096;
/** Of all names and values: an event must fit into a queue's message. */
const MAX_TOTAL_LENGTH = 16_384;

/**
 * The headers of a request that go on to destinations: those that its recipe names, without shared secrets, without what
 * belongs to the connection (RFC 9110 §7.6.1), and without what HTTP could not carry again. What is too long is left out.
 */
export function storedHeaders(
  sent: Headers,
  { forwardedHeaders, strippedHeaders }: Pick<CheckedRecipe, "forwardedHeaders" | "strippedHeaders">,
): Record<string, string> {
  const connection = sent.get("connection")?.toLowerCase().split(",") ?? [];
  const excluded = new Set([...strippedHeaders, ...connection.map((name) => name.trim())]);
  const stored: Record<string, string> = {};
  let room = MAX_TOTAL_LENGTH;
  for (const name of [...forwardedHeaders, HOP_HEADER]) {
    const value = sent.get(name);
    if (value === null || excluded.has(name) || value.length > MAX_VALUE_LENGTH || !canBeSent(name, value)) continue;
    // The hop count is for our own next sender, which replaces it.
    if (NEVER_FORWARDED.test(name) && name !== HOP_HEADER) continue;
    room -= name.length + value.length;
    if (room >= 0) stored[name] = value;
  }
  return stored;
}

/** The body's media type as it was sent; null = none that could be sent on. */
export function storedContentType(sent: Headers): string | null {
  const value = sent.get("content-type");
  return value !== null && value.length <= 256 && canBeSent("content-type", value) ? value : null;
}
