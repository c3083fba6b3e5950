import { ConnectError, errorFromAnswer, invalidRequest } from "./errors.ts";
import { isObject, type JsonObject, parseJson } from "./json.ts";
import { type RetryPolicy, retryDelayMs, type Sleep } from "./retry.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface TransportSettings extends RetryPolicy {
  baseUrl: string;
  fetch: Fetch;
  now: () => number;
  sleep: Sleep;
  /** For one try. */
  timeoutMs: number;
}

export interface Exchange {
  method: "GET" | "POST" | "DELETE";
  path: string;
  credential: string;
  body?: string;
  noCache?: boolean;
  /** May be repeated when it is unknown whether the first try arrived. */
  idempotent: boolean;
  signal?: AbortSignal | undefined;
  /** Struck from errors, as is the credential. */
  secrets?: readonly string[];
}

export type Transport = (exchange: Exchange) => Promise<JsonObject>;

/**
 * Sends an exchange and returns the JSON object of its 2xx answer, after retries as `retry.ts` decides.
 * Errors: `ConnectError`, or the signal's reason.
 */
export function createTransport(settings: TransportSettings): Transport {
  const baseUrl = checkedBaseUrl(settings.baseUrl);

  return async function send(exchange) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await tryOnce(`${baseUrl}${exchange.path}`, exchange, settings);
      } catch (error) {
        const request = { idempotent: exchange.idempotent, random: Math.random() };
        const delayMs = retryDelayMs(error, attempt, settings, request);
        if (delayMs === null) throw error;
        await settings.sleep(delayMs, exchange.signal);
        exchange.signal?.throwIfAborted();
      }
    }
  };
}

/** `path` with the connector's id or uid as one segment. Errors: `InvalidRequestError`. */
export function connectorPath(prefix: string, connector: string, suffix = ""): string {
  // A URL parser resolves dot segments even where they are percent-encoded.
  if (typeof connector !== "string" || ["", ".", ".."].includes(connector) || !connector.isWellFormed()) {
    throw invalidRequest("The connector must be an id or a uid.");
  }
  return `${prefix}/${encodeURIComponent(connector)}${suffix}`;
}

async function tryOnce(url: string, exchange: Exchange, settings: TransportSettings): Promise<JsonObject> {
  exchange.signal?.throwIfAborted();
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  exchange.signal?.addEventListener("abort", stop);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, settings.timeoutMs);

  let answer: { status: number; headers: Headers; text: string; ok: boolean };
  try {
    const response = await settings.fetch(url, requestInit(exchange, attempt.signal));
    const { status, headers, ok } = response;
    answer = { status, headers, ok, text: await response.text() };
  } catch (error) {
    exchange.signal?.throwIfAborted();
    throw timedOut
      ? new ConnectError("The deployment did not answer in time.", { code: "timeout" })
      : new ConnectError(`The deployment could not be reached${systemCode(error)}.`, { code: "network_error" });
  } finally {
    clearTimeout(timer);
    exchange.signal?.removeEventListener("abort", stop);
  }

  if (!answer.ok) throw errorFromAnswer(answer, [exchange.credential, ...(exchange.secrets ?? [])], settings.now());
  const body = parseJson(answer.text);
  if (!isObject(body)) throw invalidResponse(answer.headers.get("x-request-id"));
  return body;
}

export function invalidResponse(requestId: string | null = null): ConnectError {
  return new ConnectError("The answer is not that of a Valetkey deployment. Check the base URL.", {
    code: "invalid_response",
    requestId: requestId ?? undefined,
  });
}

function requestInit(exchange: Exchange, signal: AbortSignal): RequestInit {
  const headers: Record<string, string> = {
    accept: "application/json",
    authorization: `Bearer ${exchange.credential}`,
  };
  if (exchange.body !== undefined) headers["content-type"] = "application/json";
  if (exchange.noCache) headers["cache-control"] = "no-cache";
  const init: RequestInit = { method: exchange.method, headers, signal };
  if (exchange.body !== undefined) init.body = exchange.body;
  // A redirect is an error: following it would carry the credential or the subject to another place.
  init.redirect = "manual";
  return init;
}

function checkedBaseUrl(baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  const secure = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (url === undefined || !secure || url.username || url.password || url.search || url.hash) {
    throw new ConnectError("baseUrl must be an https URL (http on loopback only) without user, query and fragment.", {
      code: "invalid_configuration",
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    /^127(\.\d+){3}$/.test(hostname) ||
    hostname === "[::1]"
  );
}

/** Such as ` (ECONNREFUSED)`. The error itself is not passed on: it may hold the request, credential included. */
function systemCode(error: unknown): string {
  const cause = isObject(error) && isObject(error.cause) ? error.cause : error;
  const code = isObject(cause) ? cause.code : undefined;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{2,40}$/.test(code) ? ` (${code})` : "";
}
