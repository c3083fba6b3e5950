import { invalidRequest } from "./errors.ts";
import { canonicalJson, isObject } from "./json.ts";
import type { ConnectTokenParams } from "./types.ts";

const DEFAULT_VALIDITY_BUFFER_MS = 30_000;

/** A token request, checked and reduced to what decides: what is sent, and what a cached answer must match. */
export interface TokenRequest {
  connector: string;
  body: string;
  /** Equal for two requests that the same token answers. */
  paramsKey: string;
  bufferMs: number;
  rejectedTokenId: string | undefined;
  /** Values that must never come back in an error. */
  secrets: string[];
}

/** Errors: `InvalidRequestError` for parameters that would silently mean something else. */
export function tokenRequest(connector: string, params: ConnectTokenParams): TokenRequest {
  refuseUndefinedSubject(params);
  const { subject, installationId, audience, resources, authorizationDetails, rejectedTokenId } = params;
  const scopes = params.scopes ?? ["*"];
  const validityBufferMs = params.validityBufferMs ?? DEFAULT_VALIDITY_BUFFER_MS;
  if (!(validityBufferMs >= 0)) throw invalidRequest("validityBufferMs must be a number of milliseconds, 0 or more.");
  const selection = { subject, installationId };
  return {
    connector,
    body: JSON.stringify({
      ...selection,
      audience,
      scopes,
      resources,
      authorizationDetails,
      validityBufferMs,
      rejectedTokenId,
    }),
    paramsKey: canonicalJson({
      ...selection,
      audience: asSet(audience),
      scopes: asSet(scopes),
      resources: asSet(resources),
      authorizationDetails: asSet(authorizationDetails?.map(canonicalJson)),
    }),
    bufferMs: validityBufferMs,
    rejectedTokenId,
    secrets: subject?.type === "token" ? [subject.token] : [],
  };
}

/**
 * `{ subject: maybeUser }` with no user would be sent as no subject at all: the app's token in place of a user's,
 * or every token of a connector revoked in place of one user's.
 */
export function refuseUndefinedSubject(params: unknown): void {
  if (!isObject(params)) throw invalidRequest("The parameters must be an object.");
  if ("subject" in params && params.subject == null) {
    throw invalidRequest("subject is present but undefined. Leave the key out if you mean no subject.");
  }
}

function asSet(values: readonly string[] | undefined): string[] | undefined {
  return values && [...new Set(values)].sort();
}
