import { lengthPrefixed } from "../crypto/bytes.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { mac } from "../crypto/mac.ts";
import { ApiError } from "../errors.ts";
import type { GrantIdentity } from "../grants/protocol.ts";
import type { CallerScope } from "./authorize.ts";
import { canonicalRequest, canonicalText } from "./canonical.ts";
import type { ConnectorSnapshot } from "./snapshot.ts";
import type { TokenRequest } from "./token-request.ts";

/**
 * Three keys, all injective encodings of what they stand for (canonical; JSON or length-prefixed): memory keys are
 * the encoding itself, KV keys its MAC (nothing readable in a key listing), and the token group id names one set of
 * interchangeable tokens inside a Grant.
 */
export function snapshotMemoryKey(connectorRef: string, projectId: string): string {
  return JSON.stringify(["snapshot", connectorRef, projectId]);
}

/** What the caller asked for, before anything about the connector is known: usable for a look-up right away. */
export function tokenMemoryKey(connectorRef: string, scope: CallerScope, request: TokenRequest): string {
  return canonicalText(["token", connectorRef, scope.projectId, scope.environment], request);
}

export async function kvKey(keys: KeyRing, memoryKey: string): Promise<string> {
  return `l1:${await cacheMac(keys, lengthPrefixed("lease", memoryKey))}`;
}

/** `tokenGroupId`: equal exactly when connector configuration, link, grant and requested narrowing are equal. */
export async function tokenGroupId(
  keys: KeyRing,
  { teamId, connector, link }: ConnectorSnapshot,
  { partition }: GrantIdentity,
  request: TokenRequest,
): Promise<string> {
  return cacheMac(
    keys,
    lengthPrefixed(
      "tk1",
      teamId,
      connector.id,
      String(connector.configRevision),
      link.id,
      partition,
      link.subjectNamespace === null ? "absent" : "present",
      link.subjectNamespace ?? "",
      canonicalRequest(request),
    ),
  );
}

async function cacheMac(keys: KeyRing, data: Uint8Array<ArrayBuffer>): Promise<string> {
  const made = await mac(keys, "cache", data);
  if (made === null) throw new ApiError("key_missing", { reason: "primary key" });
  return made.mac;
}
