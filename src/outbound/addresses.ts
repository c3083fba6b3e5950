const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** The only blocks that hold public unicast addresses (RFC 4291 §2.4); NAT64, ULA and link-local lie outside them. */
const UNICAST = ["0.0.0.0/0", "2000::/3"].map(rangeOf);

/** IANA special-purpose registries, plus addresses where clouds answer metadata requests. */
const NOT_PUBLIC = [
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
  "2001::/23", // IETF protocol assignments: Teredo, ORCHID, AS112
  "2001:db8::/32",
  "2002::/16", // 6to4: any IPv4 address in disguise
  "2620:4f:8000::/48", // AS112
  "3fff::/20",
].map(rangeOf);

/**
 * The 128 bits of an address; an IPv4 address is its IPv4-mapped one (RFC 4291 §2.5.5.2), so that each has one value.
 * IPv4 only in its four-part decimal form; null for zone ids and whatever else is no address.
 */
export function parseAddress(text: string): bigint | null {
  const ipv6 = IPV4.test(text) ? `::ffff:${text}` : text;
  // The platform's parser reads every spelling, and writes groups of hexadecimal digits with at most one "::".
  const host = /^[\da-f:.]+$/i.test(ipv6) ? URL.parse(`http://[${ipv6}]`)?.hostname : undefined;
  if (host === undefined) return null;
  const [left = [], right = []] = host
    .slice(1, -1)
    .split("::")
    .map((side) => side.split(":").filter(Boolean));
  const zeros = new Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/**
 * Whether `text` is an IP address of the public internet; an IPv4-mapped IPv6 address is judged as the IPv4 address.
 * https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry
 */
export function isPublicAddress(text: string): boolean {
  const address = parseAddress(text);
  const isIn = ({ prefix, hostBits }: Range) => address !== null && address >> hostBits === prefix;
  return UNICAST.some(isIn) && !NOT_PUBLIC.some(isIn);
}

/** Whether `hostname`, as `URL.hostname` gives it, reaches only this machine: localhost, 127.0.0.0/8, [::1]. */
export function isLoopbackHost(hostname: string): boolean {
  if (hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]") return true;
  return IPV4.test(hostname) && hostname.startsWith("127.");
}

interface Range {
  prefix: bigint;
  hostBits: bigint;
}

function rangeOf(cidr: string): Range {
  const [base = "", length] = cidr.split("/");
  const hostBits = BigInt((base.includes(":") ? 128 : 32) - Number(length));
  return { prefix: (parseAddress(base) ?? 0n) >> hostBits, hostBits };
}
