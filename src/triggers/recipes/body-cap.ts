import { type CheckedRecipe, LARGEST_BODY_BYTES, LARGEST_BUFFERED_BYTES } from "./checked-recipe.ts";
import type { SigningSecret } from "./recipe.ts";
import { givesMacs } from "./replies.ts";
import { mayBeForm, pointersOf } from "./sources.ts";
import type { RecipeSpec } from "./spec.ts";

type Secrets = readonly Pick<SigningSecret, "value">[];

/**
 * Whether no body can be judged piece by piece. Public-key signatures are over the whole message, and what is looked up in
 * the body must be blanked there, too.
 */
export function needsWhole(spec: RecipeSpec, secrets: Secrets): boolean {
  const { algorithm, asymmetric, pointer } = spec.signature;
  if ((spec.strips ?? []).length > 0 || pointer !== undefined || givesMacs(spec)) return true;
  if (algorithm === "ed25519" || algorithm === "ecdsa-p256") return true;
  return asymmetric !== undefined && secrets.some(({ value }) => value.expose().startsWith(asymmetric.secretPrefix));
}

/**
 * The largest body that a connector with that recipe and these secrets can accept (bytes). Where a body may be JSON
 * or a form, only JSON may be as large: a form is judged as a whole.
 */
export function bodyCap(recipe: CheckedRecipe | null, secrets: Secrets): number {
  if (recipe === null) return LARGEST_BODY_BYTES;
  const { maxBodyBytes } = recipe;
  if (recipe.kind === "code") return maxBodyBytes;
  const isForm = mayBeForm(recipe.sources) && pointersOf(recipe.sources).length === 0;
  return isForm || needsWhole(recipe.spec, secrets) ? Math.min(maxBodyBytes, LARGEST_BUFFERED_BYTES) : maxBodyBytes;
}
