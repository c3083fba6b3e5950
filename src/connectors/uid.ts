import { fail, ok, type Result } from "../errors.ts";

/** Longest uid, in characters. */
export const UID_MAX_LENGTH = 128;

/** What a `conflict` says when another connector has the uid. */
export const UID_TAKEN = "uid: another connector has it. Choose a different one.";

/** Prefixes of identifiers; no uid starts with one, so a reference is either an id or a uid, never both. */
const RESERVED_PREFIXES = ["scl_", "sca_", "sci_", "store_", "ir_"];

// ASCII lower case only: what looks the same is the same. A segment that ends in a dot reads like the one without.
const UID = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9_-])?(?:\/[a-z0-9](?:[a-z0-9._-]*[a-z0-9_-])?)*$/;

/**
 * The uid itself when it is well formed, at most 128 characters and outside the reserved names;
 * else `invalid_uid`.
 */
export function checkUid(text: string): Result<string> {
  if (text.length > UID_MAX_LENGTH || !UID.test(text)) return fail("invalid_uid");
  if (RESERVED_PREFIXES.some((prefix) => text.startsWith(prefix))) return fail("invalid_uid");
  if (inReservedNamespace(text)) {
    return fail("invalid_uid", { message: "The uid is in a reserved namespace. Choose another first segment." });
  }
  return ok(text);
}

function inReservedNamespace(uid: string): boolean {
  const [first = ""] = uid.split("/");
  if (first === uid) return false;
  return first === "vc" || (first.endsWith(".vercel.com") && first !== "mcp.vercel.com");
}

/** Whether a reference has the shape of a connector id; a uid never has. */
export function isConnectorId(reference: string): boolean {
  return /^scl_[0-9a-z]{20}$/.test(reference);
}

/**
 * The uid for a connector whose creator named none: `<service>/<slug of name>`, or `<type>/…` where the service
 * is a reserved name. Always well formed. `number` 1 gives no suffix, n > 1 gives `-n`.
 */
export function generatedUid(names: { service: string; type: string; name: string }, number: number): string {
  const slug = slugOf(names.name) || "connector";
  const suffix = number === 1 ? "" : `-${number}`;
  const byService = `${slugOf(names.service)}/${slug}${suffix}`;
  return checkUid(byService).ok ? byService : `${names.type}/${slug}${suffix}`;
}

function slugOf(text: string): string {
  return text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, "-")
    .slice(0, 56)
    .replaceAll(/^[-.]+|[-.]+$/g, "");
}
