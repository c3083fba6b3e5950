import { findConnector } from "../connectors/connector-store.ts";
import { utf8 } from "../crypto/bytes.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { signJwt } from "../crypto/signing-key.ts";
import { currentSigner } from "../issuer/signing-keys.ts";
import type { Services } from "../services.ts";
import { newId } from "../store/ids.ts";
import { type AnyRequest, findFlow } from "./find-flow.ts";
import { kindOf } from "./flow-table.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { resultOf } from "./result.ts";
import { claimTry, settleWebhook } from "./webhook-store.ts";

export interface WebhookDeps extends Pick<Services, "db" | "now" | "randomBytes" | "settings" | "fetch" | "log"> {
  keys: () => Promise<KeyRing>;
}

export const FIRST_RETRY_MS = 30_000;
export const MAX_TRIES = 8;
const TIMEOUT_MS = 10_000;
const LIFETIME_S = 300;
const MAX_ANSWER_BYTES = 64 * 1024;

/** When the next try is due if this one, the n-th, fails (ms from it). */
export function retryAfterMs(tries: number): number {
  return FIRST_RETRY_MS * 2 ** (tries - 1);
}

/**
 * One try to tell the app how its authorization, or installation, ended. It says what the result says, and carries no
 * token. Signed as forwarded events are: an ES256 JWT of our own issuer over method, URL and body; with a type of its own
 * (RFC 8725 §3.11), because the body of an event may be written by a stranger and be sent to the same URL. Tries are
 * counted before they are made.
 */
export async function sendWebhook(requestId: string, deps: WebhookDeps): Promise<void> {
  const { db, now, log } = deps;
  const request = await findFlow(db, requestId);
  const url = request?.asked.webhook;
  if (request == null || url == null || request.webhookDueAtMs === null) return;
  const tries = request.webhookTries + 1;
  if (!(await claimTry(db, request, now() + retryAfterMs(tries)))) return;
  const found = await findConnector(db, request.connectorId);
  if (found === null) return;

  const body = JSON.stringify(completionEvent(request, found.connector, now()));
  const answer = await deps.fetch({
    url,
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${await tokenFor(request, url, body, deps)}`,
      "webhook-id": request.id,
      "webhook-timestamp": String(Math.floor(now() / 1000)),
    },
    body,
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_ANSWER_BYTES,
  });
  const status = answer.ok ? answer.value.status : null;
  if (status !== null && status >= 200 && status < 300) return settleWebhook(db, request.id);
  const reason = answer.ok ? `status=${answer.value.status}` : (answer.failure.reason ?? answer.failure.code);
  const facts = { authorizationRequest: request.id, connectorId: request.connectorId, tries, reason };
  if (tries < MAX_TRIES) return log.warn("authorization.webhook_failed", facts);
  log.error("authorization.webhook_given_up", facts);
  await settleWebhook(db, request.id);
}

function completionEvent(
  request: AnyRequest,
  { id, uid, type }: { id: string; uid: string; type: string },
  nowMs: number,
) {
  const { status, data, error } = resultOf(request, nowMs);
  return {
    type: `${kindOf(request.id)}.${status === "success" ? "completed" : "failed"}`,
    request: request.id,
    status,
    connector: { id, uid, type },
    ...("ordinal" in request && { subject: subjectOf(request) }),
    ...(data?.installationId !== undefined && { installationId: data.installationId }),
    ...(error !== undefined && { error }),
  };
}

function subjectOf({ asked }: AuthorizationRequest) {
  const { issuer, id } = asked.identity.subject;
  return { type: "user", id, ...(issuer !== null && { issuer }) };
}

async function tokenFor(request: AnyRequest, url: string, body: string, deps: WebhookDeps): Promise<string> {
  const { key, kid, alg } = await currentSigner({ ...deps, keys: await deps.keys() });
  const issuedAt = Math.floor(deps.now() / 1000);
  return signJwt(
    key,
    { alg, kid, typ: "connect-authorization+jwt" },
    {
      iss: deps.settings.publicOrigin,
      aud: url,
      sub: `connector:${request.connectorId}`,
      jti: newId("att", deps.randomBytes),
      iat: issuedAt,
      nbf: issuedAt,
      exp: issuedAt + LIFETIME_S,
      htm: "POST",
      htu: url,
      body_sha256: await sha256Base64url(utf8(body)),
    },
  );
}
