/** Names that never lead to the public internet: RFC 6761, 6762, 7686, 8375, 9476, and what networks use privately. */
const PRIVATE_SUFFIXES = [
  "alt",
  "arpa",
  "consul",
  "corp",
  "example",
  "home",
  "internal",
  "intranet",
  "invalid",
  "lan",
  "local",
  "localdomain",
  "localhost",
  "onion",
  "private",
  "svc",
  "test",
];

/** Public names whose answers are private or metadata addresses by design; some spell the address in the name. */
const POINTS_INWARD = [
  "lacolhost.com",
  "local.gd",
  "localtest.me",
  "lvh.me",
  "metadata.goog",
  "nip.io",
  "sslip.io",
  "traefik.me",
  "vcap.me",
  "xip.io",
];

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const TOP_LABEL = /^([a-z]{2,63}|xn--[a-z0-9-]{1,59})$/;
const MAX_NAME_LENGTH = 253;

/** Whether `hostname`, as `URL.hostname` gives it, is a host name of two or more labels (RFC 1123 §2.1), without a trailing dot. */
export function isMultiLabelName(hostname: string): boolean {
  const labels = hostname.split(".");
  return (
    hostname.length <= MAX_NAME_LENGTH &&
    labels.length >= 2 &&
    labels.every((label) => LABEL.test(label)) &&
    TOP_LABEL.test(labels.at(-1) ?? "")
  );
}

/** Whether a name is reserved for private networks, or known to resolve into them. A list, so never the only defence. */
export function pointsInward(hostname: string): boolean {
  return [...PRIVATE_SUFFIXES, ...POINTS_INWARD].some((name) => hostname === name || hostname.endsWith(`.${name}`));
}
