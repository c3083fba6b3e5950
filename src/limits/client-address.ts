import ipaddr from "ipaddr.js";

/** One bucket for everything that did not come through Cloudflare's edge with an address. */
const NO_ADDRESS = "none";

/**
 * Whom a request without good credentials is counted for: the address that Cloudflare saw
 * (https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-connecting-ip). Other headers can be
 * written by anyone. An IPv6 address counts as its /64, since whoever has one has them all.
 */
export function clientKey(headers: Headers): string {
  const text = headers.get("cf-connecting-ip");
  if (text === null || !ipaddr.isValid(text)) return NO_ADDRESS;
  // Turns an IPv4 address in IPv6 clothes back.
  const address = ipaddr.process(text);
  if (address instanceof ipaddr.IPv4) return address.toString();
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}
