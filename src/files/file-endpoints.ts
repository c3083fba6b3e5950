import { sha1Hex } from "../crypto/digest.ts";
import { ApiError, unwrap } from "../errors.ts";
import { managementEndpoint, publicEndpoint } from "../http/endpoint.ts";
import { checkIcon, iconMediaType, MAX_ICON_BYTES } from "./icon-image.ts";
import { iconKey, isIconDigest } from "./icon-store.ts";

const ICON_HEADERS = {
  "content-security-policy": "sandbox; default-src 'none'",
  "cross-origin-resource-policy": "cross-origin",
  "cache-control": "public, max-age=31536000, immutable",
};

export const uploadFile = managementEndpoint<Uint8Array<ArrayBuffer>>("admin", {
  rawBody: { maxBytes: MAX_ICON_BYTES, mediaTypes: ["image/png", "image/jpeg"] },
  async handle({ services, body, headers }) {
    const announced = headers.get("x-vercel-digest") ?? headers.get("x-now-digest");
    if (announced === null) {
      throw new ApiError("bad_request", { message: "x-vercel-digest: is required, the SHA-1 of the body in hex." });
    }
    const digest = await sha1Hex(body);
    if (announced.toLowerCase() !== digest) {
      throw new ApiError("bad_request", { message: "x-vercel-digest: is not the SHA-1 of the body." });
    }
    unwrap(checkIcon(body));
    // Whoever came first stays: with a forged collision, nobody replaces an icon that is in use.
    if (!(await services.blobs.has(iconKey(digest)))) await services.blobs.put(iconKey(digest), body);
    return { status: 200, body: { urls: [`${services.settings.publicOrigin}/icons/${digest}`] } };
  },
});

export const getIcon = publicEndpoint({
  async handle({ services, params }) {
    const digest = params.digest ?? "";
    const bytes = isIconDigest(digest) ? await services.blobs.get(iconKey(digest)) : null;
    const mediaType = bytes === null ? null : iconMediaType(bytes);
    if (bytes === null || mediaType === null) throw new ApiError("not_found", { message: "There is no such icon." });
    return { status: 200, raw: bytes, headers: { ...ICON_HEADERS, "content-type": mediaType } };
  },
});
