import type { JSONWebKeySet } from "jose";
import { TriggerError } from "./errors.ts";
import { CLOCK_TOLERANCE_S, forwardClaims } from "./forward-claims.ts";
import type { TokenMemory } from "./token-memory.ts";

/** Whose events are believed, and what for. Make them once: keys of one's own are kept by these options. */
export interface VerifyTriggerOptions {
  /** The deployment's origin, e.g. `https://connect.example.com`. */
  issuer: string;
  /** The `audience` that creating the destination answered. */
  audience: string;
  /** Accept events of this connector alone (`scl_…`). */
  connector?: string;
  /** This receiver's public origin, where a proxy hides it: it replaces that of the request's URL. */
  origin?: string;
  /** Larger bodies are refused unread. 26,214,400 (25 MiB) unless given. */
  maxBodyBytes?: number;
  /** Refuse tokens that were used before. Every attempt has a token of its own, so retries are not affected. */
  memory?: TokenMemory;
  /** The deployment's keys, where they are not to be fetched from `<issuer>/.well-known/jwks.json`. */
  jwks?: JSONWebKeySet;
  fetch?: typeof globalThis.fetch;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/** A request as it came, in whatever form a framework has it. */
export interface ReceivedRequest {
  method: string;
  /** Absolute. */
  url: string;
  authorization: string | null;
  /** The bytes as they were sent; read only after the token was found to be genuine. */
  readBody: (maxBytes: number) => Promise<Uint8Array<ArrayBuffer>>;
}

/** An event that the deployment has sent to this receiver. Deliveries repeat: act once per `eventId`. */
export interface Trigger {
  eventId: string;
  deliveryId: string;
  /** One of these per attempt. */
  attemptId: string;
  connector: { id: string; uid: string; type: string; service: string };
  /** The provider's workspace or organization; absent when the event names none, or several. */
  tenantId?: string;
  installationId?: string;
  projectId?: string;
  environment?: string;
  /** The provider's own body, unchanged. */
  body: Uint8Array<ArrayBuffer>;
  text(): string;
  json<T = unknown>(): T;
}

const MAX_BODY_BYTES = 25 * 1024 * 1024;

/**
 * The event in a request, if its forward token (ES256, `connect-webhook+jwt`) is the deployment's and is for this
 * destination, method, URL and body, now. Throws a `TriggerError` otherwise.
 */
export async function verifyDelivery(request: ReceivedRequest, options: VerifyTriggerOptions): Promise<Trigger> {
  const now = options.now ?? Date.now;
  const token = /^bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.authorization ?? "")?.[1];
  if (token === undefined) throw new TriggerError("token_missing");
  const claims = await forwardClaims(token, options, now);

  if (options.connector !== undefined && claims.sub !== `connector:${options.connector}`) {
    throw new TriggerError("connector_mismatch");
  }
  const called = hrefOf(urlOf(request, options));
  if (claims.htm !== request.method || called === null || hrefOf(claims.htu) !== called) {
    throw new TriggerError("request_mismatch");
  }
  const body = await request.readBody(options.maxBodyBytes ?? MAX_BODY_BYTES);
  if (claims.body_sha256 !== (await sha256Base64url(body))) throw new TriggerError("body_mismatch");
  // Last: a token that is presented with another body must not use up the real one.
  const isNew = await options.memory?.add(claims.jti, (claims.exp + CLOCK_TOLERANCE_S) * 1000);
  if (isNew === false) throw new TriggerError("token_replayed");

  const text = () => new TextDecoder().decode(body);
  return {
    eventId: claims.event_id,
    deliveryId: claims.delivery_id,
    attemptId: claims.jti,
    connector: claims.trigger,
    ...(claims.tenant_id !== undefined && { tenantId: claims.tenant_id }),
    ...(claims.installation_id !== undefined && { installationId: claims.installation_id }),
    ...(claims.project_id !== undefined && { projectId: claims.project_id }),
    ...(claims.environment !== undefined && { environment: claims.environment }),
    body,
    text,
    json: () => JSON.parse(text()),
  };
}

function urlOf({ url }: ReceivedRequest, { origin }: VerifyTriggerOptions): string {
  if (origin === undefined || !URL.canParse(url)) return url;
  const { pathname, search } = new URL(url);
  return origin.replace(/\/$/, "") + pathname + search;
}

function hrefOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).href : null;
}

async function sha256Base64url(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return btoa(String.fromCharCode(...digest))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=$/, "");
}
