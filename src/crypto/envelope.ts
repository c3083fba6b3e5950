import { fail, ok, type Result } from "../errors.ts";
import { base64url, concat, constantTimeEqual, fromBase64url, lengthPrefixed, utf8 } from "./bytes.ts";
import type { KeyRing } from "./key-ring.ts";
import { Secret } from "./secret.ts";

const VERSION = 1;
const SALT_BYTES = 32;
const IV_BYTES = 12;
const AES_KEY_BYTES = 32;
const COMMITMENT_BYTES = 16;
const TAG_BYTES = 16;

/** A leading U+FEFF belongs to the secret: without ignoreBOM it would be lost. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

declare const sealedBrand: unique symbol;
/** An envelope as base64url text: safe to store, worthless without the master key and its exact place. */
export type Sealed = string & { readonly [sealedBrand]: true };

/** Where a sealed value lives. It opens only there, and only for the generation it was written as. */
export interface SealContext {
  team: string;
  table: string;
  column: string;
  rowId: string;
  /** Counts the writes of this value, so that a restored older one does not open. */
  generation: number;
}

/**
 * A text as an envelope: `sealBytes` in base64url. Throws a RangeError for text or context that cannot be encoded exactly.
 */
export async function seal(
  keys: KeyRing,
  context: SealContext,
  plaintext: Secret,
  randomBytes: (length: number) => Uint8Array<ArrayBuffer>,
): Promise<Sealed> {
  const text = plaintext.expose();
  if (!text.isWellFormed()) throw new RangeError("the plaintext is not well-formed Unicode");
  return base64url(await sealBytes(keys, context, utf8(text), randomBytes)) as Sealed;
}

/**
 * Envelope v1: `0x01 | len(kid) | kid | salt 32 | iv 12 | commitment 16 | ciphertext and tag`. AES-256-GCM under a key
 * of its own, derived from the primary master key and a fresh salt (HKDF-SHA-256, RFC 5869), so that no number of
 * writes wears a key out (NIST SP 800-38D §8.3). Its length is that of the bytes plus `sealOverhead`.
 */
export async function sealBytes(
  keys: KeyRing,
  context: SealContext,
  bytes: Uint8Array,
  randomBytes: (length: number) => Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!Number.isSafeInteger(context.generation)) throw new RangeError("the generation is not an integer");
  const kid = keys.primaryKid;
  const master = keys.key(kid);
  if (master === null) throw new RangeError("the ring lacks its own primary key");

  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(IV_BYTES);
  const { aesKey, commitment } = await derive(master, kid, context, salt);
  const algorithm = { name: "AES-GCM", iv, additionalData: additionalData(context, kid) };
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt(algorithm, aesKey, bytes));
  const kidBytes = utf8(kid);
  return concat(Uint8Array.of(VERSION, kidBytes.length), kidBytes, salt, iv, commitment, ciphertext);
}

/** By how many bytes an envelope under this key is longer than what is in it. */
export function sealOverhead(kid: string): number {
  return 2 + kid.length + SALT_BYTES + IV_BYTES + COMMITMENT_BYTES + TAG_BYTES;
}

/**
 * The plaintext of an envelope sealed for exactly this context. `key_missing` when the ring lacks its key;
 * `decryption_failed` for everything else: altered, cut, moved to another place, older, or never an envelope.
 */
export async function open(keys: KeyRing, context: SealContext, sealed: string): Promise<Result<Secret>> {
  const opened = await openBytes(keys, context, fromBase64url(sealed) ?? new Uint8Array());
  if (!opened.ok) return opened;
  try {
    return ok(Secret.of(decoder.decode(opened.value)));
  } catch {
    return fail("decryption_failed", { reason: `${placeOf(context)}: not text` });
  }
}

/** The same for bytes. */
export async function openBytes(
  keys: KeyRing,
  context: SealContext,
  sealed: Uint8Array,
): Promise<Result<Uint8Array<ArrayBuffer>>> {
  const place = placeOf(context);
  const envelope = parse(sealed);
  if (envelope === null) return fail("decryption_failed", { reason: `${place}: not an envelope` });
  const master = keys.key(envelope.kid);
  if (master === null) return fail("key_missing", { reason: `${place}: needs master key ${envelope.kid}` });
  try {
    const { aesKey, commitment } = await derive(master, envelope.kid, context, envelope.salt);
    // GCM alone lets one ciphertext open under two keys; the commitment ties it to this one.
    if (!constantTimeEqual(commitment, envelope.commitment)) {
      return fail("decryption_failed", { reason: `${place}: key commitment differs` });
    }
    const algorithm = { name: "AES-GCM", iv: envelope.iv, additionalData: additionalData(context, envelope.kid) };
    return ok(new Uint8Array(await crypto.subtle.decrypt(algorithm, aesKey, envelope.ciphertext)));
  } catch {
    return fail("decryption_failed", { reason: `${place}: authentication failed` });
  }
}

function placeOf({ table, column, rowId }: SealContext): string {
  return `${table}.${column} of ${rowId}`;
}

/** The id of the master key that an envelope needs; null when it is no envelope. */
export function kidOf(sealed: string | Uint8Array): string | null {
  return parse(typeof sealed === "string" ? fromBase64url(sealed) : sealed)?.kid ?? null;
}

interface Envelope {
  kid: string;
  salt: Uint8Array;
  iv: Uint8Array;
  commitment: Uint8Array;
  ciphertext: Uint8Array;
}

function parse(bytes: Uint8Array | null): Envelope | null {
  if (bytes === null || bytes[0] !== VERSION) return null;
  let offset = 2;
  const take = (length: number) => {
    offset += length;
    return bytes.subarray(offset - length, offset);
  };
  const kid = String.fromCharCode(...take(bytes[1] ?? 0));
  if (!/^[a-z0-9]{1,16}$/.test(kid)) return null;
  const envelope = { kid, salt: take(SALT_BYTES), iv: take(IV_BYTES), commitment: take(COMMITMENT_BYTES) };
  const ciphertext = bytes.subarray(offset);
  return ciphertext.length < TAG_BYTES ? null : { ...envelope, ciphertext };
}

async function derive(master: CryptoKey, kid: string, context: SealContext, salt: Uint8Array) {
  const info = lengthPrefixed("connect/v1/aead", context.team, context.table, kid);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt, info };
  const okm = new Uint8Array(await crypto.subtle.deriveBits(algorithm, master, (AES_KEY_BYTES + COMMITMENT_BYTES) * 8));
  const raw = okm.subarray(0, AES_KEY_BYTES);
  const aesKey = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  return { aesKey, commitment: okm.subarray(AES_KEY_BYTES) };
}

function additionalData({ team, table, column, rowId, generation }: SealContext, kid: string) {
  return lengthPrefixed("connect/v1", team, table, column, rowId, String(generation), kid);
}
