import type {
  AssertionSource,
  AuthorizationDetail,
  DriverDeps,
  SplitConfig,
  TokenGroup,
} from "../../src/catalog/driver.ts";
import { githubDriver } from "../../src/catalog/github/driver.ts";
import type { FoundInstallation, Installations } from "../../src/catalog/installations.ts";
import type { Secret } from "../../src/crypto/secret.ts";
import { ok } from "../../src/errors.ts";
import { type RemoteApp, type RemoteGitHub, startGitHub } from "../providers/github-client.ts";
import { CONTEXT, DEFAULTS, deps as frozen, secretsOf, succeeded } from "./support.ts";

export const REDIRECT_URI = "https://connect.example.com/callback/scl_test";

/** Real calls and the real clock, since the stand-in has it. */
export const deps: DriverDeps = { ...frozen, now: Date.now };

export interface Connector {
  config: unknown;
  secrets: Record<string, Secret>;
  connectorId: string;
  assertion: AssertionSource & { signed: number };
}

export interface World {
  github: RemoteGitHub;
  app: RemoteApp;
  /** `data` that names the app and where it is. */
  data: Record<string, unknown>;
}

export async function newWorld(
  options: { layout?: "github.com" | "ghes"; app?: Record<string, unknown> } = {},
): Promise<World> {
  const github = await startGitHub(options.layout === undefined ? {} : { layout: options.layout });
  const permissions = { contents: "write", issues: "read", metadata: "read" };
  const settings = { name: "Acme Bot", permissions, callbackUrls: [REDIRECT_URI], setupUrl: REDIRECT_URI };
  const app = await github.call<RemoteApp>("registerApp", { ...settings, ...options.app });
  return { github, app, data: dataOf(github, app, options.layout === "ghes") };
}

export function dataOf(
  { webOrigin, apiBase }: RemoteGitHub,
  app: RemoteApp,
  isServer = false,
): Record<string, unknown> {
  return {
    appId: app.id,
    appSlug: app.slug,
    appName: app.name,
    clientId: app.clientId,
    clientSecret: app.clientSecret,
    privateKeyPem: app.pem,
    host: webOrigin,
    ...(isServer ? {} : { apiUrl: apiBase }),
  };
}

/** A connector whose configuration has taken the way through storage. */
export async function connect({ data }: Pick<World, "data">): Promise<Connector> {
  return opened(succeeded(await githubDriver.create(data, CONTEXT, deps)));
}

export function opened(saved: SplitConfig<unknown>): Connector {
  const config: unknown = JSON.parse(JSON.stringify(saved.config));
  const secrets = secretsOf(saved);
  return { config, secrets, connectorId: "scl_test", assertion: asserting({ config, secrets }) };
}

/** Signs as the ConnectorGate does: once, and anew by the provider's clock for one that was refused. */
export function asserting(connector: Pick<Connector, "config" | "secrets">): Connector["assertion"] {
  let current: Secret | null = null;
  const source = async (refused?: Parameters<AssertionSource>[0]) => {
    if (current !== null && refused === undefined) return ok(current);
    source.signed += 1;
    const signed = await githubDriver.assertion?.(connector, refused?.providerNowMs ?? deps.now());
    if (signed === undefined) throw new Error("the driver signs nothing");
    if (signed.ok) current = signed.value.assertion;
    return signed.ok ? ok(signed.value.assertion) : signed;
  };
  source.signed = 0;
  return source;
}

export function installations(): Installations {
  if (githubDriver.installations === null) throw new Error("the driver has no installations");
  return githubDriver.installations;
}

export async function installed(
  { github, app }: World,
  connector: Connector,
  account: string,
  options: Record<string, unknown> = {},
): Promise<FoundInstallation> {
  const externalId = String(await github.call<number>("install", app.id, account, options));
  const found = succeeded(await installations().find({ ...connector, externalId }, deps));
  if (found === null) throw new Error("not installed");
  return found;
}

export function narrowed(detail: Record<string, unknown>): TokenGroup {
  return { ...DEFAULTS, authorizationDetails: [detailOf(detail)] };
}

export function detailOf(detail: Record<string, unknown>): AuthorizationDetail {
  return { type: "github_app_installation", ...detail };
}

/** What a mint makes of a request that names `detail`, on the way that the token path takes. */
export async function mint(connector: Connector, installation: FoundInstallation, detail?: Record<string, unknown>) {
  const asked = detail === undefined ? DEFAULTS : narrowed(detail);
  const group = githubDriver.resolveGroup(connector.config, "app", asked, installation);
  return group.ok ? githubDriver.mint({ ...connector, group: group.value, installation }, deps) : group;
}
