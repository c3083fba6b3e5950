import { fail, ok, type Result } from "../errors.ts";
import { isLoopbackHost } from "../outbound/addresses.ts";
import { checkUrl, MAX_URL_LENGTH, type UrlPolicy } from "../outbound/url-policy.ts";

/** To which places of the app a user may return, or events may be sent. */
export interface OriginRule {
  /** Exact origins, and templates with one `{branch}` that stands for part of a DNS label. */
  origins: string[];
  /** Loopback origins among them count: for `development`, and where the deployment itself is local. */
  allowLoopback: boolean;
}

/** What a URL parser repairs in silence, or drops, or reads as something else than a person does. */
const AMBIGUOUS = /[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}\\#]/u;
/** A dot segment in any spelling: the parser removes it. */
const DOT_SEGMENT = /^[^?]*\/(?:\.|%2e){1,2}(?:[/?]|$)/i;

/**
 * A return URL of the app as it was given, if its origin is one of the rule's: exactly, after one WHATWG parse that
 * changed nothing of it. `invalid_return_url` never quotes it. OWASP calls what this prevents an open redirect.
 */
export function checkReturnUrl(raw: string, rule: OriginRule): Result<string> {
  return isOfOrigin(raw, rule) ? ok(raw) : fail("invalid_return_url");
}

/** The same for a URL that we call ourselves, so the policy for such calls applies too. `invalid_webhook_url`. */
export function checkWebhookUrl(raw: string, rule: OriginRule, policy: UrlPolicy): Result<string> {
  return isOfOrigin(raw, rule) && checkUrl(raw, policy).ok ? ok(raw) : fail("invalid_webhook_url");
}

function isOfOrigin(raw: string, { origins, allowLoopback }: OriginRule): boolean {
  if (raw.length > MAX_URL_LENGTH || AMBIGUOUS.test(raw) || !raw.isWellFormed() || DOT_SEGMENT.test(raw)) return false;
  const url = URL.parse(raw);
  if (url === null || url.username !== "" || url.password !== "" || url.hash !== "") return false;
  // A user name, another case, a default port, a number for a host, an international name: none is spelt like its origin.
  if (!raw.startsWith(url.origin) || !["", "/", "?"].includes(raw.charAt(url.origin.length))) return false;
  const isLoopback = isLoopbackHost(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback)) return false;
  if (isLoopback && !allowLoopback) return false;
  return origins.some((origin) => originMatches(origin, url.origin));
}

const BRANCH = "{branch}";

/** A template's placeholder stands for letters, digits and inner hyphens of one label, which has at most 63 characters. */
function originMatches(allowed: string, origin: string): boolean {
  const at = allowed.indexOf(BRANCH);
  if (at < 0) return allowed === origin;
  const [before, after] = [allowed.slice(0, at), allowed.slice(at + BRANCH.length)];
  if (!origin.startsWith(before) || !origin.endsWith(after)) return false;
  const branch = origin.slice(before.length, origin.length - after.length);
  const label = new URL(origin).hostname.split(".")[0] ?? "";
  return /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(branch) && label.length <= 63;
}

/** The return URL with what we say there; whatever it had under those names goes. */
export function returnLocation(returnUrl: string, parameters: { request: string; code: string | null }): string {
  const url = new URL(returnUrl);
  url.searchParams.delete("connect_code");
  url.searchParams.set("connect_request", parameters.request);
  if (parameters.code !== null) url.searchParams.set("connect_code", parameters.code);
  return url.href;
}
