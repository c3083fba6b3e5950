import { parseAddress } from "../outbound/addresses.ts";

/** One bucket for everything that did not come through Cloudflare's edge with an address. */
const NO_ADDRESS = "none";

/**
 * Whom a request without good credentials is counted for: the address that Cloudflare saw
 * (https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-connecting-ip). Other headers can be
 * written by anyone. An IPv6 address counts as its /64, since whoever has one has them all.
 */
export function clientKey(headers: Headers): string {
  const text = headers.get("cf-connecting-ip");
  const address = text === null ? null : parseAddress(text);
  if (address === null) return NO_ADDRESS;
  const network = address >> 64n;
  if (network !== 0n) return `${network.toString(16)}/64`;
  // IPv4, in whichever clothes.
  return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n).join(".");
}
