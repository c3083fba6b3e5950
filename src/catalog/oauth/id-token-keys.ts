import type { JSONWebKeySet } from "jose";
import { parseJwks } from "../../callers/jwks-keys.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { parseJson } from "../../outbound/guarded-fetch.ts";
import { invalidConfig } from "../connector-data.ts";
import type { DriverDeps } from "../driver.ts";
import type { ServerMetadata } from "./server-metadata.ts";

/** A set of 50 RSA keys fits. */
const MAX_BYTES = 64 * 1024;

/** Whether id_tokens of this server can be verified, else `invalid_config` that says what to set. */
export function checkIdTokenSource({ issuer, jwks, jwks_uri: jwksUri }: ServerMetadata): Result<void> {
  if (issuer !== undefined && (jwks !== undefined || jwksUri !== undefined)) return ok(undefined);
  const lacking = issuer === undefined ? "issuer" : "jwks_uri";
  return invalidConfig(
    `The scope openid asks for an id_token, which cannot be verified without data.serverConfig.${lacking}. Set it, or do not ask for openid.`,
  );
}

/**
 * The public keys that the server signs id_tokens with: those in its metadata, else those at its `jwks_uri`, which is
 * read anew each time. Fails with `invalid_config` where there are none to look for, or as the guarded fetch does.
 */
export async function idTokenKeys(
  server: ServerMetadata,
  deps: Pick<DriverDeps, "fetch">,
  timeoutMs: number,
): Promise<Result<JSONWebKeySet>> {
  const source = checkIdTokenSource(server);
  if (!source.ok) return source;
  if (server.jwks !== undefined) return parseJwks(server.jwks);
  const answer = await deps.fetch({ url: server.jwks_uri ?? "", maxBytes: MAX_BYTES, timeoutMs });
  if (!answer.ok) return answer;
  if (answer.value.status !== 200)
    return fail("upstream_unreachable", { reason: `jwks status=${answer.value.status}` });
  const json = parseJson(answer.value, "application/jwk-set+json");
  return json.ok ? parseJwks(json.value) : json;
}
