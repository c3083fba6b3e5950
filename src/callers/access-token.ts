import * as z from "zod/mini";
import { base64url, hex, lengthPrefixed } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/digest.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { mac, macEquals } from "../crypto/mac.ts";
import { Secret } from "../crypto/secret.ts";
import { ApiError } from "../errors.ts";
import { base32 } from "../store/ids.ts";
import { ROLES, type Role } from "./roles.ts";

const ID_CHARS = 20;
const SECRET_BYTES = 32;
/** Long enough for secret scanners to tell a token from noise; no protection. */
const CHECKSUM_CHARS = 6;
const FORMAT = /^(vk_([0-9a-hjkmnp-tv-z]{20})_([A-Za-z0-9_-]{43}))_([0-9a-f]{6})$/;

/** An access token as the database holds it: nothing in it authenticates anybody. */
export interface AccessTokenRow {
  id: string;
  role: Role;
  projectId: string | null;
  environment: string | null;
  userId: string | null;
  secretMac: string;
  secretMacKid: string;
  expiresAtMs: number | null;
}

export const accessTokenRowSchema: z.ZodMiniType<AccessTokenRow> = z.object({
  id: z.string(),
  role: z.enum(ROLES),
  projectId: z.nullable(z.string()),
  environment: z.nullable(z.string()),
  userId: z.nullable(z.string()),
  secretMac: z.string(),
  secretMacKid: z.string(),
  expiresAtMs: z.nullable(z.number()),
});

export interface MintedAccessToken {
  /** Public; the row's key. */
  id: string;
  /** `vk_<id>_<secret>_<checksum>`; shown once. */
  token: Secret;
  /** For `access_tokens.secret_mac`. */
  mac: string;
  /** For `access_tokens.secret_mac_kid`. */
  kid: string;
}

export interface ParsedAccessToken {
  id: string;
  secret: Secret;
}

/** A fresh access token: 100 random bits of id, 256 of secret. */
export async function mintAccessToken(
  keys: KeyRing,
  randomBytes: (length: number) => Uint8Array<ArrayBuffer>,
): Promise<MintedAccessToken> {
  const id = base32(randomBytes(ID_CHARS));
  const secret = base64url(randomBytes(SECRET_BYTES));
  const made = await secretMac(keys, id, secret, keys.primaryKid);
  if (made === null) throw new ApiError("key_missing", { reason: "the ring lacks its primary key" });
  const body = `vk_${id}_${secret}`;
  return { id, token: Secret.of(`${body}_${await checksum(body)}`), mac: made.mac, kid: made.kid };
}

/** The parts of a well-formed access token, checksum included; null for anything else. */
export async function parseAccessToken(text: string): Promise<ParsedAccessToken | null> {
  const [, body, id, secret, sum] = FORMAT.exec(text) ?? [];
  if (body === undefined || id === undefined || secret === undefined) return null;
  return sum === (await checksum(body)) ? { id, secret: Secret.of(secret) } : null;
}

/** Whether this token is the row's. Works as long for an unknown id as for a wrong secret, and compares in constant time. */
export async function verifyAccessToken(
  keys: KeyRing,
  parsed: ParsedAccessToken,
  row: Pick<AccessTokenRow, "id" | "secretMac" | "secretMacKid"> | null,
): Promise<boolean> {
  const made = await secretMac(keys, parsed.id, parsed.secret.expose(), row?.secretMacKid ?? keys.primaryKid);
  const matches = macEquals(made?.mac ?? "", row?.secretMac ?? "A".repeat(43));
  return matches && made !== null && row !== null && row.id === parsed.id;
}

/** The row with its MAC under the primary key, for a token that has just been verified against it. */
export async function movedToPrimary(
  keys: KeyRing,
  parsed: ParsedAccessToken,
  row: AccessTokenRow,
): Promise<AccessTokenRow> {
  const made = await secretMac(keys, parsed.id, parsed.secret.expose(), keys.primaryKid);
  if (made === null) throw new ApiError("key_missing", { reason: "the ring lacks its primary key" });
  return { ...row, secretMac: made.mac, secretMacKid: made.kid };
}

/** The id is under the MAC too, so that a row's MAC is worth nothing in another row. */
function secretMac(keys: KeyRing, id: string, secret: string, kid: string) {
  return mac(keys, "access-token", lengthPrefixed(id, secret), kid);
}

async function checksum(body: string): Promise<string> {
  return hex(await sha256(body)).slice(0, CHECKSUM_CHARS);
}
