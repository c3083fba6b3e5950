import { ApiError } from "../errors.ts";
import type { BlobStore } from "../store/blob-store.ts";

/** The SHA-1 of an icon's bytes: an address, which compatible clients compute; nothing trusts it to be collision-free. */
const DIGEST = /^[0-9a-f]{40}$/;

export function isIconDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Where the icon of a digest lies. */
export function iconKey(digest: string): string {
  return `icons/${digest}`;
}

/** Throws `bad_request` unless an icon of that digest was uploaded. */
export async function requireIcon(blobs: BlobStore, digest: string): Promise<void> {
  if (isIconDigest(digest) && (await blobs.has(iconKey(digest)))) return;
  throw new ApiError("bad_request", {
    message: "icon: no such icon was uploaded. Send it to POST /v2/files first and use the SHA-1 of its bytes, in hex.",
  });
}
