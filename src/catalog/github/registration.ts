import * as z from "zod/mini";
import { fail, ok, type Result } from "../../errors.ts";
import type { UrlPolicy } from "../../outbound/url-policy.ts";
import { plainText } from "../connector-data.ts";
import type { DriverDeps } from "../driver.ts";
import type { Registration, RegistrationRequest } from "../installations.ts";
import { callApi, misshapen, unexpected } from "./api.ts";
import { apiOf, GITHUB, type githubInput, ownerOf } from "./config.ts";
import { LOGIN } from "./details.ts";
import { mergedPermissions, type Permissions, parsePermission } from "./permissions.ts";
import { placeOf } from "./save.ts";

const MAX_NAME_LENGTH = 34;
/** Every app gets these; a manifest that asks for them is refused. */
const ALWAYS_SENT = /^(installation|github_app_authorization|ping|meta$)/;

const options = z.strictObject({
  host: z.optional(plainText(2048)),
  apiUrl: z.optional(plainText(2048)),
  organization: z.optional(z.string().check(z.regex(LOGIN))),
  public: z._default(z.boolean(), false),
  permissions: z._default(z.array(z.string()).check(z.maxLength(100)), ["contents:read", "metadata:read"]),
  description: z.optional(plainText(1000)),
});
type Options = z.output<typeof options>;

/** https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest */
export const githubRegistration: Registration = { services: ["github"], plan, form, finish };

function plan(given: unknown, policy: UrlPolicy): Result<Record<string, unknown>> {
  const parsed = options.safeParse(given ?? {});
  if (!parsed.success) {
    const members = new Set(parsed.error.issues.map(({ path }) => ["data", ...path.slice(0, 1)].map(String).join(".")));
    return fail("bad_request", {
      message: `${[...members].join(", ")}: give host, apiUrl, organization, public, permissions such as ["contents:read"], description, or nothing.`,
    });
  }
  const unknown = parsed.data.permissions.filter((text) => parsePermission(text) === null);
  if (unknown.length > 0) {
    return fail("bad_request", { message: "data.permissions: each is a name that GitHub documents, and a level." });
  }
  const { host, apiUrl } = parsed.data;
  const place = placeOf(GITHUB, { host, apiUrl }, policy);
  return place.ok ? ok(parsed.data) : place;
}

function form({ plan, name, state, redirectUri, webhook, publicOrigin }: RegistrationRequest) {
  const { organization, public: isPublic, permissions, description, ...place } = options.parse(plan);
  const settings = organization === undefined ? "settings" : `organizations/${organization}/settings`;
  const manifest = {
    name: name.slice(0, MAX_NAME_LENGTH),
    url: publicOrigin,
    redirect_url: redirectUri,
    callback_urls: [redirectUri],
    setup_url: redirectUri,
    setup_on_update: true,
    request_oauth_on_install: false,
    public: isPublic,
    default_permissions: wanted(permissions),
    ...(webhook !== null && {
      hook_attributes: { url: webhook.url, active: true },
      default_events: providerEvents(webhook.events),
    }),
    ...(description !== undefined && { description }),
  };
  const url = `${webOf(place).origin}/${settings}/apps/new?${new URLSearchParams({ state })}`;
  return { url, fields: { manifest: JSON.stringify(manifest) } };
}

const conversion = z.object({
  id: z.int(),
  slug: z.string(),
  name: z.string(),
  client_id: z.string(),
  client_secret: z.string(),
  webhook_secret: z.nullish(z.string()),
  pem: z.string(),
  owner: z.optional(z.unknown()),
});

/** The code is good for one use, within an hour. */
async function finish(
  { plan, code }: Parameters<Registration["finish"]>[0],
  deps: DriverDeps,
): Promise<Result<{ data: z.input<typeof githubInput>; name: string }>> {
  const { host, apiUrl, organization } = options.parse(plan);
  const api = (apiUrl || apiOf(webOf({ host }))).replace(/\/$/, "");
  const path = `/app-manifests/${encodeURIComponent(code.expose())}/conversions`;
  const answer = await callApi({ api }, null, { method: "POST", path }, deps);
  if (!answer.ok) return answer;
  const { status } = answer.value;
  if (status === 403 || status === 404) return unexpected(answer.value);
  if (status !== 201) return misshapen(`conversion: status=${status}`);
  const body = conversion.safeParse(answer.value.json);
  if (!body.success) return misshapen("conversion: bad members");
  const { id, slug, name, client_id, client_secret, webhook_secret, pem } = body.data;
  const owner = ownerOf(body.data.owner);
  // Whoever opened the page may have made it an app of their own, whose keys would then be theirs, too.
  if (organization !== undefined && organization.toLowerCase() !== owner?.slug.toLowerCase()) {
    return fail("invalid_config", { reason: "registered for another account" });
  }
  const data = {
    appId: id,
    appSlug: slug,
    appName: name,
    clientId: client_id,
    clientSecret: client_secret,
    privateKeyPem: pem,
    ...(webhook_secret ? { webhookSecret: webhook_secret } : {}),
    ...(owner !== undefined && { owner }),
    ...(host !== undefined && { host }),
    ...(apiUrl !== undefined && { apiUrl }),
  };
  return ok({ data, name });
}

function webOf({ host }: Pick<Options, "host">): URL {
  return new URL(host || GITHUB.web);
}

function wanted(permissions: string[]): Permissions {
  return mergedPermissions(permissions.map(parsePermission).filter((pair) => pair !== null));
}

/** Our filters are `event.action` globs; GitHub subscribes to whole events. */
function providerEvents(globs: string[]): string[] {
  const names = globs.map((glob) => glob.split(".", 1)[0] ?? "");
  return [...new Set(names)].filter((name) => /^\w+$/.test(name) && !ALWAYS_SENT.test(name));
}
