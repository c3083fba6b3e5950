import { fail, ok, type Result } from "../../errors.ts";

/**
 * Parameters of an authorization request that the protocol itself sets (RFC 6749, 7636, 8707, 9101, 9126, 9396, 9449,
 * OpenID Connect): whoever sets one of them otherwise changes whom a code or a signature is for.
 */
export const PROTOCOL_PARAMETERS = [
  "client_id",
  "client_secret",
  "client_assertion",
  "client_assertion_type",
  "redirect_uri",
  "response_type",
  "response_mode",
  "scope",
  "state",
  "nonce",
  "code",
  "code_challenge",
  "code_challenge_method",
  "code_verifier",
  "dpop_jkt",
  "grant_type",
  "request",
  "request_uri",
  "resource",
  "authorization_details",
] as const;

/** What requests have members of their own for, where it is checked; and names by which vendors widen the scopes. */
const CALLERS_MAY_NOT = ["audience", "prompt", "scopes", "user_scope", "optional_scope", "include_granted_scopes"];

/**
 * What says who should sign in and how it looks, and gives no rights (OpenID Connect Core §3.1.2.1; `hd` of Google,
 * `domain_hint` of Microsoft).
 */
const WITHOUT_RIGHTS: ReadonlySet<string> = new Set([
  "acr_values",
  "display",
  "domain_hint",
  "hd",
  "login_hint",
  "max_age",
  "ui_locales",
]);

const PROTOCOL: ReadonlySet<string> = new Set(PROTOCOL_PARAMETERS);
const REFUSED_OF_CALLERS: ReadonlySet<string> = new Set([...PROTOCOL_PARAMETERS, ...CALLERS_MAY_NOT]);

/** Some servers ignore the case of names, so we do. */
export function isProtocolParameter(name: string): boolean {
  return PROTOCOL.has(name.toLowerCase());
}

/**
 * Only parameters that a caller may add, else `bad_request` naming the others. Names are plain, and compared as the most
 * careless server reads them: without regard to case, and with one sign for all that separates words.
 */
export function checkAdditionalParams(params: Record<string, string>): Result<void> {
  const names = Object.keys(params);
  if (!names.every((name) => /^[A-Za-z0-9_.:-]+$/.test(name))) {
    return fail("bad_request", { message: "additionalParams: names are letters, digits, and any of _ . : -" });
  }
  const refused = names.filter((name) => REFUSED_OF_CALLERS.has(name.toLowerCase().replace(/[.:-]/g, "_")));
  if (refused.length === 0) return ok(undefined);
  return fail("bad_request", {
    message: `additionalParams must not set ${refused.join(", ")}: the connector and the request's own members do.`,
  });
}

/** The names of parameters by which vendors may give rights that scopes say nothing of. */
export function rightsGivingParams(params: Record<string, string>): string[] {
  return Object.keys(params).filter((name) => !WITHOUT_RIGHTS.has(name));
}

/** Whether a scope reads like the start of another parameter to a server that splits before it decodes. */
export function smugglesParameter(scope: string): boolean {
  return scope
    .split("&")
    .slice(1)
    .some((part) => isProtocolParameter(part.split("=", 1)[0] ?? ""));
}

const PROMPTS: ReadonlySet<string> = new Set(["none", "login", "consent", "select_account", "create"]);

/** OpenID Connect Core §3.1.2.1: values of the closed list, each once, and `none` by itself; else `bad_request`. */
export function checkPrompt(prompt: string): Result<string> {
  const values = prompt.split(" ");
  const isGood = values.every((value) => PROMPTS.has(value)) && new Set(values).size === values.length;
  if (isGood && (values.length === 1 || !values.includes("none"))) return ok(prompt);
  return fail("bad_request", { message: `prompt must be of ${[...PROMPTS].join(", ")}, and none by itself.` });
}
