import type { JSONWebKeySet, JWK } from "jose";
import { kidOf, open, type SealContext, seal } from "../crypto/envelope.ts";
import { generateSigningKey, importSigningKey } from "../crypto/signing-key.ts";
import { ApiError, ok, type Result, unwrap } from "../errors.ts";
import type { Services } from "../services.ts";
import type { Database } from "../store/database.ts";
import { findTeam } from "../team/team-store.ts";
import { KEYS_FRESH_MS, KEYS_STALE_MS, publishedAt, signerAt } from "./key-schedule.ts";
import { insertFirstKey, listKeys, type StoredKey } from "./key-store.ts";

export type KeyDeps = Pick<Services, "db" | "keys" | "now" | "randomBytes">;

export interface IssuerSigner {
  kid: string;
  alg: "ES256";
  key: CryptoKey;
}

/** What one isolate knows of our keys: values only, since a promise of one request must not be awaited by another. */
interface Known {
  stored: StoredKey[];
  readAtMs: number;
  signer: IssuerSigner | null;
}

const known = new WeakMap<Database, Known>();

/**
 * Our public keys; empty before setup. The first request for them makes the first key. `mayLookUp` is asked before the
 * database is; its failure is thrown.
 */
export async function publicJwks(
  deps: KeyDeps,
  mayLookUp: () => Result<null> = () => ok(null),
): Promise<JSONWebKeySet> {
  const remembered = known.get(deps.db);
  if (remembered && deps.now() - remembered.readAtMs < KEYS_FRESH_MS) return published(remembered.stored, deps);
  unwrap(mayLookUp());
  try {
    const team = await findTeam(deps.db);
    return team === null ? { keys: [] } : published((await refresh(deps, team.id)).stored, deps);
  } catch (thrown) {
    // A public key seldom becomes false while the database is away; but one that was dropped must not live on for ever.
    if (remembered && deps.now() - remembered.readAtMs < KEYS_STALE_MS) return published(remembered.stored, deps);
    throw thrown;
  }
}

/** The key that we sign with now. Throws `setup_required` before setup, and what `open` says of a key that it refuses. */
export async function currentSigner(deps: KeyDeps): Promise<IssuerSigner> {
  const remembered = known.get(deps.db);
  if (remembered?.signer && deps.now() - remembered.readAtMs < KEYS_FRESH_MS) {
    // The keys may be the remembered ones; which of them signs is decided each time.
    if (remembered.signer.kid === signerAt(remembered.stored, deps.now())?.kid) return remembered.signer;
  }
  const team = await findTeam(deps.db);
  if (team === null) throw new ApiError("setup_required");
  const entry = await refresh(deps, team.id);
  const current = signerAt(entry.stored, deps.now());
  if (current === null) throw new ApiError("storage_unavailable", { reason: "issuer key vanished" });
  if (entry.signer?.kid === current.kid) return entry.signer;
  const privateJwk = unwrap(await open(deps.keys, issuerKeyContext(team.id, current.kid), current.privateJwkSealed));
  entry.signer = { kid: current.kid, alg: "ES256", key: await importSigningKey(privateJwk, "ES256") };
  return entry.signer;
}

/** This isolate reads the keys anew at its next use. */
export function forgetKeys(db: Database): void {
  known.delete(db);
}

/** A fresh key that may sign from `notBeforeMs` on, sealed but not stored. */
export async function makeKey(deps: KeyDeps, teamId: string, notBeforeMs: number): Promise<StoredKey> {
  const { kid, alg, publicJwk, privateJwk } = await generateSigningKey("ES256");
  const privateJwkSealed = await seal(deps.keys, issuerKeyContext(teamId, kid), privateJwk, deps.randomBytes);
  return {
    kid,
    alg,
    publicJwk: JSON.stringify(publicJwk),
    privateJwkSealed,
    privateJwkKid: kidOf(privateJwkSealed) ?? deps.keys.primaryKid,
    createdAtMs: deps.now(),
    notBeforeMs,
    retiredAtMs: null,
  };
}

/** Two isolates may both make a first key; the database keeps one, and both read back the one it kept. */
export async function readOrCreate(deps: KeyDeps, teamId: string): Promise<StoredKey[]> {
  const stored = await listKeys(deps.db);
  if (stored.length > 0) return stored;
  await insertFirstKey(deps.db, await makeKey(deps, teamId, deps.now()));
  return listKeys(deps.db);
}

async function refresh(deps: KeyDeps, teamId: string): Promise<Known> {
  // The clock is read first: what is remembered must not count as newer than it is.
  const readAtMs = deps.now();
  const stored = await readOrCreate(deps, teamId);
  const before = known.get(deps.db);
  // A read that was overtaken must not bring a dropped key back.
  if (before && before.readAtMs > readAtMs) return before;
  const entry: Known = { stored, readAtMs, signer: before?.signer ?? null };
  known.set(deps.db, entry);
  return entry;
}

function published(stored: readonly StoredKey[], { now }: KeyDeps): JSONWebKeySet {
  return { keys: publishedAt(stored, now()).map(({ publicJwk }): JWK => JSON.parse(publicJwk)) };
}

/** Where a signing key's envelope lies. */
export function issuerKeyContext(team: string, kid: string): SealContext {
  return { team, table: "issuer_keys", column: "private_jwk", rowId: kid, generation: 1 };
}
