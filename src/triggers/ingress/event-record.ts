import { base64url } from "../../crypto/bytes.ts";
import { sha256Base64url } from "../../crypto/digest.ts";
import type { EventRecord } from "../events/event.ts";
import type { CheckedRecipe } from "../recipes/checked-recipe.ts";
import type { ProviderEvent } from "../recipes/recipe.ts";
import { storedContentType, storedHeaders } from "./stored-headers.ts";

const MAX_TYPE_LENGTH = 256;
const MAX_ID_LENGTH = 200;
const MAX_TENANTS = 200;
/** Of all of them. */
const MAX_TENANTS_LENGTH = 12_000;
/** No provider's tenant has this id, so whoever is only entitled to some tenants does not get the event. */
const TOO_MANY_TENANTS = ["(too many)"];

/** What an event is told by, beside its payload. */
export interface Received {
  id: string;
  connectorId: string;
  recipe: Pick<CheckedRecipe, "forwardedHeaders" | "strippedHeaders">;
  headers: Headers;
  receivedAtMs: number;
  size: number;
  /** SHA-256 of the payload as it is kept. */
  digest: Uint8Array;
}

/** A verified event as it goes on from here; bounded, since a queue's message is. */
export async function eventRecord(event: ProviderEvent, received: Received): Promise<EventRecord> {
  const { id, connectorId, recipe, headers, receivedAtMs, size, digest } = received;
  const bodySha256 = base64url(digest);
  return {
    id,
    connectorId,
    type: event.type?.slice(0, MAX_TYPE_LENGTH) ?? null,
    tenants: boundedTenants(event.tenants),
    dedupKey: event.alwaysNew === true ? `new:${id}` : await dedupKey(event.id, bodySha256),
    // The signature is over the body, and so over its hash.
    dedupSigned: event.id === null || event.idIsSigned,
    receivedAtMs,
    sentAtMs: event.sentAtMs,
    contentType: storedContentType(headers),
    headers: storedHeaders(headers, recipe),
    size,
    bodySha256,
  };
}

/** What repeats are known by. No id can pass for a hash, nor the hash of a long id for the hash of a payload. */
async function dedupKey(id: string | null, bodySha256: string): Promise<string> {
  if (id === null || id === "") return `sha256:${bodySha256}`;
  return id.length <= MAX_ID_LENGTH ? `id:${id}` : `id-sha256:${await sha256Base64url(id)}`;
}

function boundedTenants(tenants: string[]): string[] {
  const length = tenants.reduce((sum, tenant) => sum + tenant.length, 0);
  return tenants.length > MAX_TENANTS || length > MAX_TENANTS_LENGTH ? TOO_MANY_TENANTS : tenants;
}
