import * as z from "zod/mini";
import { fail, ok, type Result } from "../../errors.ts";
import { validate } from "../../http/validation.ts";
import { type CheckedRecipe, LARGEST_BODY_BYTES, type Provider, type SettingRule } from "./checked-recipe.ts";
import { dataRecipe } from "./data-recipe.ts";
import { OwnRecipe, ownSpec } from "./own-recipe.ts";
import type { RecipeContext } from "./recipe.ts";
import { PROVIDERS } from "./registry.ts";
import { importKey } from "./signing-keys.ts";

export { providersForConnector } from "./registry.ts";

type Settings = RecipeContext["settings"];

/** What the column `triggers.recipe` holds, as JSON. */
export type StoredRecipe = { settings?: Settings } & ({ provider: string } | { recipe: OwnRecipe });

const Stored = z.strictObject({
  provider: z.optional(z.string().check(z.maxLength(100))),
  recipe: z.optional(OwnRecipe),
  settings: z.optional(z.record(z.string(), z.union([z.string(), z.array(z.string())]))),
});

/** A recipe that an operator chose or wrote, ready to be stored. Failures are `bad_request` and `unknown_field`. */
export function checkRecipe(input: unknown): Result<StoredRecipe> {
  const parsed = validate(Stored, input, "body");
  if (!parsed.ok) return parsed;
  const { provider, recipe, settings = {} } = parsed.value;
  const known = provider === undefined ? OWN : PROVIDERS.get(provider);
  if ((provider === undefined) === (recipe === undefined)) return bad("Send either a provider or a recipe.");
  if (known === undefined) return bad(`provider: it is not one of ${[...PROVIDERS.keys()].sort().join(", ")}.`);
  const problem = settingsProblem(known.settings ?? {}, settings);
  if (problem !== null) return bad(`settings: ${problem}.`);
  const chosen = Object.keys(settings).length > 0 && { settings };
  if (recipe !== undefined) return ok({ recipe, ...chosen });
  return ok({ provider: provider ?? "", ...chosen });
}

/** What `checkRecipe` passed, ready for use. Whatever has become unknown since is never open, but misconfigured. */
export function parseStoredRecipe(json: string): { recipe: CheckedRecipe; settings: Settings } {
  const stored = Stored.safeParse(JSON.parse(json));
  if (!stored.success) return { recipe: UNKNOWN, settings: {} };
  const { provider = "", recipe, settings = {} } = stored.data;
  const known = recipe === undefined ? PROVIDERS.get(provider)?.recipe : dataRecipe(ownSpec(recipe));
  return { recipe: known ?? UNKNOWN, settings };
}

/**
 * What is wrong with a secret for a recipe, after "must"; null when nothing is, as far as it can be told. Its text is
 * not quoted.
 */
export async function secretProblem(recipe: CheckedRecipe, secret: string): Promise<string | null> {
  if (secret.trim() !== secret || secret === "") return "not be empty, or begin or end with white space";
  if (recipe.kind === "code" || (await importKey(recipe.spec, secret)) !== null) return null;
  const { algorithm } = recipe.spec.signature;
  const { encoding } = recipe.spec.secret;
  const what = algorithm.startsWith("hmac") ? "key" : `public key for ${algorithm}`;
  return `be a ${what}${encoding === "utf8" ? "" : ` in ${encoding}`}`;
}

/** Recipes of an operator's own know one setting. */
const OWN: Pick<Provider, "settings"> = {
  settings: { notificationUrl: { required: false, what: "the URL exactly as it is registered at the provider" } },
};

const UNKNOWN: CheckedRecipe = {
  kind: "code",
  methods: ["POST"],
  forwardedHeaders: [],
  strippedHeaders: [],
  acknowledgement: { status: 200, body: "" },
  strips: [],
  // What comes is to be sent again, not refused for its length.
  maxBodyBytes: LARGEST_BODY_BYTES,
  verify: async () => ({ kind: "misconfigured" }),
};

const MAX_TEXTS = 20;
const MAX_TEXT = 500;

function settingsProblem(rules: Readonly<Record<string, SettingRule>>, settings: Settings): string | null {
  const unknown = Object.keys(settings).find((name) => !Object.hasOwn(rules, name));
  if (unknown !== undefined) {
    const names = Object.keys(rules);
    return names.length === 0 ? "this recipe has none" : `the ones there are: ${names.join(", ")}`;
  }
  for (const [name, rule] of Object.entries(rules)) {
    const value = Object.hasOwn(settings, name) ? settings[name] : undefined;
    if (value === undefined ? rule.required : !isSetting(rule, value)) {
      return `${name} must be ${rule.list === true ? `a list of 1 to ${MAX_TEXTS} texts: ` : ""}${rule.what}`;
    }
  }
  return null;
}

function isSetting({ list, pattern }: SettingRule, value: string | readonly string[]): boolean {
  if ((typeof value !== "string") !== (list === true)) return false;
  const texts = typeof value === "string" ? [value] : value;
  if (texts.length === 0 || texts.length > MAX_TEXTS) return false;
  return texts.every((text) => text !== "" && text.length <= MAX_TEXT && (pattern?.test(text) ?? true));
}

function bad(message: string) {
  return fail("bad_request", { message });
}
