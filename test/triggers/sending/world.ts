import { utf8 } from "../../../src/crypto/bytes.ts";
import { sha256Base64url } from "../../../src/crypto/digest.ts";
import { sealBytes } from "../../../src/crypto/envelope.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import { Secret } from "../../../src/crypto/secret.ts";
import { unwrap } from "../../../src/errors.ts";
import { newId } from "../../../src/store/ids.ts";
import { findTeam } from "../../../src/team/team-store.ts";
import type { EventRecord, PayloadRef } from "../../../src/triggers/events/event.ts";
import { newEventId } from "../../../src/triggers/events/event-id.ts";
import { payloadContext } from "../../../src/triggers/events/payload-store.ts";
import type { ForwardedConnector } from "../../../src/triggers/settings/destination.ts";
import type { StoredDestination } from "../../../src/triggers/settings/destination-row.ts";
import { sealDestinationSecrets } from "../../../src/triggers/settings/destination-secrets.ts";
import { insertDestination } from "../../../src/triggers/settings/destination-store.ts";
import type { DatedSecret } from "../../../src/triggers/settings/signing-secrets.ts";
import { db, keys, seedConnector, seedTeam } from "../../connectors/rows.ts";

export const TEAM = "team_test";
/** `whsec_` and base64 of 32 bytes, each of which is `fill`. */
export const signingSecret = (fill: number) => `whsec_${new Uint8Array(32).fill(fill).toBase64()}`;

/** The team, once, and a connector of its own. */
export async function forwardedConnector(): Promise<ForwardedConnector> {
  if ((await findTeam(db)) === null) await seedTeam(TEAM);
  const { id, uid, type, service, region } = await seedConnector();
  return { id, uid, type, service, region };
}

/** A destination with those secrets, newest first; not stored. */
export async function destination(
  connectorId: string,
  fields: Partial<StoredDestination> = {},
  secrets: Partial<DatedSecret>[] = [{ value: Secret.of(signingSecret(1)) }],
): Promise<StoredDestination> {
  const id = newId("dst", randomBytes);
  const dated = secrets.map((secret, index) => ({
    id: `sec_${index}`,
    value: Secret.of(signingSecret(index + 1)),
    addedAtMs: 1,
    expiresAtMs: null,
    ...secret,
  }));
  const sealed = await sealDestinationSecrets({ keys, randomBytes }, TEAM, { id, secretsGeneration: 1 }, dated);
  return {
    id,
    connectorId,
    projectId: null,
    environment: null,
    givenUrl: fields.url ?? null,
    url: null,
    path: null,
    branch: null,
    audience: "https://app.example.com/hooks",
    events: null,
    filter: null,
    ordered: false,
    lanes: 1,
    retrySchedule: [5, 30, 120, 600, 1800, 7200, 18000, 36000, 36000],
    timeoutMs: 10_000,
    maxInFlight: 5,
    ratePerSecond: null,
    responder: false,
    disabledReason: null,
    storedReason: null,
    revision: 1,
    createdAtMs: 1,
    updatedAtMs: 1,
    ...sealed,
    ...fields,
  };
}

export async function storedDestination(connectorId: string, fields: Partial<StoredDestination> = {}) {
  const made = await destination(connectorId, fields);
  await db.run(insertDestination(made));
  return made;
}

export const inline = async (eventId: string, body: Uint8Array): Promise<PayloadRef> => ({
  kind: "inline",
  sealed: await sealBytes(keys, payloadContext(TEAM, eventId), body, randomBytes),
});

/** An event with that body, and the sealed payload. */
export async function event(
  connectorId: string,
  body: string | Uint8Array<ArrayBuffer> = '{"n":1}',
  fields: Partial<EventRecord> = {},
) {
  const bytes = typeof body === "string" ? utf8(body) : body;
  const receivedAtMs = fields.receivedAtMs ?? Date.now();
  const id = newEventId(receivedAtMs, randomBytes);
  const record: EventRecord = {
    id,
    connectorId,
    type: "pull_request.opened",
    tenants: ["T1"],
    dedupKey: `id:${id}`,
    dedupSigned: true,
    receivedAtMs,
    sentAtMs: null,
    contentType: "application/json",
    headers: {},
    size: bytes.length,
    bodySha256: await sha256Base64url(bytes),
    ...fields,
  };
  return { record, bytes, payload: await inline(id, bytes) };
}

export { db, keys, randomBytes, unwrap };
