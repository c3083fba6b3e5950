import { expect, test } from "vitest";
import { section } from "../../scripts/doc-tables.ts";
import { providerTable } from "../../scripts/webhook-table.ts";
import { PROVIDERS } from "../../src/triggers/recipes/registry.ts";
import { checkRecipe, parseStoredRecipe, secretProblem } from "../../src/triggers/recipes/stored-recipe.ts";
import { textOf } from "./texts.ts";

const guide = textOf("docs/webhook-providers.md");

// After a change of a recipe: node scripts/docs.ts
test("docs/webhook-providers.md lists every provider as it is verified", () => {
  expect(section(guide, "providers")).toBe(providerTable(PROVIDERS));
});

test("the recipe that docs/webhook-providers.md shows is one, and its secret fits", async () => {
  const [, json = ""] = guide.match(/```json\n([\s\S]+?)```/) ?? [];
  const { recipe, secrets } = JSON.parse(json);
  const checked = checkRecipe({ recipe });
  expect(checked).toMatchObject({ ok: true });
  const stored = parseStoredRecipe(JSON.stringify(checked.ok && checked.value));
  expect(await secretProblem(stored.recipe, secrets[0])).toBeNull();
});
