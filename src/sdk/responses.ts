import { isObject, type JsonObject } from "./json.ts";
import type {
  ConnectAuthorization,
  ConnectAuthorizationResult,
  ConnectorMetadata,
  ConnectRevocation,
  ConnectTokenResponse,
} from "./types.ts";

/** A connector as the deployment describes it, down to what this client passes on. */
type ConnectorAnswer = Omit<ConnectorMetadata, "vendor" | "clientUrl"> & {
  clientUrl?: string | null;
  data?: JsonObject;
};

/** Checks what callers and the cache rely on; optional fields are the deployment's word. */
export function isTokenResponse(body: unknown): body is ConnectTokenResponse {
  return (
    isObject(body) &&
    hasStrings(body, ["token", "tokenId"]) &&
    body.token !== "" &&
    Number.isFinite(body.expiresAt) &&
    isObject(body.connector) &&
    hasStrings(body.connector, ["id", "uid", "type"])
  );
}

const COUNTERS = [
  "tokensFound",
  "deleted",
  "providerRevoked",
  "providerSkipped",
  "providerFailed",
  "providerPending",
] as const satisfies (keyof ConnectRevocation)[];

export function isRevocation(body: unknown): body is ConnectRevocation {
  return isObject(body) && COUNTERS.every((name) => Number.isInteger(body[name])) && Number.isFinite(body.effectiveBy);
}

export function isAuthorization(body: unknown): body is ConnectAuthorization {
  return (
    isObject(body) &&
    hasStrings(body, ["request", "verifier", "url"]) &&
    Number.isFinite(body.expiresAt) &&
    isObject(body.connector) &&
    hasStrings(body.connector, ["id", "uid", "type"])
  );
}

export function isAuthorizationResult(body: unknown): body is ConnectAuthorizationResult {
  return (
    isObject(body) &&
    hasStrings(body, ["status"]) &&
    (body.data === undefined || (isObject(body.data) && hasStrings(body.data, ["clientId"])))
  );
}

export function isConnectorAnswer(body: unknown): body is ConnectorAnswer {
  return (
    isObject(body) &&
    hasStrings(body, ["id", "uid", "name", "type", "service"]) &&
    Number.isFinite(body.createdAt) &&
    Number.isFinite(body.updatedAt) &&
    (body.clientUrl == null || typeof body.clientUrl === "string") &&
    (body.data === undefined || isObject(body.data))
  );
}

function hasStrings(value: JsonObject, names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === "string");
}
