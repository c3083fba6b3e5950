import { isObject, type JsonObject, parseJson } from "./json.ts";

export interface ConnectErrorDetails {
  code: string;
  status?: number;
  requestId?: string | undefined;
  vendor?: JsonObject | undefined;
  retryAfterMs?: number | undefined;
}

/**
 * Any failure. Branch on the class or on `code`, never on the message. Codes are those of the deployment's API,
 * and of this client: `invalid_configuration`, `network_error`, `timeout`, `invalid_response`, `http_error`.
 */
export class ConnectError extends Error {
  override readonly name: string = "ConnectError";
  readonly code: string;
  /** HTTP status; 0 where no answer arrived. */
  readonly status: number;
  /** Quote it to the operator of the deployment. */
  readonly requestId: string | undefined;
  /** What the provider said, cut down to what may be shown. */
  readonly vendor: JsonObject | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, details: ConnectErrorDetails) {
    super(message);
    this.code = details.code;
    this.status = details.status ?? 0;
    this.requestId = details.requestId;
    this.vendor = details.vendor;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The connector works, but holds nothing usable for this request, for instance because it was revoked. */
export class NoValidTokenError extends ConnectError {
  override readonly name = "NoValidTokenError";
}

/** The user has not consented yet: start an authorization. */
export class UserAuthorizationRequiredError extends ConnectError {
  override readonly name = "UserAuthorizationRequiredError";
}

/** The connector is not installed where the token is wanted: start an installation. */
export class ConnectorInstallationRequiredError extends ConnectError {
  override readonly name = "ConnectorInstallationRequiredError";
}

/** No such connector, or none that this caller may know of. */
export class ConnectorNotFoundError extends ConnectError {
  override readonly name = "ConnectorNotFoundError";
}

export class ForbiddenError extends ConnectError {
  override readonly name = "ForbiddenError";
}

export class InvalidRequestError extends ConnectError {
  override readonly name = "InvalidRequestError";
}

export class UnauthorizedError extends ConnectError {
  override readonly name = "UnauthorizedError";
}

export class RateLimitedError extends ConnectError {
  override readonly name = "RateLimitedError";
}

/** Upstream or storage failed (502, 503, 504). Transient faults were already retried. */
export class TemporarilyUnavailableError extends ConnectError {
  override readonly name = "TemporarilyUnavailableError";
}

/** The class for a code; where the code has none of its own, for the status. */
function errorClass(code: string, status: number): typeof ConnectError {
  switch (code) {
    case "no_token":
      return NoValidTokenError;
    case "user_authorization_required":
      return UserAuthorizationRequiredError;
    case "client_installation_required":
    case "connector_installation_required":
      return ConnectorInstallationRequiredError;
    case "not_found":
      return ConnectorNotFoundError;
    case "forbidden":
      return ForbiddenError;
  }
  switch (status) {
    case 400:
      return InvalidRequestError;
    case 401:
      return UnauthorizedError;
    case 403:
      return ForbiddenError;
    case 429:
      return RateLimitedError;
    case 502:
    case 503:
    case 504:
      return TemporarilyUnavailableError;
    default:
      return ConnectError;
  }
}

/** A refusal by this client itself, before anything was sent. */
export function invalidRequest(message: string): InvalidRequestError {
  return new InvalidRequestError(message, { code: "bad_request", status: 400 });
}

/**
 * The error for an answer that is not 2xx. A body that is not ours (a proxy's page) is never quoted, and `secrets`
 * are struck from one that is.
 */
export function errorFromAnswer(
  answer: { status: number; headers: Headers; text: string },
  secrets: readonly string[],
  nowMs: number,
): ConnectError {
  const parsed = parseJson(withoutSecrets(answer.text, secrets));
  const body: JsonObject = isObject(parsed) ? parsed : {};
  const error: JsonObject = isObject(body.error) ? body.error : body;
  // RFC 6749 §5.2: a flat error, as some proxies in front of a deployment answer.
  const code = text(error.code) ?? text(body.error) ?? "http_error";
  const message = text(error.message) ?? text(body.error_description);
  const ErrorClass = errorClass(code, answer.status);
  return new ErrorClass(message ?? `The deployment answered ${answer.status} without an explanation.`, {
    code,
    status: answer.status,
    requestId: text(error.request_id) ?? answer.headers.get("x-request-id") ?? undefined,
    vendor: isObject(error.vendor) ? error.vendor : undefined,
    retryAfterMs: parseRetryAfter(answer.headers.get("retry-after"), nowMs),
  });
}

/** RFC 9110 §10.2.3: seconds or an HTTP date, as milliseconds from now; undefined where it is neither. */
export function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  if (value === null) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const atMs = /[a-z]/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

function withoutSecrets(body: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== "")
    .reduce((clean, secret) => clean.replaceAll(JSON.stringify(secret).slice(1, -1), "[secret]"), body);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
