import type { CheckedRecipe, DataRecipe, RecipeDeps } from "./checked-recipe.ts";
import { conclude } from "./conclude.ts";
import { isVerdict, openRequest, refused, signerOf } from "./opened.ts";
import type { RecipeContext, Verdict, WebhookRequest } from "./recipe.ts";
import { givesMacs, verifyGet } from "./replies.ts";
import { presentedSecret } from "./signature-header.ts";
import { factsOf, textAt } from "./sources.ts";

/** The verdict on one request, by its recipe. Whatever the request holds, it does not throw. */
export async function verifyRequest(
  recipe: CheckedRecipe,
  request: WebhookRequest,
  context: RecipeContext,
  deps: RecipeDeps,
): Promise<Verdict> {
  if (recipe.kind === "code") return recipe.verify(request, context, deps);
  return request.method === "GET" ? verifyGet(recipe.spec, request, context) : verifyPost(recipe, request, context);
}

async function verifyPost(
  { spec, sources }: DataRecipe,
  request: WebhookRequest,
  context: RecipeContext,
): Promise<Verdict> {
  const opened = await openRequest(spec, request, context);
  if (isVerdict(opened)) return opened;
  const { pointer } = spec.signature;
  if (pointer !== undefined) {
    const secret = textAt({ pointer }, factsOf(request, [{ pointer }]));
    if (secret === null) return refused(spec, "signature_missing");
    opened.candidates.push(presentedSecret(secret));
  }
  const key = await signerOf(opened, request.body);
  if (key === null) return refused(spec, "signature_mismatch");
  if (givesMacs(spec) && request.body[0] !== OPEN_BRACE) return refused(spec, "not_a_webhook");
  return conclude(spec, opened, key, factsOf(request, sources), context);
}

const OPEN_BRACE = 0x7b;
