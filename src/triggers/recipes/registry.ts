import type { Provider } from "./checked-recipe.ts";
import { CODE_RECIPES } from "./code/index.ts";
import { COMMERCE } from "./providers/commerce.ts";
import { DEVELOPER_TOOLS } from "./providers/developer-tools.ts";
import { MESSAGING } from "./providers/messaging.ts";
import { PRODUCTIVITY } from "./providers/productivity.ts";
import { STANDARD_WEBHOOKS } from "./providers/standard-webhooks.ts";

/** Every provider whose webhooks we can verify, by the name that a connector's settings use. */
export const PROVIDERS: ReadonlyMap<string, Provider> = new Map(
  Object.entries({
    ...DEVELOPER_TOOLS,
    ...MESSAGING,
    ...COMMERCE,
    ...PRODUCTIVITY,
    ...STANDARD_WEBHOOKS,
    ...CODE_RECIPES,
  }),
);

/** The providers that fit a connector without a word: one, several to choose from, or none. */
export function providersForConnector(type: string, service: string): string[] {
  const named = (name: string) =>
    [...PROVIDERS].flatMap(([key, { services }]) => (services.includes(name) ? [key] : []));
  const byService = named(service);
  return byService.length > 0 ? byService : named(type);
}
