import type { Failure } from "../errors.ts";
import type { GuardedFetch, OutboundRequest } from "./guarded-fetch.ts";

/** What oauth4webapi and jose pass to `[customFetch]`. Their `redirect` is ignored: no redirect is ever followed. */
export interface FetchOptions {
  method?: OutboundRequest["method"];
  headers?: Headers | Record<string, string>;
  body?: string | URLSearchParams | null | undefined;
  redirect?: string;
  signal?: AbortSignal | undefined;
}

/** A guarded fetch that failed, on its way through a library that only knows exceptions. */
export class OutboundError extends Error {
  override readonly name = "OutboundError";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.code);
    this.failure = failure;
  }
}

/**
 * The guarded fetch in the shape of `fetch`, for `[customFetch]` of oauth4webapi and jose. The response is complete
 * when it is handed out; failures are thrown as `OutboundError`.
 */
export function asFetch(guarded: GuardedFetch, limits: Pick<OutboundRequest, "maxBytes" | "timeoutMs"> = {}) {
  return async function guardedCustomFetch(url: string | URL, options: FetchOptions = {}): Promise<Response> {
    const { method, headers, body, signal } = options;
    const result = await guarded({
      url: String(url),
      ...limits,
      ...(method === undefined ? {} : { method }),
      ...(headers === undefined ? {} : { headers: Object.fromEntries(entriesOf(headers)) }),
      ...(body === undefined || body === null ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (!result.ok) throw new OutboundError(result.failure);
    const { status, headers: received, body: bytes } = result.value;
    // Fetch §6.4 (null body status): such a Response with even an empty body is an error; workerd logs a warning.
    return new Response(status === 204 || status === 205 ? null : bytes, { status, headers: received });
  };
}

function entriesOf(headers: Headers | Record<string, string>): Iterable<[string, string]> {
  return headers instanceof Headers ? headers.entries() : Object.entries(headers);
}
