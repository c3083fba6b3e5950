import * as z from "zod/mini";

/** An access token: visible ASCII only (RFC 6750 §2.1), so that it can never break out of a header. Some are JWTs, and long. */
export const tokenText = z.string().check(z.regex(/^[\x21-\x7E]{1,8192}$/));
