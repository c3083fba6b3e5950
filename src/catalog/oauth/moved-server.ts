import type { ServerMetadata } from "./server-metadata.ts";

/** Where the client authenticates itself, and its secret goes with the request. */
const AUTHENTICATED_ENDPOINTS = [
  "token_endpoint",
  "revocation_endpoint",
  "introspection_endpoint",
  "device_authorization_endpoint",
  "pushed_authorization_request_endpoint",
] as const;

/** Whether a known issuer was exchanged for another one, or removed. Naming one for the first time moves nothing. */
export function issuerChanged(before: ServerMetadata, after: ServerMetadata): boolean {
  return before.issuer !== undefined && before.issuer !== after.issuer;
}

/** Whether the client would authenticate at an origin where it did not authenticate before. */
export function reachesNewOrigin(before: ServerMetadata, after: ServerMetadata): boolean {
  const known = originsOf(before);
  return originsOf(after).some((origin) => !known.includes(origin));
}

function originsOf(server: ServerMetadata): string[] {
  return AUTHENTICATED_ENDPOINTS.flatMap((member) => URL.parse(server[member] ?? "")?.origin ?? []);
}
