import { lengthPrefixed } from "../../crypto/bytes.ts";
import { sha256 } from "../../crypto/digest.ts";
import { base32 } from "../../store/ids.ts";

const CHARACTERS = 20;

/**
 * `dlv_` and 100 bits of SHA-256 over what is delivered where, and in which series: whoever makes a delivery, and
 * however often, makes the same one.
 */
export async function deliveryId(eventId: string, destinationId: string, series: number): Promise<string> {
  const digest = await sha256(lengthPrefixed("delivery", eventId, destinationId, String(series)));
  return `dlv_${base32(digest.subarray(0, CHARACTERS))}`;
}
