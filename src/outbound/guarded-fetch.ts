import { fail, ok, type Result } from "../errors.ts";
import { readCapped, readFirst } from "./capped-body.ts";
import { startDeadline } from "./deadline.ts";
import { outboundHeaders } from "./outbound-headers.ts";
import type { ResolutionCheck } from "./resolution.ts";
import { checkUrl, type UrlPolicy } from "./url-policy.ts";

export { asFetch, type FetchOptions, OutboundError } from "./as-fetch.ts";
export { parseJson } from "./json.ts";

export const METADATA_MAX_BYTES = 128 * 1024;
export const JWKS_MAX_BYTES = 256 * 1024;
export const TOKEN_MAX_BYTES = 64 * 1024;
export const DEFAULT_TIMEOUT_MS = 10_000;

export interface OutboundRequest {
  url: string;
  method?: "GET" | "POST" | "DELETE" | "PATCH" | "PUT";
  headers?: Record<string, string>;
  body?: string | URLSearchParams | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** Cap on the decompressed body; `TOKEN_MAX_BYTES` unless given. */
  maxBytes?: number;
  /**
   * The status is what counts: every status up to 599 is a value, a redirect, too, which is not followed. Of the body
   * the first so many bytes are kept, or those that came before it broke off or the time was up; the rest is canceled.
   */
  keepBytes?: number;
  /** For connecting, headers and body together; `DEFAULT_TIMEOUT_MS` unless given. */
  timeoutMs?: number;
  /** Ends the request early; reads as `upstream_timeout`. */
  signal?: AbortSignal;
}

export interface OutboundResponse {
  status: number;
  headers: Headers;
  /** Decompressed, and complete but with `keepBytes`. */
  body: Uint8Array<ArrayBuffer>;
}

/** Every call to a host that somebody else chose. A status of 2xx, 4xx or 5xx is a value; the caller judges it. */
export type GuardedFetch = (request: OutboundRequest) => Promise<Result<OutboundResponse>>;

/**
 * A fetch that checks the URL at every send, follows no redirect, and bounds time and size. Fails with
 * `url_not_allowed`, `invalid_config` (a header that cannot be sent), `upstream_redirect_refused`,
 * `upstream_invalid_response` (a status above 599), `upstream_timeout`, `upstream_too_large` or `upstream_unreachable`;
 * reasons name the host and numbers only.
 */
export function createGuardedFetch(dependencies: {
  fetch: typeof fetch;
  policy: UrlPolicy;
  /** Asked before each send; absent = names are not resolved here. */
  checkResolution?: ResolutionCheck;
}): GuardedFetch {
  // A free variable: the platform's fetch refuses to run as somebody's method.
  const { fetch: send, policy, checkResolution } = dependencies;

  return async function guardedFetch(request) {
    const url = checkUrl(request.url, policy);
    if (!url.ok) return url;
    const headers = outboundHeaders(request.headers ?? {});
    if (!headers.ok) return headers;

    const { host, hostname } = url.value;
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const maxBytes = request.maxBytes ?? TOKEN_MAX_BYTES;
    const deadline = startDeadline(timeoutMs, request.signal);
    try {
      const resolved = await checkResolution?.(hostname, deadline.signal);
      if (resolved?.ok === false) return deadline.signal.aborted ? outOfTime() : resolved;
      const response = await deadline.race(
        send(url.value.href, {
          method: request.method ?? "GET",
          headers: headers.value,
          redirect: "manual",
          signal: deadline.signal,
          ...(request.body === undefined ? {} : { body: request.body }),
        }),
      );
      if (response.status >= 300 && response.status < 400 && request.keepBytes === undefined) {
        discard(response);
        return fail("upstream_redirect_refused", { reason: `host=${host} status=${response.status}` });
      }
      // Node's and the platform's parsers take any three digits; a Response with such a status cannot be made.
      if (response.status > 599) {
        discard(response);
        return fail("upstream_invalid_response", { reason: `host=${host} status=${response.status}` });
      }
      const body =
        request.keepBytes === undefined
          ? await readCapped(response.body, maxBytes, deadline)
          : await readFirst(response.body, request.keepBytes, deadline);
      if (body === null) return fail("upstream_too_large", { reason: `host=${host} max_bytes=${maxBytes}` });
      return ok({ status: response.status, headers: headersOfPlainBody(response.headers), body });
    } catch {
      // The error's own text is the platform's or the provider's; whether our deadline passed is all that we trust.
      if (deadline.signal.aborted) return outOfTime();
      return fail("upstream_unreachable", { reason: `host=${host}` });
    } finally {
      deadline.end();
    }

    function outOfTime(): Result<never> {
      const reason = request.signal?.aborted ? "canceled" : `timeout_ms=${timeoutMs}`;
      return fail("upstream_timeout", { reason: `host=${host} ${reason}` });
    }
  };
}

function discard(response: Response): void {
  response.body?.cancel().catch(() => {});
}

/** The body is decompressed, so the headers that describe the compressed one would lie. */
function headersOfPlainBody(received: Headers): Headers {
  const headers = new Headers(received);
  headers.delete("content-encoding");
  headers.delete("content-length");
  return headers;
}
