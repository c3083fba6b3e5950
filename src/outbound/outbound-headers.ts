import { fail, ok, type Result } from "../errors.ts";

/** Set by the platform or meaningful to one connection only; a caller that copies headers must not send them on. */
const NEVER_SENT = ["cookie", "host", "connection", "content-length", "transfer-encoding"];

/** RFC 9110 §5.6.2 (token). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i;
/** RFC 9110 §5.5 (field-value). The platform would trim a line break at an end, or re-encode a character, in silence. */
const VALUE = /^[\t -~\u0080-\u00ff]*$/;

/** Whether HTTP can carry such a header as it is. */
export function canBeSent(name: string, value: string): boolean {
  return NAME.test(name) && VALUE.test(value);
}

/** The headers as they are sent, with our defaults; `invalid_config` names a header that cannot be sent. */
export function outboundHeaders(given: Record<string, string>): Result<Headers> {
  const headers = new Headers({ accept: "application/json", "user-agent": "valetkey" });
  for (const [name, value] of Object.entries(given)) {
    if (!NAME.test(name)) {
      return fail("invalid_config", { message: "A header name has a character that HTTP does not allow." });
    }
    if (!VALUE.test(value)) {
      return fail("invalid_config", {
        message: `The value of header ${name} has a line break or another character that HTTP does not allow.`,
      });
    }
    headers.set(name, value);
  }
  for (const name of NEVER_SENT) headers.delete(name);
  return ok(headers);
}
