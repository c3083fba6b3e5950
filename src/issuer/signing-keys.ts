import type { JSONWebKeySet, JWK } from "jose";
import { kidOf, open, type SealContext, seal } from "../crypto/envelope.ts";
import { generateSigningKey, importSigningKey } from "../crypto/signing-key.ts";
import { ApiError, unwrap } from "../errors.ts";
import type { Services } from "../services.ts";
import type { Database } from "../store/database.ts";
import { findTeam } from "../team/team-store.ts";
import { insertFirstKey, listKeys, type StoredKey } from "./key-store.ts";

type Deps = Pick<Services, "db" | "keys" | "now" | "randomBytes">;

export interface IssuerSigner {
  kid: string;
  alg: "ES256";
  key: CryptoKey;
}

/** How long an isolate goes by the keys it has read (ms). A key made elsewhere is known everywhere after that. */
const KEYS_FRESH_MS = 5 * 60_000;

/** What one isolate knows of our keys: values only, since a promise of one request must not be awaited by another. */
interface Known {
  jwks: JSONWebKeySet;
  readAtMs: number;
  signer: IssuerSigner | null;
}

const known = new WeakMap<Database, Known>();

/** Our public keys; empty before setup. The first request for them makes the first key. */
export async function publicJwks(deps: Deps): Promise<JSONWebKeySet> {
  const remembered = known.get(deps.db);
  if (remembered && deps.now() - remembered.readAtMs < KEYS_FRESH_MS) return remembered.jwks;
  try {
    const team = await findTeam(deps.db);
    return team === null ? { keys: [] } : remember(deps, await readOrCreate(deps, team.id)).jwks;
  } catch (thrown) {
    // A public key does not become false while the database is away.
    if (remembered) return remembered.jwks;
    throw thrown;
  }
}

/** The key that we sign with now. Throws `setup_required` before setup, and what `open` says of a key that it refuses. */
export async function currentSigner(deps: Deps): Promise<IssuerSigner> {
  const remembered = known.get(deps.db);
  if (remembered?.signer && deps.now() - remembered.readAtMs < KEYS_FRESH_MS) return remembered.signer;
  const team = await findTeam(deps.db);
  if (team === null) throw new ApiError("setup_required");
  const stored = await readOrCreate(deps, team.id);
  const [current] = stored;
  if (current === undefined) throw new ApiError("storage_unavailable", { reason: "issuer key vanished" });
  const privateJwk = unwrap(await open(deps.keys, sealContext(team.id, current.kid), current.privateJwkSealed));
  const signer: IssuerSigner = { kid: current.kid, alg: "ES256", key: await importSigningKey(privateJwk, "ES256") };
  remember(deps, stored).signer = signer;
  return signer;
}

/** Two isolates may both make a first key; the database keeps one, and both read back the one it kept. */
async function readOrCreate(deps: Deps, teamId: string): Promise<StoredKey[]> {
  const stored = await listKeys(deps.db);
  if (stored.length > 0) return stored;
  const { kid, alg, publicJwk, privateJwk } = await generateSigningKey("ES256");
  const privateJwkSealed = await seal(deps.keys, sealContext(teamId, kid), privateJwk, deps.randomBytes);
  await insertFirstKey(deps.db, {
    kid,
    alg,
    publicJwk: JSON.stringify(publicJwk),
    privateJwkSealed,
    privateJwkKid: kidOf(privateJwkSealed) ?? deps.keys.primaryKid,
    createdAtMs: deps.now(),
  });
  return listKeys(deps.db);
}

function remember({ db, now }: Deps, stored: StoredKey[]): Known {
  const keys = stored.map(({ publicJwk }): JWK => JSON.parse(publicJwk));
  const entry: Known = { jwks: { keys }, readAtMs: now(), signer: null };
  const before = known.get(db)?.signer;
  if (before && before.kid === stored[0]?.kid) entry.signer = before;
  known.set(db, entry);
  return entry;
}

function sealContext(team: string, kid: string): SealContext {
  return { team, table: "issuer_keys", column: "private_jwk", rowId: kid, generation: 1 };
}
