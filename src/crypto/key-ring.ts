import { fail, ok, type Result } from "../errors.ts";
import { base64url, fromBase64url } from "./bytes.ts";
import { randomBytes } from "./random.ts";

const KEY_BYTES = 32;
const KID = /^[a-z0-9]{1,16}$/;
const FORMAT = "'kid:<base64 of 32 random bytes>', comma-separated, the primary first";

/** The master keys: everything readable by any of them, everything new written under the primary. */
export interface KeyRing {
  readonly primaryKid: string;
  /** In the order of the configuration, primary first. */
  readonly kids: string[];
  /** A non-extractable HKDF key, or null when the ring lacks it. */
  key(kid: string): CryptoKey | null;
}

/**
 * Reads `k2:<base64>,k1:<base64>`; base64 and base64url are both welcome, padded or not. A ring that cannot be
 * used is `key_missing`, with a message that names the entry by its position and never quotes any of it.
 */
export async function loadKeyRing(text: string): Promise<Result<KeyRing>> {
  if (text.trim() === "") return unusable(`it is empty. Set it to ${FORMAT}`);
  const keys = new Map<string, CryptoKey>();
  const seen = new Set<string>();
  for (const [index, entry] of text.split(",").entries()) {
    const where = `entry ${index + 1}`;
    const [kid, material, ...rest] = entry.trim().split(":");
    if (kid === undefined || material === undefined || rest.length > 0) {
      return unusable(`${where} is not ${FORMAT}`);
    }
    if (!KID.test(kid)) return unusable(`the key id of ${where} must be 1 to 16 of a–z and 0–9`);
    if (keys.has(kid)) return unusable(`${where} repeats the key id of another entry. Give every key an id of its own`);
    const bytes = decodeMaterial(material);
    if (bytes?.length !== KEY_BYTES)
      return unusable(`the key of ${where} must be base64 of exactly ${KEY_BYTES} bytes`);
    if (bytes.every((byte) => byte === 0)) return unusable(`the key of ${where} is all zeros. Generate a random one`);
    const canonical = base64url(bytes);
    if (seen.has(canonical)) return unusable(`${where} repeats the key of another entry. Rotate to a fresh key`);
    seen.add(canonical);
    keys.set(kid, await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits", "deriveKey"]));
  }
  const kids = [...keys.keys()];
  const [primaryKid] = kids;
  if (primaryKid === undefined) return unusable("it has no entry");
  return ok({ primaryKid, kids, key: (kid) => keys.get(kid) ?? null });
}

/** A fresh entry for the ring, `kid:<base64url of 32 random bytes>`. Throws a RangeError for a key id that no ring accepts. */
export function generateMasterKey(kid: string): string {
  if (!KID.test(kid)) throw new RangeError("a key id is 1 to 16 of a–z and 0–9");
  return `${kid}:${base64url(randomBytes(KEY_BYTES))}`;
}

/** Operators paste what their tool printed: either alphabet, with or without padding. */
function decodeMaterial(text: string): Uint8Array<ArrayBuffer> | null {
  return fromBase64url(text.replaceAll("+", "-").replaceAll("/", "_").replace(/=$/, ""));
}

function unusable(problem: string) {
  return fail("key_missing", {
    message: `MASTER_KEYS is not usable: ${problem}.`,
    reason: "MASTER_KEYS is not usable",
  });
}
