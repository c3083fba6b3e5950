import * as z from "zod/mini";
import { signingSecret } from "../../triggers/settings/fields.ts";
import { plainText } from "../connector-data.ts";

const MAX_EXTRAS_CHARACTERS = 8192;
const SLUG = /^[a-z0-9](-?[a-z0-9_]){0,99}$/i;

/** GitHub writes numbers; digits are accepted as text, which typed clients may send. */
const id = z.union([
  z.int().check(z.gte(1)),
  z.pipe(z.string().check(z.regex(/^[1-9]\d{0,14}$/)), z.transform(Number)),
]);
const slug = z.string().check(z.regex(SLUG, "must be a slug: letters, digits and hyphens"));

/** Who has the app. */
const owner = z.strictObject({
  type: z.enum(["user", "organization"]),
  id: z.union([z.int(), plainText(64)]),
  slug: plainText(100),
  name: z.optional(plainText(200)),
});
const extras = z
  .record(z.string().check(z.maxLength(128)), z.json())
  .check(
    z.refine(
      (members) => JSON.stringify(members).length <= MAX_EXTRAS_CHARACTERS,
      "must be at most 8192 characters of JSON",
    ),
  );
const pem = z.string().check(z.maxLength(16_384));

/** `data` of a create or update body. Empty text removes `clientSecret`, `privateKeyPem`, `host` or `apiUrl`. */
export const githubInput = z.strictObject({
  appId: z.optional(id),
  appSlug: z.optional(slug),
  appName: z.optional(plainText(200).check(z.minLength(1))),
  clientId: z.optional(z.string().check(z.regex(/^[\x21-\x7E]{1,200}$/))),
  owner: z.optional(owner),
  extras: z.optional(extras),
  clientSecret: z.optional(plainText(512)),
  privateKeyPem: z.optional(pem),
  webhookSecret: z.optional(signingSecret),
  /** Another GitHub than github.com, as an origin. */
  host: z.optional(plainText(2048)),
  /** Where that one's REST API is, if not where its kind has it. */
  apiUrl: z.optional(plainText(2048)),
});

/** A GitHub App as it is stored, without its secrets `clientSecret` and `privateKeyPem`. */
export const githubConfig = z.object({
  appId: z.nullable(z.number()),
  appSlug: z.nullable(z.string()),
  appName: z.nullable(z.string()),
  clientId: z.nullable(z.string()),
  owner: z.optional(owner),
  extras: z.optional(extras),
  /** Origin of the pages. */
  web: z.string(),
  /** Base of the REST API, without a slash at its end. */
  api: z.string(),
  hasClientSecret: z.boolean(),
  hasPrivateKey: z.boolean(),
});
export type GitHubConfig = z.output<typeof githubConfig>;

const ownerBody = z.object({
  type: z.pipe(
    z.enum(["User", "Organization"]),
    z.transform((type) => (type === "User" ? "user" : "organization")),
  ),
  id: z.int(),
  login: plainText(100),
});

/** Whose GitHub says that an app is; undefined = an enterprise's, which has no login, or nobody's that is known. */
export function ownerOf(body: unknown): GitHubConfig["owner"] {
  const parsed = ownerBody.safeParse(body);
  if (!parsed.success) return undefined;
  const { type, id, login: slug } = parsed.data;
  return { type, id, slug };
}

export const GITHUB = { web: "https://github.com", api: "https://api.github.com" };

/**
 * Where the API of a GitHub with these pages is: github.com, GitHub Enterprise Cloud with data residency
 * (`octocorp.ghe.com`), or GitHub Enterprise Server. https://docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api
 */
export function apiOf({ origin, hostname }: URL): string {
  if (hostname === "github.com") return GITHUB.api;
  return hostname.endsWith(".ghe.com") ? `https://api.${hostname}` : `${origin}/api/v3`;
}

/** The app's public page; a GitHub Enterprise Server has another path for it. */
export function appPage({ web, api, appSlug }: GitHubConfig): string {
  return `${web}/${api.endsWith("/api/v3") ? "github-apps" : "apps"}/${appSlug ?? ""}`;
}
