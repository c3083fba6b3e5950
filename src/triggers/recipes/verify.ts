import type { CheckedRecipe, RecipeDeps } from "./checked-recipe.ts";
import type { RecipeContext, Verdict, WebhookRequest } from "./recipe.ts";

/** The verdict on one request, by its recipe. Never throws for what a request holds. */
export async function verifyRequest(
  recipe: CheckedRecipe,
  request: WebhookRequest,
  context: RecipeContext,
  deps: RecipeDeps,
): Promise<Verdict> {
  if (recipe.kind === "code") return recipe.verify(request, context, deps);
  throw new Error("not written yet");
}
