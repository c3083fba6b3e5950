import { createHash, verify } from "node:crypto";
import { type Call, isObject, type Json, notFound, refuse } from "./http.ts";
import type { App, InstallationToken, UserToken } from "./records.ts";
import type { World } from "./world.ts";

const NOT_DECODED = "A JSON web token could not be decoded";
const EXP_NOT_FUTURE =
  "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
const EXP_TOO_FAR = "'Expiration time' claim ('exp') is too far in the future";
const IAT_INVALID = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
const MAX_LIFETIME_S = 600;

/** What was seen of JWTs of apps. */
export interface SeenAppJwts {
  latest: { header: Json; claims: Json } | null;
  /** Hashes of all of them. */
  distinct: Set<string>;
}

export function credential(call: Call): string | null {
  return /^(?:bearer|token) +(\S+)$/i.exec(call.headers.authorization ?? "")?.[1] ?? null;
}

/**
 * The app whose JWT the call carries: RS256 by one of its keys, `iss` its id or client id, at most ten minutes.
 * https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
 */
export function authenticateApp(call: Call, world: World, seen: SeenAppJwts): App {
  const token = credential(call) ?? "";
  const [head = "", body = "", signature = "", ...rest] = token.split(".");
  const header = decode(head);
  const claims = decode(body);
  if (header === null || claims === null || rest.length > 0 || header.alg !== "RS256") refuse(401, NOT_DECODED);
  seen.latest = { header, claims };
  seen.distinct.add(createHash("sha256").update(token).digest("hex"));
  const issuer = claims.iss;
  if (typeof issuer !== "string" && !Number.isInteger(issuer)) refuse(401, "'Issuer' claim ('iss') must be an Integer");
  const app = [...world.apps.values()].find((one) => String(one.id) === String(issuer) || one.clientId === issuer);
  if (app === undefined) refuse(404, "Integration not found");
  const signed = Buffer.from(`${head}.${body}`);
  const bytes = Buffer.from(signature, "base64url");
  if (!app.publicKeys.some((key) => verify("RSA-SHA256", signed, key, bytes))) refuse(401, NOT_DECODED);
  const nowS = Math.floor(world.now() / 1000);
  if (typeof claims.exp !== "number" || claims.exp <= nowS) refuse(401, EXP_NOT_FUTURE);
  if (claims.exp > nowS + MAX_LIFETIME_S) refuse(401, EXP_TOO_FAR);
  if (typeof claims.iat !== "number" || !Number.isInteger(claims.iat) || claims.iat > nowS) refuse(401, IAT_INVALID);
  return app;
}

/** The token that the call carries, if it still is one. */
export function authenticateToken(call: Call, world: World): InstallationToken | UserToken {
  const value = credential(call);
  if (value === null) refuse(401, "Requires authentication");
  const token = world.tokens.get(value);
  if (token === undefined || tokenState(token, world) !== "valid") refuse(401, "Bad credentials");
  if (token.kind === "installation" && token.installation.suspended !== null) {
    refuse(403, "This installation has been suspended");
  }
  return token;
}

export function tokenState(token: InstallationToken | UserToken, world: World): "valid" | "revoked" | "expired" {
  if (token.revoked) return "revoked";
  return token.expiresAtMs !== null && token.expiresAtMs <= world.now() ? "expired" : "valid";
}

/** The same of the refresh token that came with it. */
export function refreshTokenState(token: UserToken, world: World): "valid" | "revoked" | "expired" {
  if (token.revoked) return "revoked";
  return token.refreshExpiresAtMs <= world.now() ? "expired" : "valid";
}

/** The app whose client id and secret the call carries by Basic authentication, as `/applications/{client_id}` wants. */
export function authenticateClient(call: Call, world: World): App {
  const encoded = /^basic +(\S+)$/i.exec(call.headers.authorization ?? "")?.[1] ?? "";
  const [id = "", secret = ""] = Buffer.from(encoded, "base64").toString().split(":");
  const app = [...world.apps.values()].find((one) => one.clientId === id);
  if (app === undefined || app.clientSecret !== secret) refuse(401, "Bad credentials");
  return app.clientId === call.params.client_id ? app : notFound();
}

function decode(segment: string): Json | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(segment, "base64url").toString());
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
