import * as z from "zod/mini";
import { generateSigningKey } from "../../crypto/signing-key.ts";
import { ok, type Result } from "../../errors.ts";
import { invalidConfig, parseData } from "../connector-data.ts";
import type { DriverDeps, SaveContext, SavedConfig, SplitConfig } from "../driver.ts";
import { chooseAssertionAlg, chooseClientAuthMethod } from "./client-auth.ts";
import {
  effectiveServer,
  mergeSettings,
  type OAuthConfig,
  type OAuthSettings,
  oauthDraftSettings,
  oauthInput,
  oauthSettings,
} from "./config.ts";
import { discover } from "./discovery.ts";
import { issuerChanged, reachesNewOrigin } from "./moved-server.ts";
import { checkServerUrls, type ServerMetadata } from "./server-metadata.ts";

type Saved = SplitConfig<OAuthConfig>;

/**
 * What is stored for a create (`stored` null) or update body's `data`: merged, discovered, checked, with a key pair
 * where assertions are signed. Naming `serverUrl` discovers anew; nothing else changes pinned metadata. A stored secret
 * or key serves the authorization server that it was stored for (RFC 9700 §4.4): another one needs its own. A draft
 * may lack what its grants need. Fails with `unknown_field`, `invalid_config`, `url_not_allowed` or `issuer_mismatch`.
 */
export async function saveOAuth(
  stored: Saved | null,
  data: unknown,
  context: SaveContext,
  deps: DriverDeps,
): Promise<Result<SavedConfig<OAuthConfig>>> {
  const input = parseData(oauthInput, data);
  if (!input.ok) return input;
  const { clientSecret, ...patch } = input.value;
  const schema = context.draft ? oauthDraftSettings : oauthSettings;
  const settings = parseData(schema, mergeSettings(stored?.config.settings ?? {}, patch));
  if (!settings.ok) return settings;

  const pinned = stored?.config.discovered ?? null;
  const discovered = patch.serverUrl === undefined ? ok(pinned) : await discoverFor(settings.value, deps);
  if (!discovered.ok) return discovered;
  const server = effectiveServer({ settings: settings.value, discovered: discovered.value });
  const urls = checkServerUrls(server, deps.urlPolicy);
  if (!urls.ok) return urls;

  const secrets = new Map(Object.entries(stored?.secrets ?? {}));
  const before = stored === null ? server : effectiveServer(stored.config);
  const isMoved = issuerChanged(before, server) || reachesNewOrigin(before, server);
  if (isMoved && clientSecret === undefined && secrets.has("clientSecret")) {
    return invalidConfig(
      "The stored client secret belongs to another authorization server. Send data.clientSecret again together with the new server, or an empty one to remove it.",
    );
  }
  if (clientSecret === "") secrets.delete("clientSecret");
  else if (clientSecret !== undefined) secrets.set("clientSecret", clientSecret);

  const method = chooseClientAuthMethod(settings.value, server, secrets.has("clientSecret"));
  const problems = missingParts(settings.value, server, method, secrets.has("clientSecret"));
  if (problems.length > 0 && !context.draft) return invalidConfig(problems.join(" "));

  let key = stored?.config.clientAuth.key ?? null;
  if (method !== "private_key_jwt") {
    key = null;
    secrets.delete("clientPrivateKey");
  } else if (key === null || issuerChanged(before, server)) {
    const { alg, kid, publicJwk, privateJwk } = await generateSigningKey(chooseAssertionAlg(server));
    key = { alg, kid, publicJwk: z.record(z.string(), z.json()).parse(publicJwk) };
    secrets.set("clientPrivateKey", privateJwk.expose());
  }
  const clientAuth = { method, key, jwksUri: key === null ? null : context.jwksUri };
  return ok({
    config: { settings: settings.value, discovered: discovered.value, clientAuth },
    secrets: Object.fromEntries(secrets),
    missing: problems,
  });
}

/** Null where there is nothing to discover, or where nothing was found but the token endpoint is configured. */
async function discoverFor(
  { serverUrl, serverConfig }: OAuthSettings,
  deps: DriverDeps,
): Promise<Result<ServerMetadata | null>> {
  if (serverUrl === undefined) return ok(null);
  const found = await discover(serverUrl, deps);
  const isOptional = serverConfig?.token_endpoint !== undefined;
  return !found.ok && found.failure.code === "invalid_config" && isOptional ? ok(null) : found;
}

/** What the enabled grants still lack, as sentences that say what to do; empty when the connector can work. */
function missingParts(
  settings: OAuthSettings,
  server: ServerMetadata,
  method: OAuthConfig["clientAuth"]["method"],
  hasSecret: boolean,
): string[] {
  const problems: string[] = [];
  if (settings.clientId === "") problems.push("data.clientId is required.");
  if (server.token_endpoint === undefined) {
    problems.push(
      "The token endpoint is not known. Set data.serverUrl to an issuer that publishes it, or data.serverConfig.token_endpoint.",
    );
  }
  if (settings.userAuthorization?.enabled === true && server.authorization_endpoint === undefined) {
    problems.push(
      "User authorization is enabled but the authorization endpoint is not known. Set data.serverConfig.authorization_endpoint.",
    );
  }
  if ((method === "client_secret_basic" || method === "client_secret_post") && !hasSecret) {
    problems.push(`data.clientSecret is required for the authentication method ${method}.`);
  }
  if (
    method === "none" &&
    settings.tokenEndpointAuthMethod !== "none" &&
    settings.clientCredentials?.enabled === true
  ) {
    problems.push(
      'Client credentials are enabled but there is no credential. Set data.clientSecret, or data.tokenEndpointAuthMethod to "private_key_jwt".',
    );
  }
  if (method === "private_key_jwt" && server.issuer === undefined) {
    problems.push(
      "private_key_jwt needs the issuer, the only audience of its assertions. Set data.serverUrl or data.serverConfig.issuer.",
    );
  }
  return problems;
}
