import type { RecipeContext } from "./recipe.ts";

/** The values of a setting that is one text or a list of them; none when it is not set. */
export function settingTexts(settings: RecipeContext["settings"], name: string): readonly string[] {
  const value = Object.hasOwn(settings, name) ? (settings[name] ?? []) : [];
  return typeof value === "string" ? [value] : value;
}
