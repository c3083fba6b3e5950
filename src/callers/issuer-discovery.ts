import type { JSONWebKeySet, JWK } from "jose";
import * as z from "zod/mini";
import { type Failure, fail, ok, type Result } from "../errors.ts";
import { type GuardedFetch, METADATA_MAX_BYTES, parseJson } from "../outbound/guarded-fetch.ts";
import { FETCH_TIMEOUT_MS, fetchJwks } from "./jwks-cache.ts";
import { parseJwks, selectKey } from "./jwks-keys.ts";

const metadataSchema = z.looseObject({ issuer: z.string(), jwks_uri: z.string().check(z.maxLength(2048)) });

/** An issuer's keys, and where they will be fetched again; an empty URI for keys that the operator gave. */
export interface PinnedKeys {
  jwksUri: string;
  jwks: JSONWebKeySet;
}

/** What an operator says about where the keys are: inline, at a URL that they vouch for, or to be discovered. */
export interface KeySource {
  issuer: string;
  algorithms: string[];
  jwksUri?: string | undefined;
  /** Unchecked. */
  jwks?: unknown;
}

/**
 * Finds an issuer's keys now, so that no caller's token ever starts a discovery. Discovery follows OpenID Connect
 * Discovery 1.0 §4, with `issuer` compared byte for byte and `jwks_uri` held to the issuer's own host. Failures:
 * `url_not_allowed`, and `issuer_unusable` whose message says the cause and the fix.
 */
export async function pinIssuerKeys(source: KeySource, fetch: GuardedFetch): Promise<Result<PinnedKeys>> {
  if (source.jwks !== undefined) {
    const given = parseJwks(source.jwks);
    return given.ok ? withUsableKeys("", given.value, source.algorithms) : explain(given.failure, "key set");
  }
  const jwksUri: Result<string> =
    source.jwksUri === undefined ? await discoverJwksUri(source.issuer, fetch) : ok(source.jwksUri);
  if (!jwksUri.ok) return jwksUri;
  const fetched = await fetchJwks(jwksUri.value, fetch);
  return fetched.ok
    ? withUsableKeys(jwksUri.value, fetched.value, source.algorithms)
    : explain(fetched.failure, "key set");
}

async function discoverJwksUri(issuer: string, fetch: GuardedFetch): Promise<Result<string>> {
  const response = await fetch({
    url: `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
    maxBytes: METADATA_MAX_BYTES,
    timeoutMs: FETCH_TIMEOUT_MS,
  });
  if (!response.ok) return explain(response.failure, "discovery document");
  if (response.value.status !== 200) {
    return unusable(`its discovery document answers with status ${response.value.status}. Check the issuer URL.`);
  }
  const document = parseJson(response.value);
  if (!document.ok) return explain(document.failure, "discovery document");
  const metadata = metadataSchema.safeParse(document.value);
  if (!metadata.success) {
    return unusable("its discovery document lacks 'issuer' or 'jwks_uri'. Give jwksUri or jwks yourself.");
  }
  if (metadata.data.issuer !== issuer) {
    return unusable(
      "its discovery document names another issuer. Register exactly the value that tokens carry as 'iss', with or without a trailing slash as there.",
    );
  }
  const keysUrl = URL.parse(metadata.data.jwks_uri);
  if (keysUrl === null || keysUrl.host !== URL.parse(issuer)?.host) {
    return unusable(
      `its keys are on another host (${keysUrl?.host ?? "no URL"}). If that is right, confirm it by giving jwksUri.`,
    );
  }
  return ok(metadata.data.jwks_uri);
}

function explain(failure: Failure, what: string): Result<never> {
  const { reason } = failure;
  switch (failure.code) {
    case "url_not_allowed":
      return { ok: false, failure };
    case "upstream_timeout":
      return unusable(
        `its ${what} did not arrive within ${FETCH_TIMEOUT_MS / 1000} s. Try again, or give jwks.`,
        reason,
      );
    case "upstream_redirect_refused":
      return unusable(`its ${what} answers with a redirect. Give the final URL.`, reason);
    case "upstream_too_large":
      return unusable(`its ${what} is too large. Give the keys that are needed as jwks.`, reason);
    case "upstream_invalid_response":
      return unusable(
        `its ${what} is not a valid JSON document of its kind. Check the URL, and that it is served as JSON.`,
        reason,
      );
    default:
      return unusable(
        `its ${what} cannot be reached. Check the URL, and that the issuer is reachable from the internet; for a private one give jwks.`,
        reason,
      );
  }
}

function withUsableKeys(jwksUri: string, jwks: JSONWebKeySet, algorithms: string[]): Result<PinnedKeys> {
  const usable = (key: JWK) => algorithms.some((alg) => selectKey({ keys: [key] }, alg, null).kind === "key");
  if (jwks.keys.some(usable)) return ok({ jwksUri, jwks });
  return unusable(
    `its key set has no usable key for ${algorithms.join(", ")}. Keys must be public, meant for signatures and, if RSA, of 2048 to 8192 bits.`,
  );
}

function unusable(cause: string, reason?: string): Result<never> {
  return fail("issuer_unusable", {
    message: `The issuer could not be used: ${cause}`,
    ...(reason === undefined ? {} : { reason }),
  });
}
