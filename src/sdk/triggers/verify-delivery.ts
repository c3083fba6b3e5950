import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { TriggerError } from "./errors.ts";
import { issuerKeys } from "./issuer-keys.ts";
import type { TokenMemory } from "./token-memory.ts";

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

const TYPE = "connect-webhook+jwt";
const MAX_LIFETIME_S = 300;
const CLOCK_TOLERANCE_S = 30;
const MAX_BODY_BYTES = 25 * 1024 * 1024;

/** By URL; for every receiver in this process that asks with the platform's own fetch and clock. */
const keySets = new Map<string, JWTVerifyGetKey>();

/**
 * The event in a request, if its forward token (ES256, `connect-webhook+jwt`) is the deployment's and is for this
 * destination, method, URL and body, now. Throws a `TriggerError` otherwise.
 */
export async function verifyDelivery(request: ReceivedRequest, options: VerifyTriggerOptions): Promise<Trigger> {
  const now = options.now ?? Date.now;
  const token = /^bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.authorization ?? "")?.[1];
  if (token === undefined) throw new TriggerError("token_missing");
  const claims = await verifiedClaims(token, options, now);

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

interface ForwardClaims extends JWTPayload {
  sub: string;
  jti: string;
  exp: number;
  iat: number;
  htm: string;
  htu: string;
  body_sha256: string;
  event_id: string;
  delivery_id: string;
  trigger: Trigger["connector"];
  tenant_id?: string;
  installation_id?: string;
  project_id?: string;
  environment?: string;
}

const REQUIRED = ["sub", "jti", "htm", "htu", "body_sha256", "event_id", "delivery_id"];
const OPTIONAL = ["tenant_id", "installation_id", "project_id", "environment"];

async function verifiedClaims(token: string, options: VerifyTriggerOptions, now: () => number): Promise<ForwardClaims> {
  const { issuer, audience } = options;
  const keys = keysOf(options, now);
  const expected = {
    algorithms: ["ES256"],
    typ: TYPE,
    issuer,
    audience,
    requiredClaims: ["exp", "iat"],
    clockTolerance: CLOCK_TOLERANCE_S,
    currentDate: new Date(now()),
  };
  const { payload } = await jwtVerify(token, keys, expected).catch((error: unknown) => {
    throw refused(error);
  });
  // A token for two audiences could be presented by one to the other.
  if (typeof payload.aud !== "string") throw new TriggerError("audience_mismatch");
  if (!isForwardClaims(payload)) throw new TriggerError("token_invalid");
  if (payload.exp - payload.iat > MAX_LIFETIME_S) throw new TriggerError("token_invalid");
  if (payload.iat > now() / 1000 + CLOCK_TOLERANCE_S) throw new TriggerError("token_expired");
  return payload;
}

function isForwardClaims(claims: JWTPayload): claims is ForwardClaims {
  const { trigger } = claims;
  if (typeof trigger !== "object" || trigger === null) return false;
  const connector: Record<string, unknown> = { ...trigger };
  return (
    typeof claims.iat === "number" &&
    REQUIRED.every((name) => typeof claims[name] === "string") &&
    OPTIONAL.every((name) => claims[name] === undefined || typeof claims[name] === "string") &&
    ["id", "uid", "type", "service"].every((name) => typeof connector[name] === "string") &&
    claims.sub === `connector:${connector.id}`
  );
}

function refused(error: unknown): TriggerError {
  if (error instanceof TriggerError) return error;
  if (error instanceof errors.JWTExpired) return new TriggerError("token_expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "iss") return new TriggerError("issuer_mismatch");
    if (error.claim === "aud") return new TriggerError("audience_mismatch");
    if (error.claim === "nbf" && error.reason === "check_failed") return new TriggerError("token_expired");
  }
  return new TriggerError("token_invalid");
}

function keysOf(options: VerifyTriggerOptions, now: () => number): JWTVerifyGetKey {
  if (options.audience === "" || !URL.canParse(options.issuer)) {
    throw new TriggerError(
      "invalid_configuration",
      "Give the deployment's origin as issuer, and the destination's audience.",
    );
  }
  const url = new URL(`${options.issuer.replace(/\/$/, "")}/.well-known/jwks.json`);
  if (options.jwks !== undefined || options.fetch !== undefined || options.now !== undefined) {
    return ownKeys(url, options, now);
  }
  const known = keySets.get(url.href) ?? issuerKeys({ url, now });
  keySets.set(url.href, known);
  return known;
}

/** Of receivers with keys, a fetch or a clock of their own: by their options, which they make once. */
const ownKeySets = new WeakMap<VerifyTriggerOptions, JWTVerifyGetKey>();

function ownKeys(url: URL, options: VerifyTriggerOptions, now: () => number): JWTVerifyGetKey {
  const { jwks, fetch } = options;
  const made = () => (jwks === undefined ? issuerKeys({ url, now, ...(fetch && { fetch }) }) : createLocalJWKSet(jwks));
  const known = ownKeySets.get(options) ?? made();
  ownKeySets.set(options, known);
  return known;
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
