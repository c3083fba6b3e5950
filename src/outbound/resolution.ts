import * as z from "zod/mini";
import { fail, ok, type Result } from "../errors.ts";
import { LruMap } from "../store/lru.ts";
import { isLoopbackHost, isPublicAddress } from "./addresses.ts";
import type { GuardedFetch } from "./guarded-fetch.ts";
import { parseJson } from "./json.ts";
import type { UrlPolicy } from "./url-policy.ts";

/** Judges where a host name leads, before something is sent there. */
export type ResolutionCheck = (hostname: string, signal: AbortSignal) => Promise<Result<void>>;

/** A verdict is kept for its records' TTL, but never longer. */
export const LONGEST_VERDICT_MS = 60_000;
const MAX_VERDICTS = 500;
const RESOLVER_TIMEOUT_MS = 3_000;
const RESOLVER_MAX_BYTES = 16 * 1024;

const DNS_JSON = "application/dns-json";
const RECORD_TYPES = { A: 1, AAAA: 28 };
/** RFC 1035 §4.1.1, RFC 6895 §2.3. */
const NOERROR = 0;
const NXDOMAIN = 3;

const dnsAnswer = z.object({
  Status: z.number(),
  TC: z.optional(z.boolean()),
  Answer: z.optional(
    z
      .array(z.object({ type: z.number(), TTL: z.number().check(z.nonnegative()), data: z.string() }))
      .check(z.maxLength(200)),
  ),
});

interface Records {
  addresses: string[];
  ttlMs: number;
}

/**
 * A check that asks a DNS-over-HTTPS resolver with the JSON interface (`application/dns-json`) for the A and AAAA
 * records of a host. `url_not_allowed` when any address is not public, `upstream_unreachable` when the name has none or
 * the resolver gives no usable answer.
 *
 * Fails closed: a check that a broken resolver switches off protects from nobody who can break it. The price is that
 * the resolver's outage stops outbound calls, which is why the check is an option. It is advice, too: the connection
 * resolves the name once more, so a name that turns private in between is for the platform's network filter to refuse.
 */
export function createResolutionCheck(dependencies: {
  resolverUrl: string;
  /** Without this check: the resolver's own name would need it first. */
  fetch: GuardedFetch;
  policy: Pick<UrlPolicy, "allowLoopback">;
  now: () => number;
}): ResolutionCheck {
  const { resolverUrl, fetch, policy, now } = dependencies;
  const verdicts = new LruMap<string, { verdict: Result<void>; untilMs: number }>(MAX_VERDICTS);

  return async function checkResolution(hostname, signal) {
    if (policy.allowLoopback && isLoopbackHost(hostname)) return ok(undefined);
    const askedAtMs = now();
    const known = verdicts.get(hostname);
    if (known !== undefined && askedAtMs < known.untilMs) return known.verdict;

    const [v4, v6] = await Promise.all([query("A"), query("AAAA")]);
    if (!v4.ok) return v4;
    if (!v6.ok) return v6;
    const verdict = judge(hostname, [...v4.value.addresses, ...v6.value.addresses], policy);
    verdicts.set(hostname, { verdict, untilMs: askedAtMs + Math.min(v4.value.ttlMs, v6.value.ttlMs) });
    return verdict;

    async function query(type: keyof typeof RECORD_TYPES): Promise<Result<Records>> {
      const url = new URL(resolverUrl);
      url.searchParams.set("name", hostname);
      url.searchParams.set("type", type);
      const response = await fetch({
        url: url.href,
        headers: { accept: DNS_JSON },
        timeoutMs: RESOLVER_TIMEOUT_MS,
        maxBytes: RESOLVER_MAX_BYTES,
        signal,
      });
      if (!response.ok) return unresolved(hostname, `resolver ${response.failure.code}`);
      if (response.value.status !== 200) return unresolved(hostname, `resolver status=${response.value.status}`);
      const json = parseJson(response.value, DNS_JSON);
      const answer = json.ok ? dnsAnswer.safeParse(json.value) : null;
      if (!answer?.success) return unresolved(hostname, "resolver answer unusable");
      return recordsOf(hostname, RECORD_TYPES[type], answer.data);
    }
  };
}

function recordsOf(hostname: string, type: number, answer: z.output<typeof dnsAnswer>): Result<Records> {
  const { Status: status, TC: truncated = false, Answer: records = [] } = answer;
  if (status !== NOERROR && status !== NXDOMAIN) return unresolved(hostname, `rcode=${status}`);
  // What was cut off could be the one address that is not public.
  if (truncated) return unresolved(hostname, "truncated");
  return ok({
    addresses: records.filter((record) => record.type === type).map(({ data }) => data),
    // The aliases on the way there change as well as the addresses.
    ttlMs: Math.min(LONGEST_VERDICT_MS, ...records.map(({ TTL }) => TTL * 1000)),
  });
}

function judge(hostname: string, addresses: string[], policy: Pick<UrlPolicy, "allowLoopback">): Result<void> {
  if (addresses.length === 0) return unresolved(hostname, "no address");
  const isAllowed = (address: string) =>
    isPublicAddress(address) || (policy.allowLoopback && isLoopbackHost(address === "::1" ? "[::1]" : address));
  if (addresses.every(isAllowed)) return ok(undefined);
  return fail("url_not_allowed", {
    message: "The URL's host name leads to an address that is not public.",
    reason: `host=${hostname} addresses=${addresses.length}`,
  });
}

function unresolved(hostname: string, why: string): Result<never> {
  return fail("upstream_unreachable", { reason: `host=${hostname} not resolved: ${why}` });
}
