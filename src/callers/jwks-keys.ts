import type { JSONWebKeySet, JWK } from "jose";
import * as z from "zod/mini";
import { fromBase64url } from "../crypto/bytes.ts";
import { fail, ok, type Result } from "../errors.ts";

export const MAX_KEYS = 100;

/** What each algorithm's public key must look like (RFC 7518 §3.1, RFC 8037 §3.1). No symmetric algorithm is here. */
const KEY_SHAPES: Readonly<Record<string, { kty: string; crv?: string }>> = {
  RS256: { kty: "RSA" },
  RS384: { kty: "RSA" },
  RS512: { kty: "RSA" },
  PS256: { kty: "RSA" },
  ES256: { kty: "EC", crv: "P-256" },
  ES384: { kty: "EC", crv: "P-384" },
  ES512: { kty: "EC", crv: "P-521" },
  EdDSA: { kty: "OKP", crv: "Ed25519" },
};

/** Every algorithm that an issuer may be registered with. */
export const SUPPORTED_ALGORITHMS: readonly string[] = Object.keys(KEY_SHAPES);

const MIN_RSA_BITS = 2048;
/** Verification time grows with the square of the modulus. */
const MAX_RSA_BITS = 8192;

const keySetSchema = z.object({ keys: z.array(z.unknown()).check(z.maxLength(MAX_KEYS)) });
const texts = z.array(z.string());
const publicKeySchema = z.object({
  kty: z.enum(["RSA", "EC", "OKP"]),
  kid: z.optional(z.string()),
  use: z.optional(z.string()),
  key_ops: z.optional(texts),
  alg: z.optional(z.string()),
  n: z.optional(z.string()),
  e: z.optional(z.string()),
  crv: z.optional(z.string()),
  x: z.optional(z.string()),
  y: z.optional(z.string()),
  /** The channels that the Bot Framework's key speaks for; no key is refused because of it. */
  endorsements: z.optional(
    z.pipe(
      z.unknown(),
      z.transform((value) => texts.safeParse(value).data),
    ),
  ),
});

const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/**
 * A published key set (RFC 7517 §5) cut down to its public keys and their public members. Keys that are symmetric,
 * carry private members or are no objects are dropped; anything but a set of at most `MAX_KEYS` fails with
 * `upstream_invalid_response`.
 */
export function parseJwks(value: unknown): Result<JSONWebKeySet> {
  const set = keySetSchema.safeParse(value);
  if (!set.success) return fail("upstream_invalid_response", { reason: "not a JWK Set, or too many keys" });
  const keys = set.data.keys.flatMap((candidate): JWK[] => {
    const key = publicKeySchema.safeParse(candidate);
    if (!key.success || typeof candidate !== "object" || candidate === null) return [];
    // A key whose private half was published is everybody's key.
    if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(candidate, member))) return [];
    // SPIFFE bundles (Trust Domain and Bundle §4.2.2) say what a key signs; of theirs, only these sign JWTs.
    return [withoutUndefined({ ...key.data, use: key.data.use === "jwt-svid" ? "sig" : key.data.use })];
  });
  return ok({ keys });
}

export type KeySelection = { kind: "key"; key: JWK } | { kind: "unknown" } | { kind: "unusable" };

/**
 * The one key that may verify a token with this header. `unknown`: the set has no key of that id, a newer set might.
 * `unusable`: it has, but two share the id, or the key does not fit the algorithm. Without a kid, the set must hold
 * exactly one fitting key.
 */
export function selectKey(jwks: JSONWebKeySet, alg: string, kid: string | null): KeySelection {
  if (kid === null) {
    const fitting = jwks.keys.filter((key) => fits(key, alg));
    const [only] = fitting;
    if (only === undefined) return { kind: "unknown" };
    return fitting.length === 1 ? { kind: "key", key: only } : { kind: "unusable" };
  }
  const named = jwks.keys.filter((key) => key.kid === kid);
  const [only] = named;
  if (only === undefined) return { kind: "unknown" };
  return named.length === 1 && fits(only, alg) ? { kind: "key", key: only } : { kind: "unusable" };
}

function fits(key: JWK, alg: string): boolean {
  const shape = Object.hasOwn(KEY_SHAPES, alg) ? KEY_SHAPES[alg] : undefined;
  if (shape === undefined || key.kty !== shape.kty || (shape.crv !== undefined && key.crv !== shape.crv)) return false;
  if (key.use !== undefined && key.use !== "sig") return false;
  if (key.key_ops !== undefined && !key.key_ops.includes("verify")) return false;
  if (key.alg !== undefined && key.alg !== alg) return false;
  return key.kty !== "RSA" || isKnownSound(key);
}

/** A key never changes and its modulus is long, so it is judged once and not for every token. */
const rsaSoundness = new WeakMap<JWK, boolean>();

function isKnownSound(key: JWK): boolean {
  const sound = rsaSoundness.get(key) ?? isSoundRsa(key);
  rsaSoundness.set(key, sound);
  return sound;
}

function isSoundRsa({ n, e }: JWK): boolean {
  const modulus = fromBase64url(n ?? "");
  const exponent = fromBase64url(e ?? "");
  if (modulus === null || exponent === null) return false;
  const first = modulus.findIndex((byte) => byte !== 0);
  const bits = first < 0 ? 0 : (modulus.length - first) * 8 - Math.clz32(modulus[first] ?? 0) + 24;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) return false;
  // Under e = 1 every text is its own signature.
  const value = exponent.reduce((sum, byte) => sum * 256 + byte, 0);
  return exponent.length <= 4 && value >= 3 && value % 2 === 1;
}

function withoutUndefined(key: z.infer<typeof publicKeySchema>): JWK {
  return Object.fromEntries(Object.entries(key).filter(([, value]) => value !== undefined)) as JWK;
}
