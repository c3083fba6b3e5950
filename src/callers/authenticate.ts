import type { JSONWebKeySet } from "jose";
import type { KeyRing } from "../crypto/key-ring.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { GuardedFetch } from "../outbound/guarded-fetch.ts";
import {
  type AccessTokenRow,
  movedToPrimary,
  type ParsedAccessToken,
  parseAccessToken,
  verifyAccessToken,
} from "./access-token.ts";
import { isCompactJws, parseAuthorization } from "./bearer.ts";
import type { AccessTokenCaller, Caller, WorkloadCaller } from "./caller.ts";
import type { CallerCaches } from "./caller-caches.ts";
import type { CallerDirectory } from "./caller-directory.ts";
import { identifyOwn } from "./identify-own.ts";
import { identifyTrusted } from "./identify-trusted.ts";
import { decodeUnverified } from "./unverified-token.ts";

export { WORKLOAD_TOKEN_TYP } from "./identify-own.ts";

/** A verified token is believed again without a look at its signature for this long. */
export const REMEMBER_MS = 60_000;

/** Our own issuer, asked in process: a deployment must not depend on reaching itself over the network. */
export interface OwnIssuer {
  publicKeys(): Promise<JSONWebKeySet>;
}

export interface AuthenticateDeps {
  settings: { publicOrigin: string };
  now: () => number;
  keys: KeyRing;
  fetch: GuardedFetch;
  log: Logger;
  callerCaches: CallerCaches;
  /** Made when it is needed: most callers are remembered. */
  directory: () => CallerDirectory;
  ownIssuer: OwnIssuer;
  /** Keeps the invocation alive until `work` settles; failures of deferred work are its to log. */
  defer: (work: Promise<unknown>) => void;
  /** For tests; the platform's timer otherwise. */
  sleep?: (ms: number) => Promise<unknown>;
}

/** The same for one whom memory does not know. */
export type IdentifyDeps = Omit<AuthenticateDeps, "directory"> & { directory: CallerDirectory };

/**
 * Who sent this request. 401 when the credentials are missing or not genuine (the code says which check failed), 403
 * when they are but stand for no project here, 400 when they are not even well-formed.
 */
export function authenticate(headers: Headers, deps: AuthenticateDeps): Result<Caller> | Promise<Result<Caller>> {
  const bearer = parseAuthorization(headers);
  if (!bearer.ok) return bearer;
  const { kind, token } = bearer.value;
  if (kind === "access-token") return authenticateAccessToken(token, deps);
  const remembered = deps.callerCaches.verifiedTokens.get(token);
  return remembered !== undefined && deps.now() < remembered.untilMs
    ? ok(remembered.caller)
    : authenticateWorkload(token, deps);
}

async function authenticateAccessToken(text: string, deps: AuthenticateDeps): Promise<Result<AccessTokenCaller>> {
  const parsed = await parseAccessToken(text);
  if (parsed === null) return fail("unauthorized", { reason: "malformed access token" });
  const found = await findAccessToken(parsed.id, deps);
  if (!found.ok) return found;
  const row = found.value;
  const genuine = await verifyAccessToken(deps.keys, parsed, row);
  if (!genuine || row === null) return fail("unauthorized", { reason: "unknown access token" });
  if (row.secretMacKid !== deps.keys.primaryKid) deps.defer(moveToPrimary(parsed, row, deps));
  if (row.expiresAtMs !== null && deps.now() >= row.expiresAtMs) return fail("token_expired");
  const { id: tokenId, role, projectId, environment, userId } = row;
  return ok({ kind: "access-token", tokenId, role, projectId, environment, userId });
}

/** A lease may show a MAC of a key that was dropped since, when the row has long been moved to another. */
async function findAccessToken(id: string, deps: AuthenticateDeps): Promise<Result<AccessTokenRow | null>> {
  const { keys } = deps;
  const directory = deps.directory();
  const found = await directory.accessToken(id);
  if (!found.ok) return found;
  const stale = found.value !== null && !found.value.current && keys.key(found.value.value.secretMacKid) === null;
  const current = stale ? await directory.accessToken(id, { current: true }) : found;
  return current.ok ? ok(current.value?.value ?? null) : current;
}

/** A MAC cannot be made anew without the secret, so it moves to the primary key when its token is presented. */
async function moveToPrimary(parsed: ParsedAccessToken, row: AccessTokenRow, deps: AuthenticateDeps): Promise<void> {
  await deps.directory().moveAccessToken(row, await movedToPrimary(deps.keys, parsed, row));
}

async function authenticateWorkload(text: string, deps: AuthenticateDeps): Promise<Result<WorkloadCaller>> {
  if (!isCompactJws(text)) return fail("invalid_token_format");
  const token = decodeUnverified(text);
  if (!token.ok) return token;
  const ours = token.value.claims.iss === deps.settings.publicOrigin;
  const identifyDeps: IdentifyDeps = { ...deps, directory: deps.directory() };
  const identified = await (ours ? identifyOwn : identifyTrusted)(token.value, identifyDeps);
  if (!identified.ok) return identified;
  const { caller, rememberUntilMs } = identified.value;
  const untilMs = Math.min(rememberUntilMs, deps.now() + REMEMBER_MS);
  if (untilMs > deps.now()) deps.callerCaches.verifiedTokens.set(text, { caller, untilMs });
  return ok(caller);
}
