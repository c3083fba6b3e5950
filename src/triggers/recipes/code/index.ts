import type { Provider } from "../checked-recipe.ts";
import { asana } from "./asana.ts";
import { hubspot } from "./hubspot.ts";
import { JWT_RECIPES } from "./jwt-recipes.ts";
import { microsoftGraph } from "./microsoft-graph.ts";
import { notion } from "./notion.ts";
import { salesforceOutbound } from "./salesforce.ts";
import { awsSns } from "./sns.ts";
import { twilio } from "./twilio.ts";

/** Providers whose verification data alone cannot say, by the name that a connector's settings use. */
export const CODE_RECIPES: Readonly<Record<string, Provider>> = {
  asana,
  "aws-sns": awsSns,
  hubspot,
  "microsoft-graph": microsoftGraph,
  notion,
  "salesforce-outbound": salesforceOutbound,
  twilio,
  ...JWT_RECIPES,
};
