import { importRsaPrivateKey } from "../../crypto/rsa-private-key.ts";
import { Secret } from "../../crypto/secret.ts";
import { ok, type Result } from "../../errors.ts";
import { checkUrl, type UrlPolicy } from "../../outbound/url-policy.ts";
import { invalidConfig, parseData } from "../connector-data.ts";
import type { AssertionSource, DriverDeps, SaveContext, SavedConfig, SplitConfig } from "../driver.ts";
import { signAppJwt } from "./app-jwt.ts";
import { apiOf, GITHUB, type GitHubConfig, githubConfig, githubInput, ownerOf } from "./config.ts";
import { findApp } from "./find-installation.ts";

type Saved = SplitConfig<GitHubConfig>;

const EMPTY: GitHubConfig = {
  appId: null,
  appSlug: null,
  appName: null,
  clientId: null,
  ...GITHUB,
  hasClientSecret: false,
  hasPrivateKey: false,
};
/** What says which app it is; GitHub knows it of a key. */
const IDENTITY = ["appId", "appSlug", "clientId"] as const;

/**
 * What is stored for a create (`stored` null) or update body's `data`. A private key is tried on GitHub once the app is
 * named, and again when either changes, so that a wrong one is noticed by whoever sends it; an owner that nobody named
 * is learned with that. Stored secrets serve the host that they were stored for. Fails with `unknown_field`,
 * `invalid_config`, `url_not_allowed`, or as the call does.
 */
export async function saveGitHub(
  stored: Saved | null,
  data: unknown,
  { draft }: Pick<SaveContext, "draft">,
  deps: DriverDeps,
): Promise<Result<SavedConfig<GitHubConfig>>> {
  const input = parseData(githubInput, data);
  if (!input.ok) return input;
  const { clientSecret, privateKeyPem, webhookSecret, host, apiUrl, ...named } = input.value;
  const before = stored?.config ?? EMPTY;
  const place = placeOf(before, { host, apiUrl }, deps.urlPolicy);
  if (!place.ok) return place;

  const secrets = new Map(Object.entries(stored?.secrets ?? {}));
  const given = Object.entries({ clientSecret, privateKeyPem });
  const isMoved = place.value.web !== before.web || place.value.api !== before.api;
  if (isMoved && given.some(([name, value]) => value === undefined && secrets.has(name))) {
    return invalidConfig(
      "The stored secrets belong to another host. Send data.clientSecret and data.privateKeyPem with it.",
    );
  }
  for (const [name, value] of given) {
    if (value === "") secrets.delete(name);
    else if (value !== undefined) secrets.set(name, value);
  }
  const wasComplete = stored !== null && missingParts(before).length === 0;
  const isAnotherApp = wasComplete && (isMoved || (named.appId ?? before.appId) !== before.appId);
  const config = githubConfig.parse({
    ...before,
    ...(isAnotherApp && { owner: undefined }),
    ...place.value,
    ...named,
    hasClientSecret: secrets.has("clientSecret"),
    hasPrivateKey: secrets.has("privateKeyPem"),
  });
  const missing = missingParts(config);
  if (missing.length > 0 && !draft) return invalidConfig(missing.join(" "));
  const saved = { config, secrets: Object.fromEntries(secrets), missing };
  const isKnown = wasComplete && !isMoved && privateKeyPem === undefined;
  const isSameApp = isKnown && IDENTITY.every((member) => before[member] === config[member]);
  const checked = await checkKey(saved, missing.length === 0 && !isSameApp, deps);
  if (!checked.ok) return checked;
  const { owner = checked.value } = config;
  return ok({
    ...saved,
    ...(owner !== undefined && { config: { ...config, owner } }),
    ...(webhookSecret !== undefined && { trigger: { provider: "github", secret: webhookSecret } }),
  });
}

/** Where pages and API are after `host` and `apiUrl`; "" goes back to the default. */
export function placeOf(
  before: Pick<GitHubConfig, "web" | "api">,
  { host, apiUrl }: { host: string | undefined; apiUrl: string | undefined },
  policy: UrlPolicy,
): Result<Pick<GitHubConfig, "web" | "api">> {
  const web = host === undefined ? ok(new URL(before.web)) : checkUrl(host || GITHUB.web, policy);
  if (!web.ok) return web;
  if (web.value.href !== `${web.value.origin}/`)
    return invalidConfig("data.host must be an origin, such as https://github.example.com.");
  const usual = host === undefined && apiUrl === undefined ? before.api : apiOf(web.value);
  const api = checkUrl(apiUrl || usual, policy);
  if (!api.ok) return api;
  if (api.value.search !== "") return invalidConfig("data.apiUrl must not have a query.");
  return ok({ web: web.value.origin, api: api.value.href.replace(/\/$/, "") });
}

/** The key's form, and with `isAsked` that GitHub knows it as this app's; whose app that is, as far as GitHub says. */
async function checkKey(
  { config, secrets }: Saved,
  isAsked: boolean,
  deps: DriverDeps,
): Promise<Result<GitHubConfig["owner"]>> {
  const { privateKeyPem } = secrets;
  if (privateKeyPem === undefined) return ok(undefined);
  const opened = { config, secrets: { privateKeyPem: Secret.of(privateKeyPem) } };
  if ((await importRsaPrivateKey(opened.secrets.privateKeyPem)) === null) {
    return invalidConfig(
      "data.privateKeyPem must be an RSA private key of 2048 bits or more, in PEM as GitHub gave it.",
    );
  }
  if (!isAsked) return ok(undefined);
  const assertion: AssertionSource = async (refused) => {
    const signed = await signAppJwt(opened, refused?.providerNowMs ?? deps.now());
    return signed.ok ? ok(signed.value.assertion) : signed;
  };
  const app = await findApp({ config, assertion }, deps);
  if (!app.ok) {
    if (app.failure.code !== "upstream_invalid_client") return app;
    return invalidConfig(
      "data.privateKeyPem is not a key of the app that data.clientId names. Generate one on the app's page.",
    );
  }
  const { id, slug, client_id: clientId } = app.value;
  const found = { appId: id, appSlug: slug, clientId };
  const wrong = IDENTITY.filter((member) => found[member] !== undefined && found[member] !== config[member]);
  if (wrong.length === 0) return ok(ownerOf(app.value.owner));
  return invalidConfig(
    `data.privateKeyPem is another app's: GitHub says otherwise of ${wrong.map((name) => `data.${name}`).join(", ")}.`,
  );
}

function missingParts(config: GitHubConfig): string[] {
  const names = ["appId", "appSlug", "appName", "clientId"] as const;
  return names.flatMap((name) => (config[name] === null ? [`data.${name} is required.`] : []));
}
