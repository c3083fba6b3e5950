import { fail, ok, type Result } from "../errors.ts";
import { isLoopbackHost } from "./addresses.ts";
import { isMultiLabelName, pointsInward } from "./host-names.ts";

/** Which URLs this deployment may call. */
export interface UrlPolicy {
  /** Our own hosts as `URL.host` gives them (host, and the port unless default). */
  ownHosts: string[];
  /** Admits http and any port, for loopback hosts only. */
  allowLoopback: boolean;
}

export const MAX_URL_LENGTH = 2048;

/** What the URL parser would repair in silence, so it must be refused before parsing. */
const REPAIRED_BY_PARSER: [pattern: RegExp, message: string][] = [
  [/[\p{Cc}\p{Zs}\p{Zl}\p{Zp}]/u, "The URL must not contain spaces or control characters."],
  [/\\/, "The URL must not contain backslashes."],
  [/#/, "The URL must not have a fragment."],
  [/^https?:(?!\/\/[^/])/i, "The URL must have exactly two slashes after its scheme."],
  [/^[a-z]+:\/\/[^/?]*@/i, "The URL must not contain a user name or password."],
];

/**
 * The parsed URL if the policy lets us call it, else `url_not_allowed` whose message names the broken rule and never
 * quotes the URL. Judges only what the URL says: a public name may still resolve to a private address, which the
 * platform's network filter refuses at connect.
 */
export function checkUrl(raw: string, policy: UrlPolicy): Result<URL> {
  if (raw.length > MAX_URL_LENGTH) return refuse(`The URL must not be longer than ${MAX_URL_LENGTH} characters.`);
  for (const [pattern, message] of REPAIRED_BY_PARSER) if (pattern.test(raw)) return refuse(message);

  const url = URL.parse(raw);
  if (url === null) return refuse("The URL is not an absolute URL.");
  if (url.username !== "" || url.password !== "") {
    return refuse("The URL must not contain a user name or password.");
  }
  if (policy.ownHosts.some((ownHost) => isSameHost(url, ownHost))) {
    return refuse("The URL must not point at this deployment itself.");
  }
  if (policy.allowLoopback && isLoopbackHost(url.hostname)) {
    return isHttp(url) ? ok(url) : refuse("The URL must use https or, on a loopback host, http.");
  }
  return checkPublic(url);
}

function checkPublic(url: URL): Result<URL> {
  if (url.protocol !== "https:") return refuse("The URL must use https.");
  if (url.port !== "") return refuse("The URL must use the default port, 443.");
  // The parser has brought decimal, octal, hexadecimal and full-width spellings to one of these two forms.
  if (url.hostname.startsWith("[") || /^[\d.]+$/.test(url.hostname)) {
    return refuse("The URL must name its host, not give an IP address.");
  }
  if (url.hostname.endsWith(".")) return refuse("The URL's host name must not end with a dot.");
  if (pointsInward(url.hostname)) return refuse("The URL's host name is reserved for private or special use.");
  if (!isMultiLabelName(url.hostname)) return refuse("The URL's host must be a full DNS name such as api.example.com.");
  return ok(url);
}

/** Every loopback name reaches the same listener, so on loopback the port alone tells hosts apart. */
function isSameHost(url: URL, ownHost: string): boolean {
  if (url.host === ownHost) return true;
  const own = URL.parse(`${url.protocol}//${ownHost}`);
  return own !== null && isLoopbackHost(own.hostname) && isLoopbackHost(url.hostname) && own.port === url.port;
}

function isHttp(url: URL): boolean {
  return url.protocol === "https:" || url.protocol === "http:";
}

function refuse(message: string): Result<URL> {
  return fail("url_not_allowed", { message });
}
