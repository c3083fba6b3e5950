import { lengthPrefixed } from "../crypto/bytes.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { mac } from "../crypto/mac.ts";
import { ApiError } from "../errors.ts";
import type { Services } from "../services.ts";
import { readFlowCookie } from "./flow-cookie.ts";
import type { Browser } from "./transitions.ts";

type BrowserServices = Pick<Services, "keys" | "settings">;

/**
 * The cookie of the browser that posts a form. It is made of the form's token, which is fresh for every page shown, so
 * that a form sent twice before the first answer arrives comes from one browser; and by a key, so that the page does not
 * hold what the cookie says.
 */
export async function cookieOfForm(formToken: string, requestId: string, { keys }: BrowserServices): Promise<string> {
  const made = await mac(keys, "state", lengthPrefixed("flow-cookie", requestId, formToken));
  if (made === null) throw new ApiError("key_missing", { reason: "the ring lacks its own primary key" });
  return made.mac;
}

/** The browser that a request is of: by its cookie, and by the form that it sent. */
export async function browserOf(
  headers: Headers,
  requestId: string,
  { settings }: BrowserServices,
  formCookie: string | null = null,
): Promise<Browser> {
  const cookie = readFlowCookie(headers, settings.publicOrigin, requestId);
  const hash = async (value: string | null) => (value === null ? null : await sha256Base64url(value));
  return { hashes: [await hash(cookie), await hash(formCookie)] };
}
