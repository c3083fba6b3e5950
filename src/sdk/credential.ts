import { ConnectError } from "./errors.ts";
import { canonicalJson, isObject, type JsonObject, parseJson } from "./json.ts";

/** What the process presents: an access token (`vk_…`) or a workload's JWT, or a function that returns the current one. */
export type Credential = string | (() => string | Promise<string>);

/** The credential as it goes into a header. A bad one is refused here: platforms quote it in their own error. */
export async function presentedCredential(credential: Credential): Promise<string> {
  const value = (typeof credential === "function" ? await credential() : credential)?.trim();
  if (!value || !/^[\x21-\x7e]+$/.test(value)) {
    throw new ConnectError("The credential is empty or has characters that no token has.", {
      code: "invalid_configuration",
    });
  }
  return value;
}

/** Claims that differ between two tokens of one and the same workload. */
const PER_ISSUANCE_CLAIMS = new Set(["exp", "iat", "nbf", "jti", "auth_time", "nonce", "at_hash", "aio", "rh", "uti"]);

/**
 * Who a credential speaks for, as far as a local cache must know: every claim of a JWT except those of the single
 * issuance, else a SHA-256 of the credential. Any claim may decide the project or environment (an operator chooses
 * which), so an unknown one costs a cache miss at rotation rather than a token of another workload.
 *
 * The JWT is not verified. Configure only credentials of your own process: a client that is fed credentials of
 * strangers would take a forged one at its word here.
 */
export async function callerIdentity(credential: string): Promise<string> {
  const claims = jwtClaims(credential);
  if (claims === undefined) return `opaque:${await sha256(credential)}`;
  const lasting = Object.entries(claims).filter(([name]) => !PER_ISSUANCE_CLAIMS.has(name));
  const audiences = Array.isArray(claims.aud) ? [...claims.aud].sort() : [claims.aud];
  return `jwt:${canonicalJson({ ...Object.fromEntries(lasting), aud: audiences })}`;
}

/** `callerIdentity` that remembers the last answer: a process presents the same credential for minutes. */
export function identityMemory(): typeof callerIdentity {
  let last: { credential: string; identity: string } | undefined;
  return async (credential) => {
    if (last?.credential === credential) return last.identity;
    const identity = await callerIdentity(credential);
    last = { credential, identity };
    return identity;
  };
}

function jwtClaims(credential: string): JsonObject | undefined {
  const [header, payload, signature, ...rest] = credential.split(".");
  if (!header || !payload || !signature || rest.length > 0) return undefined;
  const claims = parseJson(fromBase64url(payload) ?? "");
  return isObject(claims) && typeof claims.iss === "string" && typeof claims.sub === "string" ? claims : undefined;
}

function fromBase64url(value: string): string | undefined {
  try {
    const binary = atob(value.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** Hex; where the platform has no Web Crypto (a page on plain http), the value itself: it stays in memory either way. */
async function sha256(value: string): Promise<string> {
  const webCrypto = typeof crypto === "undefined" ? undefined : crypto;
  if (!webCrypto?.subtle) return value;
  const digest = new Uint8Array(await webCrypto.subtle.digest("SHA-256", new TextEncoder().encode(value)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
