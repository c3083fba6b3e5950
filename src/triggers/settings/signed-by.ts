import type { SavedConfig } from "../../catalog/driver.ts";
import type { TriggerChange } from "./change-trigger.ts";
import type { Trigger } from "./trigger-store.ts";

/**
 * What a connector's own `data` says of how its events are signed, as a change of its trigger settings. Where somebody
 * chose another provider or a recipe, it says nothing.
 */
export function signedBy(
  { recipe }: Pick<Trigger, "recipe">,
  told: SavedConfig<unknown>["trigger"],
): Pick<TriggerChange, "provider" | "secrets"> {
  if (told === undefined) return {};
  const { provider, secret } = told;
  const secrets = secret === null ? {} : { secrets: [secret] };
  if (recipe === null) return { provider, ...secrets };
  const chosen: { provider?: string } = JSON.parse(recipe);
  return chosen.provider === provider ? secrets : {};
}
