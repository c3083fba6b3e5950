import { canBeSent } from "../../outbound/outbound-headers.ts";
import type { EventRecord } from "../events/event.ts";

/** How many deployments a delivery may have passed through when it is sent. */
export const MAX_HOPS = 3;
/** Counts them. */
export const HOP_HEADER = "connect-hop";

/**
 * Names that only we or the platform set, or that mean something to one connection or one proxy only. What the ingress
 * stored is an allow-list already; this holds whatever is put on that list (RFC 9110 §7.6.1).
 */
export const NEVER_FORWARDED =
  /^(?:authorization|cookie|set-cookie|host|via|forwarded|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-(?:length|encoding)|expect|proxy-.*|x-forwarded-.*|x-real-ip|x-trigger-.*|x-vercel-.*|cf-.*|webhook-.*|connect-.*)$/;

/** The provider's headers that go on to a destination. What HTTP cannot carry as it is stays behind. */
export function forwardedHeaders(event: Pick<EventRecord, "headers" | "contentType">): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [given, value] of Object.entries(event.headers)) {
    const name = given.toLowerCase();
    if (!NEVER_FORWARDED.test(name) && canBeSent(name, value)) headers[name] = value;
  }
  const { contentType } = event;
  if (contentType !== null && canBeSent("content-type", contentType)) headers["content-type"] = contentType;
  return headers;
}

/** The number of this hop, counted from what the sender said; null = there were too many, so it goes round in circles. */
export function nextHop(event: Pick<EventRecord, "headers">): number | null {
  const said = event.headers[HOP_HEADER];
  if (said === undefined) return 1;
  // Whoever sends nonsense has been here, too.
  const hop = /^\d$/.test(said) ? Number(said) + 1 : MAX_HOPS + 1;
  return hop > MAX_HOPS ? null : hop;
}
