import type { AssertionSource, DriverDeps, IssuedToken, SplitConfig, TokenGroup } from "../../src/catalog/driver.ts";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { type Failure, fail, type Result } from "../../src/errors.ts";
import { createGuardedFetch } from "../../src/outbound/guarded-fetch.ts";
import { hostileAnswer } from "../providers/hostile.ts";

export const NOW = Date.UTC(2026, 10, 22, 12);
export const CONTEXT = {
  connectorId: "scl_test",
  draft: false,
  jwksUri: "https://connect.example.com/v1/connectors/scl_test/jwks.json",
};
export const CLIENT_SECRET = "s3cret-of-the-client";
export const DEFAULTS: TokenGroup = { scopes: [], resources: [], audience: [], authorizationDetails: [] };

const urlPolicy = { ownHosts: ["127.0.0.1:8787"], allowLoopback: true };

/** Real outbound calls, a clock that stands still. */
export const deps: DriverDeps = {
  fetch: createGuardedFetch({ fetch, policy: urlPolicy }),
  now: () => NOW,
  urlPolicy,
  randomBytes,
};

/** Deps whose provider is a map from URL to JSON document; everything else is a 404. Counts requests. */
export function publishing(documents: Record<string, unknown>): DriverDeps & { asked: string[] } {
  const asked: string[] = [];
  const provider = async (input: RequestInfo | URL) => {
    const url = String(input);
    asked.push(url);
    const document = documents[url];
    return document === undefined ? new Response("no", { status: 404 }) : Response.json(document);
  };
  return { ...deps, asked, fetch: createGuardedFetch({ fetch: provider, policy: urlPolicy }) };
}

/** An `oauth` connector with client credentials whose endpoints are given, not discovered. */
export function createOAuth(
  serverConfig: Record<string, unknown>,
  extra: Record<string, unknown> = {},
): Promise<Result<SplitConfig<unknown>>> {
  const data = { clientId: "client", clientSecret: CLIENT_SECRET, clientCredentials: { enabled: true }, serverConfig };
  return oauthDriver.create({ ...data, ...extra }, CONTEXT, deps);
}

export function secretsOf(saved: SplitConfig<unknown>): Record<string, Secret> {
  return Object.fromEntries(Object.entries(saved.secrets).map(([name, text]) => [name, Secret.of(text)]));
}

export function succeeded<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`unexpected failure: ${JSON.stringify(result.failure)}`);
  return result.value;
}

export function failed(result: Result<unknown>): Failure {
  if (result.ok) throw new Error(`unexpected success: ${JSON.stringify(result.value)}`);
  return result.failure;
}

/** What a mint makes of a token endpoint at `tokenEndpoint`. The configuration takes the way through storage. */
export async function mintAt(
  tokenEndpoint: string,
  group: Partial<TokenGroup> = {},
  extra: Record<string, unknown> = {},
): Promise<Result<IssuedToken>> {
  const saved = succeeded(await createOAuth({ token_endpoint: tokenEndpoint }, extra));
  return mintWith(saved, group);
}

const noAssertion: AssertionSource = async () => fail("unresolved_token");

/** What a mint is told where its driver has no installations. */
export const noInstallation = { installation: null, assertion: noAssertion };

export function mintWith(saved: SplitConfig<unknown>, group: Partial<TokenGroup> = {}): Promise<Result<IssuedToken>> {
  const config: unknown = JSON.parse(JSON.stringify(saved.config));
  const request = { ...noInstallation, config, secrets: secretsOf(saved), connectorId: "scl_test" };
  return oauthDriver.mint({ ...request, group: { ...DEFAULTS, ...group } }, deps);
}

/** A token answer of `members` over a good one; a member set to undefined is left out. */
export function tokenAnswer(members: Record<string, unknown> = {}): string {
  return hostileAnswer(JSON.stringify({ access_token: "at-1", token_type: "Bearer", expires_in: 600, ...members }));
}
