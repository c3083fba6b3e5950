import ipaddr from "ipaddr.js";

/** IANA special-purpose registry, plus addresses where clouds answer metadata requests. */
const NOT_PUBLIC_V4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10", // carrier-grade NAT; Alibaba's metadata (100.100.100.200) is inside
  "127.0.0.0/8",
  "168.63.129.16/32", // Azure's wire server
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24", // AS112
  "192.52.193.0/24", // AMT
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16",
  "192.175.48.0/24", // AS112
  "198.18.0.0/15", // benchmarking
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
].map((range) => ipaddr.IPv4.parseCIDR(range));

/** The only block that holds public unicast addresses (RFC 4291 §2.4); NAT64, ULA and link-local lie outside it. */
const GLOBAL_UNICAST_V6 = ipaddr.IPv6.parseCIDR("2000::/3");

const NOT_PUBLIC_V6 = [
  "2001::/23", // IETF protocol assignments: Teredo, ORCHID, AS112
  "2001:db8::/32",
  "2002::/16", // 6to4: any IPv4 address in disguise
  "2620:4f:8000::/48", // AS112
  "3fff::/20",
].map((range) => ipaddr.IPv6.parseCIDR(range));

/**
 * Whether `text` is an IP address of the public internet. IPv4 only in its four-part decimal form; an
 * IPv4-mapped IPv6 address is judged as the IPv4 address; zone ids and anything unparsable are not public.
 * https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry
 */
export function isPublicAddress(text: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return isPublicV4(ipaddr.IPv4.parse(text));
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return false;
  const address = ipaddr.IPv6.parse(text);
  if (address.isIPv4MappedAddress()) return isPublicV4(address.toIPv4Address());
  return address.match(GLOBAL_UNICAST_V6) && !NOT_PUBLIC_V6.some((range) => address.match(range));
}

/** Whether `hostname`, as `URL.hostname` gives it, reaches only this machine: localhost, 127.0.0.0/8, [::1]. */
export function isLoopbackHost(hostname: string): boolean {
  if (hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]") return true;
  return ipaddr.IPv4.isValidFourPartDecimal(hostname) && ipaddr.IPv4.parse(hostname).range() === "loopback";
}

function isPublicV4(address: ipaddr.IPv4): boolean {
  return !NOT_PUBLIC_V4.some((range) => address.match(range));
}
